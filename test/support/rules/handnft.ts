// Rules of nft as people write them: what the language offers for a first packet, with
// sets, maps and maps of verdicts, in tables of several families and priorities.

import type { Random } from "../random.ts";
import { randomConditions, randomVerdict } from "./handnft.words.ts";
import { V4, V6, type Written } from "./written.ts";

type NftFamily = "ip" | "ip6" | "inet";

export interface HandNftRule {
	readonly family: NftFamily;
	readonly priority: number;
	readonly chain: string;
	/** The definition of a set, to which the rule's @SET refers. */
	readonly set: string | undefined;
	readonly text: string;
	/** Its base chains drop what reaches their end. */
	readonly drops: boolean;
}

/** A chain calls only those behind it. */
const CALLED = ["hand0", "hand1"];
const CHAINS = ["prerouting", "output", ...CALLED];

export function randomHandNftRule(r: Random): HandNftRule {
	const family = r.pick(["ip", "ip", "ip6", "inet"] as const);
	const chain = r.pick([...CHAINS, "prerouting"]);
	const isV4 = family === "ip" || (family === "inet" && r.chance(0.5));
	const version = isV4 ? V4 : V6;
	const after = CALLED.slice(CALLED.indexOf(chain) + 1);
	const { text, set } = randomConditions(r, version, chain);
	return {
		family,
		priority: r.pick([-100, -100, -100, -100, -101, -90]),
		chain,
		set,
		text: `${text}${randomVerdict(r, version, after, !CALLED.includes(chain))}`,
		drops: r.chance(0.01),
	};
}

export function handNft(all: readonly HandNftRule[]): Written {
	const nft: string[] = [];
	for (const priority of [-101, -100, -90])
		for (const family of ["inet", "ip", "ip6"] as const) {
			const own = all.filter(
				(rule) => rule.family === family && rule.priority === priority,
			);
			if (own.length > 0) nft.push(tableText(own, family, priority));
		}
	return { tables: [], nft };
}

function tableText(
	own: readonly HandNftRule[],
	family: NftFamily,
	priority: number,
): string {
	const sets = own.map(({ set }, i) =>
		set === undefined ? "" : `\n\tset hand${i} {\n\t\t${set}\n\t}`,
	);
	const policy = own.some((rule) => rule.drops) ? "drop" : "accept";
	const chains = [...CHAINS].reverse().map((chain) => {
		const base = ["prerouting", "output"].includes(chain)
			? `\n\t\ttype nat hook ${chain} priority ${priority}; policy ${policy};`
			: "";
		const rules = own.flatMap((rule, i) =>
			rule.chain === chain
				? [`\n\t\t${rule.text.replaceAll("@SET", `@hand${i}`)}`]
				: [],
		);
		return `\n\tchain ${chain} {${base}${rules.join("")}\n\t}`;
	});
	return `table ${family} hand${Math.abs(priority)} {${sets.join("")}${chains.join("")}\n}`;
}
