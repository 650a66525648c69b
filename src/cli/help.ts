// The text of `--help`, made from the description of a command. The manual page uses
// the same words, in man.ts.

import { type Command, type Flags, flagName } from "./command.ts";

/** The width of text that does not depend on the terminal. */
export const WIDTH = 80;
const INDENT = "      ";
/** The exit codes that all commands have in common. */
export const CODES: Readonly<Record<number, string>> = {
	0: "success, also if there was nothing to do",
	1: "something failed",
	2: "the command line is wrong; nothing was changed",
};

/** Returns the help of one command, as `--help` prints it. */
export function helpOf<F extends Flags>(c: Command<F>): string {
	const flags = Object.entries(c.flags);
	const parts = [
		`Usage: conntrack-flush ${usageOf(c)}`,
		...c.about.split("\n\n").map((p) => wrap(p, "")),
	];
	if (flags.length > 0)
		parts.push(
			`Flags:\n${flags.map(([key, f]) => `  ${spelling(key, f)}\n${wrap(meaning(f), INDENT)}`).join("\n")}`,
		);
	parts.push(
		`Examples:\n${c.examples.map((e) => `  # ${e.to}\n${e.line.split("\n").map(folded).join("\n")}`).join("\n")}`,
	);
	const codes = Object.entries({ ...CODES, ...c.codes });
	parts.push(
		`Exit codes:\n${codes.map(([n, what]) => `  ${n}  ${what}`).join("\n")}`,
	);
	return `${parts.join("\n\n")}\n`;
}

/** Returns the command's name and what may follow it. */
export function usageOf<F extends Flags>(c: Command<F>): string {
	const flags = Object.keys(c.flags).length > 0 ? ["[flags]"] : [];
	return [c.name, ...flags, ...(c.operands ? [c.operands] : [])].join(" ");
}

/** Returns the ways to type a flag, with its value: `-o, --output FORMAT`. */
export function spelling(key: string, flag: Flags[string]): string {
	const short = flag.short ? `-${flag.short}, ` : "";
	return `${short}${flagName(key)}${valueAfter(flag)}`;
}

/** Returns true if the flag may be typed without its value. */
export function isBare(flag: Flags[string]): boolean {
	return "bare" in flag && flag.bare !== undefined;
}

/** Returns the value as it follows the flag: ` FORMAT`, `[=SCOPE]`, or nothing. */
export function valueAfter(flag: Flags[string]): string {
	if (!("value" in flag)) return "";
	return isBare(flag) ? `[=${flag.value}]` : ` ${flag.value}`;
}

/** Returns the help of a flag, with its values, its fallback and its environment variable. */
export function meaning(flag: Flags[string]): string {
	const notes: string[] = [];
	if ("choices" in flag && flag.choices)
		notes.push(`one of ${flag.choices.join(", ")}`);
	if ("many" in flag) notes.push("may be given several times");
	if ("fallback" in flag && flag.fallback !== undefined)
		notes.push(`default ${flag.fallback}`);
	if ("env" in flag && flag.env !== undefined)
		notes.push(`environment variable ${flag.env}`);
	return notes.length === 0 ? flag.help : `${flag.help} (${notes.join("; ")})`;
}

/** Returns a shell command, continued on further lines if it is too long for one. */
function folded(line: string): string {
	const lines = wrap(line, "  ", WIDTH - 2).split("\n");
	return lines.join(" \\\n  ");
}

/** Returns `text` in lines shorter than `width`, each after `indent`. */
export function wrap(text: string, indent: string, width = WIDTH): string {
	const lines: string[] = [];
	let line = indent;
	for (const word of text.split(/\s+/)) {
		if (line.length > indent.length && line.length + word.length >= width) {
			lines.push(line.trimEnd());
			line = indent;
		}
		line += `${word} `;
	}
	return [...lines, line.trimEnd()].join("\n");
}
