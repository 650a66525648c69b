// What kube-proxy's own code says of a case, and what ours says, in memory.

import type { Entry } from "../../src/conntrack/entry.ts";
import { familyOf } from "../../src/net/ip.ts";
import { IPPROTO_UDP } from "../../src/net/proto.ts";
import { readCluster } from "../../src/reconcile/cluster.ts";
import { makeClaimSource } from "../../src/reconcile/services.ts";
import { must } from "../support/exec.ts";
import { tool } from "../support/runtimes/tools.ts";
import type { Case, Flow } from "./services.cases.ts";

export interface Answer {
	readonly deleted: readonly number[];
	readonly served: readonly number[];
}

/** Returns what kube-proxy says of each case. */
export async function askKubeProxy(cases: readonly Case[]): Promise<Answer[]> {
	const input = cases.map((c) => `${JSON.stringify(c)}\n`).join("");
	const answers = await must([tool("kubeproxy/kubeproxy")], { input });
	return answers
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
}

function entryOf({ proto, dst, dport, src, sport }: Flow): Entry {
	const client = dst.includes(":") ? "fd07::7" : "192.0.2.7";
	const isNatted = src !== dst || sport !== dport;
	return {
		family: familyOf(dst),
		proto,
		orig: { src: client, sport: 40_000, dst, dport },
		reply: { src, sport, dst: client, dport: 40_000 },
		status: isNatted ? 0x28 : 0x8,
		key: {} as Entry["key"],
	};
}

/** Returns the numbers of the entries that we delete. */
export function ours({ list, flows, local }: Case): number[] {
	let text = JSON.stringify(list);
	const read = (): string => {
		const part = text;
		text = "";
		return part;
	};
	const claims = readCluster(read, [IPPROTO_UDP], () => {});
	const desired = makeClaimSource(claims)((ip) => local.includes(ip));
	return flows.flatMap((f, i) =>
		desired.judge(entryOf(f)) === undefined ? [] : [i],
	);
}
