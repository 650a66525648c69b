// The nat rules of the benchmark's node: those that portmap makes for the ports of an
// operation, and beside them those that kube-proxy makes for so many Services.

import { must } from "../support/exec.ts";
import type { Op } from "./ops.ts";
import { mappingsOf, POD4, POD6 } from "./request.ts";

/** The rules that kube-proxy makes for a Service of two endpoints. */
export const RULES_PER_SERVICE = 8;

/** Puts the rules of an operation in place of those before. */
export async function loadRules(name: string, op: Op): Promise<void> {
	const inside = (argv: readonly string[], input: string): Promise<string> =>
		must(["ip", "netns", "exec", name, ...argv], { input });
	await inside(["nft", "-f", "-"], portmapRules(op));
	await inside(["iptables-restore", "-w"], services(op.services ?? 0));
}

/** The table of portmap's nft backend. */
function portmapRules({ request }: Op): string {
	const family = (table: string, pod: string): string =>
		[
			`table ${table} cni_hostport`,
			`delete table ${table} cni_hostport`,
			`table ${table} cni_hostport {`,
			"chain hostports {",
			...mappingsOf(request).map(
				(m) => `udp dport ${m.host} dnat to ${pod}:${m.container}`,
			),
			"}",
			...["prerouting", "output"].map(
				(hook) =>
					`chain ${hook} { type nat hook ${hook} priority -100; fib daddr type local jump hostports; }`,
			),
			"}",
		].join("\n");
	return `${family("ip", POD4)}\n${family("ip6", `[${POD6}]`)}\n`;
}

/** kube-proxy's rules in the form of iptables-save; its jump stands first. */
function services(count: number): string {
	const chains = [":KUBE-SERVICES - [0:0]"];
	const rules = [
		"-A PREROUTING -j KUBE-SERVICES",
		"-A OUTPUT -j KUBE-SERVICES",
	];
	for (let i = 0; i < count; i++) {
		const ip = `10.97.${i >> 8}.${i & 255}`;
		const id = i.toString(36).toUpperCase().padStart(16, "A");
		const [svc, a, b] = [
			`KUBE-SVC-${id}`,
			`KUBE-SEP-${id}A`,
			`KUBE-SEP-${id}B`,
		];
		const why = `-m comment --comment "default/service-${i}:udp`;
		const end = (n: number): string => `10.245.${i >> 8}.${(i & 127) * 2 + n}`;
		for (const chain of [svc, a, b]) chains.push(`:${chain} - [0:0]`);
		rules.push(
			`-A KUBE-SERVICES -d ${ip}/32 -p udp ${why} cluster IP" -m udp --dport 8125 -j ${svc}`,
			`-A ${svc} ! -s 10.245.0.0/16 -d ${ip}/32 -p udp ${why} cluster IP" -m udp --dport 8125 -j MARK --set-xmark 0x4000/0x4000`,
			`-A ${svc} ${why} -> ${end(0)}:5353" -m statistic --mode random --probability 0.5 -j ${a}`,
			`-A ${svc} ${why} -> ${end(1)}:5353" -j ${b}`,
		);
		for (const [n, chain] of [a, b].entries())
			rules.push(
				`-A ${chain} -s ${end(n)}/32 ${why}" -j MARK --set-xmark 0x4000/0x4000`,
				`-A ${chain} -p udp ${why}" -m udp -j DNAT --to-destination ${end(n)}:5353`,
			);
	}
	return ["*nat", ...chains, ...rules, "COMMIT", ""].join("\n");
}
