// A test case: what is done in a booted kernel, and what must be there after.
// The steps are lines of shell for guest/lib.sh; the only place that quotes.

import { swapped } from "./byteorder.ts";

/** How much of the kernel's modules is loaded; cases run in this order. */
export type Phase =
	/** None; on kernels that have nfnetlink built in, the same as the next. */
	| "no nfnetlink"
	| "no ctnetlink"
	| "tables"
	/** With nf_tables, so that rules translate packets. */
	| "rules"
	/** With a flowtable, which forwards them past the rules. */
	| "flowtable"
	/** With IPVS, in the network of the flowtable. */
	| "ipvs"
	/** With rules that choose among servers and that masquerade, each case in a network of its own. */
	| "races";

export interface Kernel {
	/** 6.12.117 → 6, 12. */
	readonly major: number;
	readonly minor: number;
	readonly bigEndian: boolean;
}

export interface Case {
	/** A sentence: the same on every kernel, even if what it expects differs. */
	readonly name: string;
	readonly phase?: Phase;
	steps(kernel: Kernel): readonly string[];
	/** Returns the behaviour of the kernel where kernels differ: for the table of the results. */
	outcome?(kernel: Kernel): string;
}

export function since(k: Kernel, major: number, minor: number): boolean {
	return k.major > major || (k.major === major && k.minor >= minor);
}

export function fill(entries: Iterable<string>): string {
	return `fill ${here([...entries])}`;
}

/** The table holds exactly these entries. */
export function table(entries: Iterable<string>): string {
	return `table ${here([...entries].sort())}`;
}

/** Returns the steps that show another behaviour of a kernel, which `outcome` puts in a case's words. */
export function otherwise(outcome: string, steps: readonly string[]): string[] {
	return [`if otherwise ${quote(outcome)}; then`, ...steps, "fi"];
}

/** A verb with its configuration, and the exit code that it must have. */
export function cni(verb: string, conf: object, code = 0): string {
	return `cni ${verb} ${code} ${here([JSON.stringify(conf)])}`;
}

/** A command line of the executable, and the exit code that it must have. */
export function types(line: string, code = 0): string {
	return `types ${code} ${line}`;
}

export function says(...texts: readonly string[]): string {
	return ["says", ...texts.map(quote)].join(" ");
}

/** Sends exactly these bytes, in the kernel's byte order, and expects the entries in the answer, and its errno's name or `ok`; several if `|` is between. */
export function send(
	{ bigEndian }: Kernel,
	bytes: Uint8Array,
	answer: string,
	entries: Iterable<string> = [],
): string {
	return `send ${quote(answer)} ${toHex(bigEndian ? swapped(bytes) : bytes)} ${here([...entries].sort())}`;
}

/** The same, with the CTA_ID of `line` put into the message. */
export function sendWithID(
	{ bigEndian }: Kernel,
	bytes: Uint8Array,
	line: string,
	answer: string,
): string {
	return `send ${quote(answer)} ${toHex(bigEndian ? swapped(bytes) : bytes)} ${quote(line)} ${here([])}`;
}

/** The time for a step that takes ten seconds where nothing else runs. */
export const PATIENCE = 120;

/** The step, until it finds what it should. */
export function within(seconds: number, step: string): string {
	return `within ${seconds} ${step.includes("<<") ? step : `${step} </dev/null`}`;
}

/** The whole script: the cases by phase, `load` giving the lines before each phase. */
export function script(
	cases: readonly Case[],
	kernel: Kernel,
	load: (phase: Phase) => readonly string[],
): string {
	const phases: readonly Phase[] = [
		"no nfnetlink",
		"no ctnetlink",
		"tables",
		"rules",
		"flowtable",
		"ipvs",
		"races",
	];
	const lines = phases.flatMap((phase) => [
		...load(phase),
		...cases
			.filter((c) => (c.phase ?? "tables") === phase)
			.flatMap((c) => [`begin ${quote(c.name)}`, ...c.steps(kernel), "end"]),
	]);
	return `${lines.join("\n")}\n`;
}

/** Returns one word of the shell, whatever is in it. */
export function quote(text: string): string {
	return `'${text.replaceAll("'", `'\\''`)}'`;
}

function here(lines: readonly string[]): string {
	return ["<<'END'", ...lines, "END"].join("\n");
}

function toHex(bytes: Uint8Array): string {
	return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}
