// Rules as programs write them, and their way into the kernel. Rules of iptables from
// several programs share one table, as on a real node; each nft program has its own.

import { must, run } from "../exec.ts";
import type { Namespace } from "../netns.ts";

/** The two programs that are called iptables. */
export const BACKENDS = ["nft", "legacy"] as const;
export type Backend = (typeof BACKENDS)[number];
export const V4 = 4;
export const V6 = 6;
export type Version = typeof V4 | typeof V6;

/** One program's rules in the nat table of iptables. */
export interface Tables {
	readonly version: Version;
	/** Rules by chain, without `-A CHAIN`; PREROUTING and OUTPUT among them. */
	readonly chains: Readonly<Record<string, readonly string[]>>;
}

/** All rules of one program. */
export interface Written {
	readonly tables: readonly Tables[];
	/** Files of nft. */
	readonly nft: readonly string[];
}

/** The rules of a node. */
export interface Rules {
	/** Those of iptables, in the order in which they were written. */
	readonly tables: readonly (Tables & { readonly backend: Backend })[];
	readonly nft: readonly string[];
	/** The files of nft were there first, so its chains were registered first. */
	readonly isNftFirst: boolean;
}

/**
 * A closed port answers TCP with a reset, which ends the entry, and UDP with an error,
 * which costs time. They are dropped before they reach the entry. A rule that asks for a
 * state makes the kernel track connections in both families (nf_ct_netns_get).
 */
const QUIET = `flush ruleset
table inet quiet {
	chain output {
		type filter hook output priority raw; policy accept;
		tcp flags rst drop
		icmp type { destination-unreachable, redirect, time-exceeded } drop
		icmpv6 type { destination-unreachable, nd-redirect, time-exceeded } drop
		ct state invalid accept
	}
}
`;

const BUILT_IN = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"];

/** Returns the input of iptables-restore, or undefined if there are no rules. */
function restoreText(
	{ tables }: Rules,
	backend: Backend,
	version: Version,
): string | undefined {
	const rules = new Map<string, string[]>();
	for (const t of tables)
		if (t.backend === backend && t.version === version)
			for (const [chain, own] of Object.entries(t.chains))
				rules.set(chain, [...(rules.get(chain) ?? []), ...own]);
	if (rules.size === 0) return undefined;
	return [
		"*nat",
		...[...new Set([...BUILT_IN, ...rules.keys()])].map(
			(chain) => `:${chain} ${BUILT_IN.includes(chain) ? "ACCEPT" : "-"} [0:0]`,
		),
		...[...rules].flatMap(([chain, own]) =>
			own.map((rule) => `-A ${chain} ${rule}`),
		),
		"COMMIT",
		"",
	].join("\n");
}

/** Returns the rules of one version, and those for both, as one text for a report. */
export function rulesText(rules: Rules, version: Version): string {
	const iptables = BACKENDS.map((backend) => {
		const text = restoreText(rules, backend, version);
		return text === undefined ? "" : `# ${backend}\n${text}`;
	});
	const other = version === V4 ? "table ip6 " : "table ip ";
	// a file may hold tables of both
	const nft = rules.nft.filter((text) => !text.startsWith(other));
	const all = rules.isNftFirst ? [...nft, ...iptables] : [...iptables, ...nft];
	return all.filter((text) => text !== "").join("\n");
}

/** Puts these rules in the place of all others. */
export async function load(ns: Namespace, rules: Rules): Promise<void> {
	const nft = async (input: string): Promise<void> => {
		await must(ns.inside(["nft", "-f", "-"]), { input });
	};
	const files = rules.nft.join("\n");
	await nft(rules.isNftFirst ? `${QUIET}${files}` : QUIET);
	for (const backend of BACKENDS)
		for (const version of [V4, V6] as const) {
			const text = restoreText(rules, backend, version);
			const tool = version === V4 ? "iptables" : "ip6tables";
			if (text !== undefined)
				await must(ns.inside([`${tool}-${backend}-restore`, "-w"]), {
					input: text,
				});
			// a table of the legacy backend does not go, but only becomes empty
			else if (backend === "legacy" && (await hasLegacy(ns, version)))
				await must(ns.inside([`${tool}-legacy-restore`, "-w"]), {
					input: "*nat\nCOMMIT\n",
				});
		}
	if (!rules.isNftFirst && files !== "") await nft(files);
}

async function hasLegacy(ns: Namespace, version: Version): Promise<boolean> {
	const file = `/proc/net/${version === V4 ? "ip" : "ip6"}_tables_names`;
	const { stdout } = await run(ns.inside(["cat", file]));
	return stdout.includes("nat");
}
