// Bursts of 1 to 100 calls on tables of three sizes, and the same number of calls of the
// peers. What counts is the ratio to one call of the same kind in the same run.
//
//	npx tsx test/bench/bursts.ts [--publish] [--slow] [--sizes N,M] [--calls N,M] [--kinds A]
//
// Needs root. --publish writes docs/bench/bursts.md. Bursts of peers that would take
// minutes are left out without --slow.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stayAwake } from "./awake.ts";
import { type Burst, burst, KINDS, type Kind } from "./burst.ts";
import { makeNode } from "./node.ts";
import { align } from "./report.ts";
import { machine } from "./results.ts";
import { tools } from "./tools.ts";
import { grouped, number } from "./words.ts";

const PAGE = join(import.meta.dirname, "../../docs/bench/bursts.md");
/** A burst of a peer that is expected to take so much CPU time is left out. */
const LONG_MS = 60_000;
/** The run of the median CPU time counts. */
const RUNS = 3;
/** A table on which one run has to do. */
const LARGE = 500_000;

const { values } = parseArgs({
	options: {
		publish: { type: "boolean", default: false },
		slow: { type: "boolean", default: false },
		sizes: { type: "string", default: "20000,200000,1000000" },
		calls: { type: "string", default: "1,8,32,100" },
		kinds: { type: "string", default: "" },
	},
});
const numbers = (list: string): number[] => list.split(",").map(Number);
const kinds = KINDS.filter((kind) => kind.startsWith(values.kinds));

const HEAD = [
	"",
	"calls",
	"CPU ms",
	"× one",
	"slowest ms",
	"× one",
	"RSS MB",
	"gave up",
	"stale left",
	"others lost",
];

/** Returns the cells of a burst beside those of one call. */
function cells(b: Burst, one: Burst): string[] {
	return [
		String(b.calls),
		number(b.cpu),
		number(b.cpu / one.cpu),
		number(b.slowest),
		number(b.slowest / one.slowest),
		number(b.rss / 1024),
		String(b.gaveUp),
		`${b.left} of ${20 * b.calls}`,
		String(b.lost),
	];
}

const kit = await tools("build/out/conntrack-flush", true);
const sizes = numbers(values.sizes);
const node = await makeNode(kit.fill, Math.max(...sizes));
const awake = stayAwake();
const tables: { size: number; lines: string[][] }[] = [];
try {
	for (const size of sizes) {
		if (size > node.limit) {
			process.stderr.write(
				`${size} entries: left out, the kernel allows ${node.limit}\n`,
			);
			continue;
		}
		const lines: string[][] = [];
		for (const kind of kinds) lines.push(...(await rowsOf(kind, size)));
		tables.push({ size, lines });
		process.stdout.write(
			`${grouped(size)} entries\n${align([HEAD, ...lines])}\n\n`,
		);
	}
	if (values.publish) writeFileSync(PAGE, page());
} finally {
	awake.end();
	node.remove();
}

async function rowsOf(kind: Kind, size: number): Promise<string[][]> {
	let one: Burst | undefined;
	const lines: string[][] = [];
	for (const calls of numbers(values.calls)) {
		const isPeer = /portmap|conntrack/.test(kind);
		if (isPeer && !values.slow && one && one.cpu * calls > LONG_MS) {
			const seconds = Math.round((one.cpu * calls) / 1000);
			const why = `left out: about ${seconds} s of CPU`;
			lines.push([kind, String(calls), why, "", "", "", "", "", "", ""]);
			continue;
		}
		process.stderr.write(`${size} entries: ${calls} × ${kind}\n`);
		const runs: Burst[] = [];
		for (let i = 0; i < (size > LARGE || isPeer ? 1 : RUNS); i++) {
			await node.table(size);
			runs.push(await burst(kind, calls, size, kit, node));
		}
		const found = runs.toSorted((a, b) => a.cpu - b.cpu)[runs.length >> 1];
		if (!found) throw new Error("no run");
		one ??= found;
		lines.push([kind, ...cells(found, one)]);
	}
	return lines;
}

function page(): string {
	const { cpu, cpus, memoryGB, kernel, buckets } = machine();
	const row = (line: readonly string[]): string => `| ${line.join(" | ")} |`;
	return `# Bursts

Written by \`make bursts\`. So many calls at once, each for a pod of its own with 20 stale entries; the median run of three by CPU time, one on a million entries and of the peers. CPU is that of all calls together; \`× one\` is the ratio to one call of the same kind in the same run. \`others lost\` are entries that are none of those pods'. conntrack -D deletes by port alone, and portmap flushes on ADD alone.

${cpus} CPUs (${cpu}), ${memoryGB} GB, Linux ${kernel}, ${grouped(buckets)} buckets.

${tables
	.map(({ size, lines }) =>
		[
			`## ${grouped(size)} entries\n`,
			row(HEAD),
			row(HEAD.map((_, i) => (i === 0 ? ":--" : "--:"))),
			...lines.map(row),
			"",
		].join("\n"),
	)
	.join("\n")}`;
}
