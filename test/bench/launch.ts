// Drives floor/run.c, which does the timing, and reads what it prints.

import { must } from "../support/exec.ts";
import type { Contender } from "./contenders.ts";

/** Milliseconds and kB. */
export interface Sample {
	readonly name: string;
	/** Runs of one round are neighbours in time. */
	readonly round: number;
	readonly wall: number;
	readonly user: number;
	readonly sys: number;
	readonly rss: number;
	readonly exit: number;
	readonly stall: number;
}

export interface Limits {
	/** Time for one contender, ms. */
	readonly share: number;
	readonly least: number;
	readonly most: number;
	/** All run in every round, or the first and one of the others; else who has time left. */
	readonly rounds?: "equal" | "pairs";
	readonly stall?: boolean;
}

function spec(contender: Contender): string {
	const lines = [["contender", contender.who]];
	for (const [key, value] of Object.entries(contender.env))
		lines.push(["env", `${key}=${value}`]);
	if (contender.stdin !== undefined) lines.push(["stdin", contender.stdin]);
	for (const argv of contender.before) lines.push(["before", ...argv]);
	if (contender.least !== undefined)
		lines.push(["least", String(contender.least)]);
	lines.push(["exec", ...contender.argv]);
	return lines.map((fields) => `${fields.join("\t")}\n`).join("");
}

/** Runs the contenders in turn in the namespace; samples in the order they were taken. */
export async function launch(
	program: string,
	namespace: string,
	contenders: readonly Contender[],
	limits: Limits,
): Promise<Map<string, Sample[]>> {
	const argv = [program, "-n", namespace, "-t", String(limits.share)];
	argv.push("-l", String(limits.least), "-m", String(limits.most));
	if (limits.rounds) argv.push(limits.rounds === "equal" ? "-e" : "-p");
	if (limits.stall) argv.push("-s");
	const input = contenders.map(spec).join("");
	const out = await must(argv, { input, timeoutMs: 0 });
	const samples = new Map<string, Sample[]>(contenders.map((c) => [c.who, []]));
	for (const line of out.split("\n")) {
		if (line === "") continue;
		const sample = JSON.parse(line) as Sample;
		samples.get(sample.name)?.push(sample);
	}
	return samples;
}
