// What the races have counted on each kernel: docs/dns.json, the picture and the table that
// are made from it. It measures nothing.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { barChart } from "../bench/svg.ts";
import { type Counts, RACES } from "../support/races.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const DATA = join(DOCS, "dns.json");
const PICTURE = join(DOCS, "dns.svg");
const PAGE = join(DOCS, "dns.md");
const TABLE =
	/(<!-- the table is written by make races -->\n\n)[\s\S]*?(\n\n<!-- end -->)/;

export interface Measured {
	/** The version, such as `6.1.192`. */
	readonly kernel: string;
	/** In qemu, without virtualization. */
	readonly emulated: boolean;
	/** Pairs of packets in each race. */
	readonly pairs: number;
	/** In the order of `RACES`. */
	readonly races: readonly (Counts & { readonly name: string })[];
}

/** Writes what a kernel has counted in place of what it counted before, and draws all anew. */
export function keep(result: Measured): void {
	const before: Measured[] = existsSync(DATA)
		? JSON.parse(readFileSync(DATA, "utf8"))
		: [];
	const all = before
		.filter(({ kernel }) => kernel !== result.kernel)
		.concat(result)
		.toSorted((a, b) =>
			a.kernel.localeCompare(b.kernel, "en", { numeric: true }),
		);
	writeFileSync(DATA, `${JSON.stringify(all, undefined, "\t")}\n`);
	draw(all);
}

function draw(all: readonly Measured[]): void {
	const real = all.find(({ emulated }) => !emulated) ?? all.at(-1);
	if (real) writeFileSync(PICTURE, pictureOf(real));
	if (existsSync(PAGE))
		writeFileSync(PAGE, withTable(readFileSync(PAGE, "utf8"), all));
}

/** Returns the bars of what one kernel lost. */
export function pictureOf({ kernel, pairs, races }: Measured): string {
	return barChart({
		title: "Packets that were lost when flows began at the same moment",
		subtitle: `${pairs} pairs from two CPUs in each race, Linux ${kernel}; bold: with the cure`,
		unit: "%",
		bars: RACES.map(({ label, cured }, i) => ({
			label,
			tone: cured ? "ours" : "peer",
			value: (100 * (races[i]?.lost ?? 0)) / (2 * pairs),
		})),
	});
}

/** Returns the page with the table of what all kernels lost, and of the counter that rose. */
export function withTable(page: string, all: readonly Measured[]): string {
	const cells = [
		["", ...all.map(({ kernel, emulated }) => kernel + (emulated ? "" : " ¹"))],
		["---", ...all.map(() => "---")],
		...RACES.map(({ name }, i) => [
			name,
			...all.map(({ races, pairs }) => cellOf(races[i], pairs)),
		]),
	];
	const table = cells.map((row) => `| ${row.join(" | ")} |`).join("\n");
	return page.replace(TABLE, (_, before, after) => before + table + after);
}

function cellOf(counts: Counts | undefined, pairs: number): string {
	if (counts === undefined) return "";
	const lost = `${((100 * counts.lost) / (2 * pairs)).toFixed(1)} %`;
	const risen = (["clash_resolve", "insert_failed"] as const)
		.filter((name) => counts[name] > 0)
		.map((name) => `${name} ${counts[name]}`);
	return [lost, ...risen].join("; ");
}
