// The answers to options of conntrack(8) that select by what no flag of ours selects by, or
// less than one does: a list that shows it, jq where a field tells. It runs nothing.

import { shellWord } from "../shell.ts";
import { UsageError } from "./usage.ts";

/**
 * Throws UsageError if something is selected by what no flag of ours selects by. `given`
 * has the options of conntrack(8), `words` and `rest` are the others in our words.
 */
export function refuse(
	given: ReadonlyMap<string, string>,
	words: readonly string[],
	rest: readonly string[],
): void {
	const select = [...words, ...rest].filter(
		(word, i, all) =>
			!/^(-n|--dry-run|-y|--yes|--output)$/.test(word) &&
			all[i - 1] !== "--output",
	);
	const list = ["list", "--all", ...select].map(shellWord).join(" ");
	const where = (condition: string): string =>
		`${list} -o jsonl | jq -c 'select(${condition})'`;
	for (const [key, value] of given) {
		const answer = (why: string, ...type: string[]): never => {
			throw new UsageError(why, undefined, type);
		};
		const by = `no flag selects by ${key}; a list shows it`;
		const isPlain = /^\w+$/.test(value);
		const isNumber = /^(0x[\da-f]+|\d+)$/i.test(value);
		if (key === "-m" && isNumber)
			answer(by, where(`.mark == ${Number(value)}`));
		if (key === "-u") answer(by, where(statusIn(value)));
		if (key === "--state" && isPlain)
			answer(by, where(`.tcpState == "${value}"`));
		if (key === "-i" && isNumber) answer(by, where(`.id == ${Number(value)}`));
		if (/^(-[mlti]|--state)$/.test(key)) answer(by, `${list} -o wide`);
		if (/^-[ngj]$/.test(key) && (value === "" || key === "-j"))
			answer(
				"no flag selects by NAT alone; a list shows where rules lead",
				`${list} -o wide`,
			);
		if (/^--mask/.test(key))
			answer(
				`${key}: a prefix stands behind its address, as in --from 10.88.0.0/16`,
				list,
			);
		if (/zone$/.test(key))
			answer(
				`${key}: a zone is selected by --zone`,
				`${list} --zone ${shellWord(value)}`,
			);
		if (key === "-z") answer("-z: nothing here sets counters to zero", list);
		if (/^-[eb]$/.test(key))
			answer(`${key}: nothing here follows events`, list);
	}
}

/** Throws UsageError with the command to type if the removal takes more entries of a zone than conntrack(8). */
export function refuseZone(taken: readonly string[]): void {
	const [, zone = "0"] = /(?:^|\n)--zone[=\n](.*)/.exec(taken.join("\n")) ?? [];
	if (Number(zone) !== 0)
		throw new UsageError(
			`zone ${zone} is here also that of one direction, which conntrack(8) leaves`,
			undefined,
			[taken.map(shellWord).join(" ")],
		);
}

/** Returns the condition on an entry's status for jq. */
function statusIn(value: string): string {
	return value
		.split(",")
		.map((bit) => bit.replace(/\W/g, "").toUpperCase())
		.map((bit) =>
			bit === "UNREPLIED"
				? '.status | index("SEEN_REPLY") | not'
				: `.status | index("${bit}")`,
		)
		.map((condition, _, all) => (all.length > 1 ? `(${condition})` : condition))
		.join(" and ");
}
