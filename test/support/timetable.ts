// A reporter for vitest: at the end of a run, where its time went, by directory under
// test/. It changes no other report. Vitest wants a class, as the default export.

import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

interface Spent {
	readonly directory: string;
	readonly files: number;
	readonly tests: number;
	readonly seconds: number;
}

export default class Timetable implements Reporter {
	onTestRunEnd(modules: readonly TestModule[]): void {
		process.stdout.write(`\n${table(spent(modules.map(facts)))}`);
	}
}

interface Facts {
	/** From the root of the repository. */
	readonly path: string;
	readonly tests: number;
	readonly ms: number;
}

function facts(module: TestModule): Facts {
	const { collectDuration, setupDuration, duration } = module.diagnostic();
	return {
		path: relative(module.project.config.root, module.moduleId),
		tests: [...module.children.allTests()].length,
		ms: collectDuration + setupDuration + duration,
	};
}

/** Sums up by directory, the one that took longest first. */
function spent(all: readonly Facts[]): Spent[] {
	const found = new Map<string, Spent>();
	for (const { path, tests, ms } of all) {
		const directory = path.split("/").slice(0, 2).join("/");
		const old = found.get(directory);
		found.set(directory, {
			directory,
			files: (old?.files ?? 0) + 1,
			tests: (old?.tests ?? 0) + tests,
			seconds: (old?.seconds ?? 0) + ms / 1000,
		});
	}
	return [...found.values()].sort((a, b) => b.seconds - a.seconds);
}

function table(rows: readonly Spent[]): string {
	const sum = (of: (row: Spent) => number): number =>
		rows.reduce((n, row) => n + of(row), 0);
	const total: Spent = {
		directory: "all",
		files: sum((row) => row.files),
		tests: sum((row) => row.tests),
		seconds: sum((row) => row.seconds),
	};
	const lines = [
		["directory", "files", "tests", "seconds"],
		...[...rows, total].map(({ directory, files, tests, seconds }) => [
			directory,
			String(files),
			String(tests),
			seconds.toFixed(1),
		]),
	];
	return lines
		.map(([directory = "", ...figures]) =>
			[directory.padEnd(20), ...figures.map((text) => text.padStart(8))].join(
				"",
			),
		)
		.map((line) => `${line}\n`)
		.join("");
}
