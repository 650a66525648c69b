// The scenarios that every runtime is put through, and the bounds that the tests assert.

import { RETIRE_SECONDS } from "../../support/conflist.ts";
import { flushTable } from "../../support/conntrack.ts";
import type { Example } from "../../support/runtimes/examples.ts";
import {
	describeClient,
	type Kind,
	MAPPINGS,
	type Node,
} from "../../support/runtimes/node.ts";
import type { Pod, Runtime } from "../../support/runtimes/runtime.ts";

/** All senders reach the new pod this soon after its start. */
export const WITHIN_MS = 1000;

/** Replacements in a row. */
export const REPEAT = Number(process.env.RUNTIMES_REPEAT ?? 3);

/** How long an entry towards a deleted pod may live, and the senders' next datagram. */
export function retiredWithin({ deletes }: Example): number {
	return WITHIN_MS + (deletes ? 0 : RETIRE_SECONDS * 1000);
}

export function sendersOf({ kinds }: Example): number {
	return kinds.flatMap((kind) => kind.ids).length;
}

let started = 0;

export function runPod(
	runtime: Runtime,
	role: string,
	hostNetwork = false,
): Promise<Pod> {
	const name = `${role}-${++started}`;
	return runtime.run({ name, hostNetwork }, hostNetwork ? [] : MAPPINGS);
}

/** The senders of these kinds that have not reached the pod `withinMs` after its start. */
export async function late(
	node: Node,
	pod: Pod,
	kinds: readonly Kind[],
	withinMs = WITHIN_MS,
): Promise<string[]> {
	const ids = kinds.flatMap((kind) => kind.ids);
	const { startedAt, name } = pod;
	const found = await node.ledger.recovery(name, ids, startedAt, withinMs);
	return found.late.map(
		({ id, lastSeen }) => `${name}: ${describeClient(id)}: ${lastSeen}`,
	);
}

export interface Exchange {
	/** Senders that did not reach a pod within a second of its start. */
	readonly late: readonly string[];
	/** Addresses, rules and records that were left of the pods when the last was deleted. */
	readonly left: readonly string[];
	/** Senders that did not reach the pod in the host's network. */
	readonly lost: readonly string[];
}

export const ALL_WELL: Exchange = { late: [], left: [], lost: [] };

/**
 * A pod is replaced again and again. The last one gives way to a pod in the
 * host's network, to which no rule leads and for which no plugin is called: only
 * the DEL of the last can have helped.
 */
export async function exchange(
	node: Node,
	runtime: Runtime,
	example: Example,
	times = REPEAT,
): Promise<Exchange> {
	const { kinds } = example;
	const slow: string[] = [];
	// the senders' entries are older than the first pod, and lead to no pod
	await flushTable(node.topology.node);
	for (let n = 0; n <= times; n++) {
		const pod = await runPod(runtime, "pod");
		slow.push(...(await late(node, pod, kinds)));
		if (n === 0) await mustLeave(node, runtime, ["address", "rule"]);
		await pod.remove();
	}
	const left = await leftBehind(node, runtime);
	const host = await runPod(runtime, "host", true);
	const lost = await late(node, host, kinds, retiredWithin(example));
	await host.remove();
	return { late: slow, left, lost };
}

/** Throws unless the pod that runs shows, so that looking for what is left is worth something. */
async function mustLeave(
	node: Node,
	runtime: Runtime,
	traces: readonly string[],
): Promise<void> {
	const there = await leftBehind(node, runtime);
	const missing = traces.filter(
		(t) => !there.some((line) => line.startsWith(t)),
	);
	if (missing.length > 0) throw new Error(`a pod runs without ${missing}`);
}

/** Returns the addresses, rules and records that are there, none of which a chain that has run to its end may leave. */
export async function leftBehind(
	{ machine }: Node,
	{ network }: Runtime,
): Promise<string[]> {
	const script = `
		ls "/var/lib/cni/networks/$0" | grep -Ev '^(last_reserved_ip|lock)' | sed 's/^/address /'
		ls /run/cni/conntrack-flush 2>/dev/null | grep -Ev '^(ballast|departed(.1)?|queue|turn(.2)?)$' | sed 's/^/record /'
		ls /run/cni/conntrack-flush/queue 2>/dev/null | sed 's/^/request /'
		{ iptables-save; ip6tables-save; nft -s list ruleset; } 2>/dev/null |
			sed 's/\\[[0-9]*:[0-9]*\\]//' | # a counter may look like a port
			grep -wE '${MAPPINGS.map((m) => m.hostPort).join("|")}' | sed 's/^/rule /'
		true`;
	const said = await machine.must(["sh", "-c", script, network]);
	return said.split("\n").filter(Boolean);
}

/** Returns what is left but the records: a DEL that cannot work keeps its record for one that can. */
export function withoutRecords(left: readonly string[]): string[] {
	return left.filter((line) => !line.startsWith("record "));
}
