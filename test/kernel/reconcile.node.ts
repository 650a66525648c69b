// A node for the tests of reconciliation, and the command as it is called there.

import { join } from "node:path";
import { readTable, type Tuple } from "../support/conntrack.ts";
import { tuple } from "../support/entries.ts";
import { type Ran, run } from "../support/exec.ts";
import { ip } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { type Agent, startAgent } from "./agent.ts";
import type { Made } from "./creation.ts";

export const EXECUTABLE = [join(OUR_BIN, "conntrack-flush")];
export const ON_NODE = [
	process.execPath,
	"--import",
	import.meta.resolve("tsx"),
	"plugin/host/node.ts",
];

/** A namespace with the addresses of the fixture's node. */
export async function startNode(): Promise<Agent> {
	const agent = await startAgent("node");
	await ip(agent.ns, [
		"link set lo up",
		"address add 203.0.113.1/32 dev lo",
		"address add fd03::1/128 dev lo",
	]);
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

/** What is there, by its protocols and original tuples, in order. */
export async function present(agent: Agent): Promise<string[]> {
	const table = await readTable(agent.ns);
	return table.map(({ proto, orig }) => words(proto, orig)).sort();
}

/** The same of what was made. */
export function spelt(flows: readonly Made[]): string[] {
	return flows.map(({ proto, orig }) => words(proto, tuple(orig))).sort();
}
