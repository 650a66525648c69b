// A node with one engine: a published port whose container is replaced while clients
// send, and healthy flows beside it. It holds the scenarios that every engine is put
// through, and does not know what an engine does by itself.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { now, sleep } from "../../support/clock.ts";
import { readTable } from "../../support/conntrack.ts";
import { run } from "../../support/exec.ts";
import { OUR_BIN } from "../../support/requirements.ts";
import { startBeside } from "../../support/runtimes/beside.ts";
import {
	createNode,
	type Kind,
	MAPPINGS,
	type Node,
} from "../../support/runtimes/node.ts";
import type { Container, Engine } from "../../support/runtimes/runtime.ts";

/** All clients reach the new container this soon after the engine's command has returned: a loop pauses for a second before its next pass. */
const WITHIN_MS = 1500;

/** So long the port has no rule, beside the time that the engine itself takes: each client sends several times. */
const GAP_MS = 300;

const OURS = join(OUR_BIN, "conntrack-flush");

export type Scenario = "replaced" | "absent for a while";

export interface Replaced {
	/** How many clients did not reach the new container in time. */
	readonly lost: number;
	/** How many of their entries led to it then. */
	readonly direct: number;
	/** How many led elsewhere. */
	readonly aside: number;
	/** The healthy flows that were touched. */
	readonly broken: readonly string[];
}

export const ALL_WELL: Partial<Replaced> = { lost: 0, aside: 0, broken: [] };

export interface EngineStage {
	readonly node: Node;
	readonly engine: Engine;
	readonly clients: number;
	/** The container that has the port now. */
	container(): Container;
	/** Removes the container and runs another, which has another address. */
	replace(scenario: Scenario): Promise<Replaced>;
	/** What our executable prints on the node; rejects if it fails. */
	ask(...args: string[]): Promise<string>;
	/** Starts our executable on the node. */
	help(...args: string[]): Promise<Help>;
}

export interface Help {
	/** The last that it has written. */
	said(): string;
	stop(): Promise<void>;
}

/** Makes the stage, on which the port's first container runs and the clients send. */
export async function createEngineStage(
	startEngine: (node: Node) => Promise<Engine>,
	kinds: readonly Kind[],
): Promise<EngineStage> {
	const node = await createNode();
	const engine = await startEngine(node);
	const beside = await startBeside(node, engine);
	const ids = kinds.flatMap((kind) => kind.ids);
	let made = 0;
	const runNext = (): Promise<Container> =>
		engine.run({ name: `pod-${++made}` }, MAPPINGS);
	let container = await runNext();
	await node.startClients(kinds);

	const lost = async (since: number): Promise<number> => {
		const { name } = container;
		const { late } = await node.ledger.recovery(name, ids, since, WITHIN_MS);
		return late.length;
	};
	/** The entries when all lead to the container, or when the time is over. */
	const entries = async (
		since: number,
	): Promise<Pick<Replaced, "direct" | "aside">> => {
		for (;;) {
			const isLate = now() > since + WITHIN_MS;
			const counts = await countEntries(node, kinds, container);
			if (counts.direct === ids.length || isLate) return counts;
			await sleep(20);
		}
	};

	return {
		node,
		engine,
		clients: ids.length,
		container: () => container,
		async replace(scenario) {
			await forget(node, kinds);
			const missing = await lost(now());
			if (missing > 0)
				throw new Error(`${missing} clients have no container to lose`);
			await beside.broken();
			await container.remove();
			if (scenario === "absent for a while") await sleep(GAP_MS);
			const old = container.addresses;
			container = await runNext();
			const since = now();
			if (container.addresses.some((address) => old.includes(address)))
				throw new Error(`${container.name} has the address of the last`);
			const [count, counts] = await Promise.all([lost(since), entries(since)]);
			return { lost: count, ...counts, broken: await beside.broken() };
		},
		ask: (...args) => node.machine.must([OURS, ...args]),
		async help(...args) {
			const log = join(node.dir("logs"), `help-${++made}.log`);
			const service = await node.machine.start([OURS, ...args], log);
			return {
				said: () => readFileSync(log, "utf8").slice(-2000),
				stop: () => service.stop("SIGTERM"),
			};
		},
	};
}

async function countEntries(
	{ topology }: Node,
	kinds: readonly Kind[],
	{ addresses }: Container,
): Promise<Pick<Replaced, "direct" | "aside">> {
	const table = await readTable(topology.node, ["-p", "udp"]);
	const theirs = table.filter(({ orig }) =>
		kinds.some(({ to, port }) => orig.dst === to && orig.dport === port),
	);
	const direct = theirs.filter(({ reply }) => addresses.includes(reply.src));
	return { direct: direct.length, aside: theirs.length - direct.length };
}

/** Removes the entries of the clients and of the answers to them, so that the rules decide about each client anew. */
async function forget(
	{ topology }: Node,
	kinds: readonly Kind[],
): Promise<void> {
	for (const { to, port } of kinds)
		for (const side of ["dst", "src"]) {
			const family = to.includes(":") ? "ipv6" : "ipv4";
			const only = `-p udp --orig-${side} ${to} --orig-port-${side} ${port}`;
			await run(
				topology.node.inside(`conntrack -D -f ${family} ${only}`.split(" ")),
			);
		}
}
