// A node for the tests of reconciliation, and the command as it is called there.

import { join } from "node:path";
import { readTable, type Tuple } from "../support/conntrack.ts";
import { tuple } from "../support/entries.ts";
import { type Ran, run } from "../support/exec.ts";
import { equip, ON_LOOPBACK } from "../support/node.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { TSX } from "../support/worker.ts";
import { type Agent, startAgent } from "./agent.ts";
import type { Made } from "./creation.ts";

export const EXECUTABLE = [join(OUR_BIN, "conntrack-flush")];
export const ON_NODE = [...TSX, "plugin/host/node/main.ts"];

/** A namespace with the addresses of the fixture's node. */
export async function startNode(): Promise<Agent> {
	const agent = await startAgent("node");
	await equip(agent.ns, { addresses: { lo: ON_LOOPBACK } });
	return agent;
}

export const document = (frontends: readonly object[]): string =>
	JSON.stringify({ frontends });

export function reconcile(
	agent: Agent,
	frontends: readonly object[],
	argv: readonly string[] = [],
	host: readonly string[] = EXECUTABLE,
): Promise<Ran> {
	return run(
		agent.ns.inside([...host, "reconcile", "--frontends", "-", ...argv]),
		{ input: document(frontends) },
	);
}

const words = (proto: string | number | undefined, t: Tuple): string =>
	`${proto} ${t.src}:${t.sport} > ${t.dst}:${t.dport}`;

/** Returns the entries that are there, by their protocols and original tuples, in order. */
export async function present(agent: Agent): Promise<string[]> {
	const table = await readTable(agent.ns);
	return table.map(({ proto, orig }) => words(proto, orig)).sort();
}

/** Returns the same of entries that were made. */
export function spelt(flows: readonly Made[]): string[] {
	return flows.map(({ proto, orig }) => words(proto, tuple(orig))).sort();
}
