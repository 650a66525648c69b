// The words of the demo: one sentence per scenario, and the table at the
// end. Pure.

import type { Paint } from "./paint.ts";
import type { Played } from "./play.ts";
import { CLIENTS, QUESTIONS } from "./stage.ts";

const PLACE = { "pod-b": "the new pod", node: "the node" };
const VERB = { "pod-b": "ADD", node: "DEL" };

export function sentences(played: Played, paint: Paint): string[] {
	const { outcome, target, healthy, log } = played;
	const times = sorted(played);
	const reached = `${times.length} of ${CLIENTS} clients reached ${PLACE[target]}`;
	const how =
		times.length === 0
			? ""
			: `, the last ${seconds(times.at(-1))} after ${VERB[target]}`;
	return [
		...log.flatMap((line) => wrap(line, 76).map((l) => `  ${paint.dim(l)}`)),
		`  ${(times.length === CLIENTS ? paint.good : paint.bad)(reached)}${how}; ${outcome.lost} lost.`,
		`  ${(healthy.answered === QUESTIONS ? paint.good : paint.bad)(`${healthy.answered} of ${QUESTIONS} answers`)} reached the other pod, ${healthy.kept} of ${QUESTIONS} entries kept.`,
	];
}

const COLUMNS = [
	["clients", "back"],
	["slowest", "after"],
	["", "lost"],
	["removed", "DEL + ADD"],
	["healthy", "kept"],
	["flows", "heard"],
] as const;
const FIRST = 28;

export function table(all: readonly Played[], paint: Paint): string[] {
	const head = [0, 1].map(
		(line) =>
			" ".repeat(FIRST) +
			COLUMNS.map((c) => (c[line] ?? "").padStart(width(c))).join("  "),
	);
	const lines = head.map((line) => paint.bold(line));
	let group = "";
	for (const played of all) {
		const { scenario, outcome, healthy } = played;
		if (scenario.happens !== group) {
			group = scenario.happens;
			lines.push(paint.bold(`The pod ${group}`));
		}
		const times = sorted(played);
		const recovered = `${times.length} of ${CLIENTS}`;
		const cells = [
			recovered,
			times.length === 0 ? "-" : seconds(times.at(-1)),
			String(outcome.lost),
			removed(played),
			`${healthy.kept} of ${QUESTIONS}`,
			`${healthy.answered} of ${QUESTIONS}`,
		];
		const padded = COLUMNS.map((c, n) => (cells[n] ?? "").padStart(width(c)));
		const mark = (n: number, good: boolean): void => {
			padded[n] = (good ? paint.good : paint.bad)(padded[n] ?? "");
		};
		mark(0, times.length === CLIENTS);
		mark(4, healthy.kept === QUESTIONS);
		mark(5, healthy.answered === QUESTIONS);
		lines.push(`  ${scenario.title.padEnd(FIRST - 2)}${padded.join("  ")}`);
	}
	return lines;
}

/** Returns the words behind a client's row when the scenario is over. */
export function note(played: Played, client: number, paint: Paint): string {
	const ms = played.outcome.recoveries.get(client);
	return ms === undefined ? paint.bad("lost") : paint.dim(seconds(ms));
}

function sorted(played: Played): number[] {
	return [...played.outcome.recoveries.values()].sort((a, b) => a - b);
}

function seconds(ms = 0): string {
	return `${(ms / 1000).toFixed(2)} s`;
}

function width(column: readonly string[]): number {
	return Math.max(...column.map((line) => line.length));
}

/** Entries, as our log lines count them, verb by verb. */
function removed({ log }: Played): string {
	const counts = log.flatMap((line) => {
		const found = [...line.matchAll(/\b(?:deleted|retired)=(\d+)/g)];
		return found.length === 0
			? []
			: [found.reduce((sum, m) => sum + Number(m[1]), 0)];
	});
	return counts.length === 0 ? "-" : counts.join(" + ");
}

function wrap(text: string, width: number): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		if (line !== "" && line.length + 1 + word.length > width) {
			lines.push(line);
			line = "   ";
		}
		line += line === "" ? word : ` ${word}`;
	}
	return [...lines, line];
}
