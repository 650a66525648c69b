// The file of the figures: docs/bench/results.json, from which every ratio
// can be computed again, and what is drawn and written from it.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Verdict } from "./budgets.ts";
import type { Row } from "./measure.ts";
import { buckets } from "./node.ts";
import { page } from "./page.ts";
import { plots } from "./plots.ts";

const DOCS = join(import.meta.dirname, "../../docs/bench");

export interface Machine {
	readonly cpu: string;
	readonly cpus: number;
	readonly memoryGB: number;
	readonly kernel: string;
	readonly buckets: number;
	readonly load: string;
	/** Conntrack entries of other namespaces, roughly; undefined if the kernel does not tell. */
	readonly elsewhere: number | undefined;
}

export interface Results {
	readonly machine: Machine;
	/** The load when it ended. */
	readonly after: string;
	/** The processors were kept from sleeping. */
	readonly awake: boolean;
	/** The versions of what was compared, by name. */
	readonly versions: Readonly<Record<string, string>>;
	/** The figures that could not be measured, and why. */
	readonly missing: readonly string[];
	readonly rows: readonly Row[];
	readonly budgets: readonly Verdict[];
}

/** Returns the number of entries in all namespaces, before our own table is filled. */
function elsewhere(): number | undefined {
	const objects = "/sys/kernel/slab/nf_conntrack/objects";
	return existsSync(objects)
		? Number.parseInt(readFileSync(objects, "utf8"), 10)
		: undefined;
}

export function machine(): Machine {
	return {
		cpu: cpus()[0]?.model ?? "unknown",
		cpus: cpus().length,
		memoryGB: Math.round(totalmem() / 2 ** 30),
		kernel: release(),
		buckets: buckets(),
		load: (loadavg()[0] ?? 0).toFixed(2),
		elsewhere: elsewhere(),
	};
}

/** Figures of a clock have no more than four digits that mean something. */
function short(_: string, value: unknown): unknown {
	return typeof value === "number" && !Number.isInteger(value)
		? Number(value.toPrecision(4))
		: value;
}

/** One row on a line. */
function text(results: Results): string {
	const fields = Object.entries(results).map(([key, value]) => {
		const inner = Array.isArray(value)
			? `[\n${value.map((v) => `\t\t${JSON.stringify(v, short)}`).join(",\n")}\n\t]`
			: JSON.stringify(value, short);
		return `\t${JSON.stringify(key)}: ${inner}`;
	});
	return `{\n${fields.join(",\n")}\n}\n`;
}

export function save(dir: string, results: Results): void {
	writeFileSync(join(dir, "results.json"), text(results));
}

export function publish(results: Results): void {
	mkdirSync(DOCS, { recursive: true });
	save(DOCS, results);
	redraw();
}

/** Draws and writes from the file, so that no page can say anything else. */
export function redraw(): void {
	const file = join(DOCS, "results.json");
	const results = JSON.parse(readFileSync(file, "utf8")) as Results;
	const pictures = plots(results.rows);
	for (const [name, svg] of pictures) writeFileSync(join(DOCS, name), svg);
	writeFileSync(join(DOCS, "README.md"), page(results, [...pictures.keys()]));
}
