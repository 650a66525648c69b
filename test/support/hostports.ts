// The nat rules that portmap makes of hostPorts, without portmap: for tables whose entries
// are made over ctnetlink. Each call appends, as portmap's ADD does, so of two rules for
// one address and port the older one counts.

import { AF_INET } from "../../src/net/ip.ts";
import { protocolName } from "../../src/net/proto.ts";
import type { Mapping } from "../../src/policy/mapping.ts";
import { must } from "./exec.ts";
import type { Namespace } from "./netns.ts";

/** The backends of portmap, and the older program that is called iptables. */
export const RULE_WRITERS = ["iptables", "nftables", "legacy"] as const;
export type RuleWriter = (typeof RULE_WRITERS)[number];

/** Adds the rules of the mappings. Returns a function that removes them and leaves the jumps, as portmap's DEL does. */
export async function mapHostPorts(
	ns: Namespace,
	mappings: readonly Mapping[],
	writer: RuleWriter = "iptables",
): Promise<() => Promise<void>> {
	const write = writer === "nftables" ? nftScript : iptablesScript;
	const { add, remove } = write(mappings, writer);
	await must(ns.inside(["sh", "-e"]), { input: add });
	return async () => {
		await must(ns.inside(["sh", "-e"]), { input: remove });
	};
}

interface Script {
	readonly add: string;
	readonly remove: string;
}

/** plugins/meta/portmap/portmap_iptables.go */
function iptablesScript(
	mappings: readonly Mapping[],
	writer: RuleWriter,
): Script {
	const top = "CNI-HOSTPORT-DNAT";
	const add: string[] = [];
	const remove: string[] = [];
	for (const m of mappings) {
		const tool = m.family === AF_INET ? "iptables" : "ip6tables";
		const iptables = `${tool}-${writer === "legacy" ? "legacy" : "nft"} -w -t nat`;
		const proto = protocolName(m.proto);
		const chain = `CNI-DN-${digest(JSON.stringify(m))}`;
		const jump = `-p ${proto} -m multiport --dports ${m.hostPort} -j ${chain}`;
		add.push(
			`${iptables} -N ${top} 2>/dev/null || true`,
			...["PREROUTING", "OUTPUT"].map((hook) => {
				const rule = `${hook} -m addrtype --dst-type LOCAL -j ${top}`;
				return `${iptables} -C ${rule} 2>/dev/null || ${iptables} -A ${rule}`;
			}),
			`${iptables} -N ${chain}`,
			`${iptables} -A ${chain} ${m.hostIP === null ? "" : `-d ${m.hostIP} `}-p ${proto} --dport ${m.hostPort} -j DNAT --to-destination ${target(m)}`,
			`${iptables} -A ${top} ${jump}`,
		);
		remove.push(
			`${iptables} -D ${top} ${jump}`,
			`${iptables} -F ${chain}`,
			`${iptables} -X ${chain}`,
		);
	}
	return { add: add.join("\n"), remove: remove.join("\n") };
}

/** plugins/meta/portmap/portmap_nftables.go */
function nftScript(mappings: readonly Mapping[]): Script {
	const tables = new Set<string>();
	const add: string[] = [];
	const remove: string[] = [];
	for (const m of mappings) {
		const family = m.family === AF_INET ? "ip" : "ip6";
		const table = `${family} cni_hostport`;
		const chain = m.hostIP === null ? "hostports" : "hostip_hostports";
		const id = digest(JSON.stringify(m));
		const to = m.hostIP === null ? "" : `${family} daddr ${m.hostIP} `;
		tables.add(table);
		add.push(
			`add rule ${table} ${chain} ${to}${protocolName(m.proto)} dport ${m.hostPort} dnat to ${target(m)} comment "${id}"`,
		);
		remove.push(
			`nft delete rule ${table} ${chain} handle $(nft -a list chain ${table} ${chain} | sed -n 's/.*"${id}" # handle //p')`,
		);
	}
	const jumps = ["hostip_hostports", "hostports"]
		.map((chain) => `fib daddr type local jump ${chain}`)
		.join("; ");
	const create = [...tables].map(
		(table) => `nft list table ${table} >/dev/null 2>&1 || nft -f - <<'EOF'
table ${table} {
	chain hostports {}
	chain hostip_hostports {}
	chain prerouting { type nat hook prerouting priority -100; ${jumps}; }
	chain output { type nat hook output priority -100; ${jumps}; }
}
EOF`,
	);
	return {
		add: [...create, "nft -f - <<'EOF'", ...add, "EOF"].join("\n"),
		remove: remove.join("\n"),
	};
}

function target({ family, podIP, containerPort }: Mapping): string {
	return family === AF_INET
		? `${podIP}:${containerPort}`
		: `[${podIP}]:${containerPort}`;
}

/** Returns a short name that differs for different texts. */
function digest(text: string): string {
	let hash = 0;
	for (const c of text) hash = (Math.imul(hash, 31) + c.charCodeAt(0)) >>> 0;
	return hash.toString(16).padStart(8, "0");
}
