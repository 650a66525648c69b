// A pod sends to its peers from the port that it publishes, as memberlist, consul and
// WireGuard do. Masquerade keeps that port, so the replies to these entries come to the
// hostPort: after the pod has gone, they would catch whatever its peers send there.

import { expect, test } from "vitest";
import { addresses, type Chain } from "../support/chain.ts";
import { now } from "../support/clock.ts";
import { type Arrangement, RETIRE_SECONDS } from "../support/conflist.ts";
import { flushTable, readTable } from "../support/conntrack.ts";
import { HOST4, HOST4B, HOST6, HOST6B } from "../support/node.ts";
import {
	attachment,
	CONTAINER_PORT,
	createScene,
	type Sandbox,
	type Scene,
} from "../support/scene.ts";
import { chainFor, forTests, WITHIN_MS } from "./setup.ts";

/** The pod publishes the port that it also sends from. */
const PORT = CONTAINER_PORT;
const MAPPING = { hostPort: PORT, containerPort: PORT, protocol: "udp" };
/** Eight peers of each family, of whom each sends from a port of its own, to the address under which masquerade shows the pod. */
const PEERS = [HOST4, HOST6B].flatMap((host, n) =>
	Array.from({ length: 8 }, (_, i) => ({
		id: 8 * n + i,
		from: { port: 41_000 + 8 * n + i },
		to: { host, port: PORT },
		everyMs: 50,
		asks: false,
	})),
);
const IDS = PEERS.map(({ id }) => id);
const WORLD: Readonly<Record<string, string>> = {
	[HOST4]: "203.0.113.2",
	[HOST6B]: "fd03::2",
};
/** A port of the world that no peer has; the neighbour sends there. */
const ELSEWHERE = 42_000;

const scene = forTests(createScene);

interface Row {
	readonly arrangement: Arrangement;
	/** From the return of DEL to the last peer's arrival. */
	readonly boundMs: number;
}
const ROWS: readonly Row[] = [
	{
		arrangement: "single",
		boundMs: RETIRE_SECONDS * 1000 + WITHIN_MS,
	},
	{ arrangement: "split", boundMs: WITHIN_MS + 500 },
];

/** The pod begins a flow to every peer, and then the peers send without pause. Returns those who reach the pod. */
async function begin(
	{ topology, ledger, world }: Scene,
	{ station, receiver }: Sandbox,
): Promise<number> {
	await world.stop();
	await flushTable(topology.node);
	for (const { from, to } of PEERS)
		await station.say(receiver, {
			host: WORLD[to.host] ?? "",
			port: from.port,
		});
	const begun = await readTable(topology.node, ["-p", "udp"]);
	const masqueraded = begun.filter(
		({ orig, reply }) =>
			orig.sport === PORT && reply.dport === PORT && reply.dst in WORLD,
	);
	expect(masqueraded).toHaveLength(PEERS.length);
	const since = now();
	await world.send(PEERS);
	const { after } = await ledger.recovery(receiver, IDS, since, WITHIN_MS);
	return after.size;
}

/** The entries that the neighbour began from the port, with their ids. */
async function neighbours(scene: Scene, pods: readonly string[]) {
	const table = await readTable(scene.topology.node, ["-p", "udp"]);
	return table
		.filter(({ orig }) => pods.includes(orig.src) && orig.dport === ELSEWHERE)
		.map(({ id, orig, reply }) => [id, orig.src, reply.dport]);
}

async function attachNeighbour(chain: Chain): Promise<readonly string[]> {
	const pod = attachment(
		scene.neighbour,
		[HOST4B, HOST6].map((hostIP) => ({ ...MAPPING, hostIP })),
	);
	await chain.add(pod);
	return addresses(chain.result(pod));
}

async function speakAsNeighbour(): Promise<void> {
	const { station, receiver } = scene.neighbour;
	for (const host of Object.values(WORLD))
		await station.say(receiver, { host, port: ELSEWHERE });
}

test("without us no peer reaches the next pod", async () => {
	const chain = chainFor(scene.topology, { arrangement: "without" });
	const [a, b] = scene.turns;
	const [first, second] = [attachment(a, [MAPPING]), attachment(b, [MAPPING])];
	await chain.add(first);
	expect(await begin(scene, a)).toBe(PEERS.length);
	const deleted = await chain.del(first);
	await chain.add(second);
	const since = deleted.at(-1)?.endedAt ?? 0;
	const { after } = await scene.ledger.recovery(
		b.receiver,
		IDS,
		since,
		RETIRE_SECONDS * 1000 + WITHIN_MS,
	);
	expect(after.size).toBe(0);
	await chain.del(second);
}, 60_000);

test.each(ROWS)(
	"every peer reaches the next pod, and then the node, and a living pod's flow from the port stays: $arrangement",
	async ({ arrangement, boundMs }) => {
		const { topology, ledger, node } = scene;
		const chain = chainFor(topology, { arrangement });
		const [a, b] = scene.turns;
		const [first, second] = [
			attachment(a, [MAPPING]),
			attachment(b, [MAPPING]),
		];
		const living = await attachNeighbour(chain);

		await chain.add(first);
		expect(await begin(scene, a)).toBe(PEERS.length);
		await speakAsNeighbour();
		const before = await neighbours(scene, living);
		expect(before.map(([, , port]) => port)).toEqual([PORT, PORT]);
		let since = (await chain.del(first)).at(-1)?.endedAt ?? 0;
		await chain.add(second);
		const toPod = await ledger.recovery(b.receiver, IDS, since, boundMs);
		expect(toPod.late).toEqual([]);
		expect(await neighbours(scene, living)).toEqual(before);

		expect(await begin(scene, b)).toBe(PEERS.length);
		since = (await chain.del(second)).at(-1)?.endedAt ?? 0;
		await node.listen({
			name: "node",
			host: "::",
			port: PORT,
			answers: "never",
		});
		const toNode = await ledger.recovery("node", IDS, since, boundMs);
		await node.close("node");
		expect(toNode.late).toEqual([]);
		await chain.del(attachment(scene.neighbour, []));
	},
	60_000,
);
