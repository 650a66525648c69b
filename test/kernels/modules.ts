// Which modules a phase of the tests loads, and in which order: each after those
// that it says it needs. (The packages come without modules.dep.)

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Phase } from "./script.ts";

const WANTED: Readonly<Record<Phase, readonly string[]>> = {
	"no nfnetlink": [],
	// nf_conntrack's checksums ask for crc32c by its name, so nothing says that it is needed
	"no ctnetlink": ["crc32c_generic", "nfnetlink", "nf_conntrack"],
	tables: ["nf_conntrack_netlink", "nf_nat"],
	rules: ["nf_tables", "nft_ct", "nft_chain_nat", "nft_nat"],
	flowtable: ["veth", "nf_flow_table_inet", "nft_flow_offload"],
	ipvs: ["ip_vs", "ip_vs_rr"],
	races: ["nft_numgen", "nft_masq"],
};

/** The modules' names by phase. One without a file is built in. */
export function modulesByPhase(dir: string): Record<Phase, string[]> {
	const loaded = new Set<string>();
	const visit = (name: string, order: string[]): void => {
		const file = join(dir, `${name}.ko`);
		if (loaded.has(name) || !existsSync(file)) return;
		loaded.add(name);
		for (const needed of needs(file)) visit(needed, order);
		order.push(name);
	};
	const load = (phase: Phase): string[] => {
		const order: string[] = [];
		for (const name of WANTED[phase]) visit(name, order);
		return order;
	};
	return {
		"no nfnetlink": load("no nfnetlink"),
		"no ctnetlink": load("no ctnetlink"),
		tables: load("tables"),
		rules: load("rules"),
		flowtable: load("flowtable"),
		ipvs: load("ipvs"),
		races: load("races"),
	};
}

/** The section .modinfo holds `key=value` strings that end in NUL. */
function needs(file: string): string[] {
	const text = readFileSync(file, "latin1");
	const list = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? "";
	// names as files have them: a few with a dash, none of those that we load
	return list.split(",").filter(Boolean);
}
