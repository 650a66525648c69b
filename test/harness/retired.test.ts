// A pod gets the address of the pod before it while entries that the DEL of that pod
// retired still live. They lead to the right place, but would end under the new pod.

import { expect, test } from "vitest";
import { now } from "../support/clock.ts";
import { readTable } from "../support/conntrack.ts";
import { HOST4, HOST6 } from "../support/node.ts";
import { attachment, createScene, HOST_PORT } from "../support/scene.ts";
import { chainFor, forTests, mappings, WITHIN_MS } from "./setup.ts";

const CLIENTS = [HOST4, HOST6].flatMap((host, n) =>
	Array.from({ length: 8 }, (_, i) => ({
		id: 8 * n + i,
		from: { port: 43_000 + 8 * n + i },
		to: { host, port: HOST_PORT },
		everyMs: 50,
		asks: false,
	})),
);
const IDS = CLIENTS.map(({ id }) => id);
/** Longer than an ADD takes on a busy machine. */
const RETIRE_SECONDS = 30;

const scene = forTests(createScene);

test("ADD removes what is retired, and the next packets make entries that last", async () => {
	const { topology, ledger, world } = scene;
	const chain = chainFor(topology, {
		arrangement: "single",
		oneAddress: true,
		keys: { retireSeconds: RETIRE_SECONDS },
	});
	const [a, b] = scene.turns;
	const [first, second] = [
		attachment(a, mappings()),
		attachment(b, mappings()),
	];
	const timeouts = async (): Promise<number[]> =>
		(await readTable(topology.node, ["-p", "udp"]))
			.filter(({ orig }) => orig.dport === HOST_PORT)
			.map(({ timeout }) => timeout);

	await chain.add(first);
	const sent = now();
	await world.send(CLIENTS);
	const toFirst = await ledger.recovery(a.receiver, IDS, sent, WITHIN_MS);
	expect(toFirst.late).toEqual([]);
	await chain.del(first);
	const retired = await timeouts();
	expect(retired).toHaveLength(CLIENTS.length);
	expect(Math.max(...retired)).toBeLessThanOrEqual(RETIRE_SECONDS);

	const added = await chain.add(second);
	const log = added.map(({ stderr }) => stderr).join("");
	expect(log).toContain(`reasons=retired:${CLIENTS.length}`);
	const since = added.at(-1)?.endedAt ?? 0;
	const { late } = await ledger.recovery(b.receiver, IDS, since, WITHIN_MS);
	expect(late).toEqual([]);
	const lasting = await timeouts();
	expect(lasting).toHaveLength(CLIENTS.length);
	expect(Math.min(...lasting)).toBeGreaterThan(RETIRE_SECONDS);
}, 60_000);
