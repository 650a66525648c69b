// Help, from the descriptions of the commands.

import { type Command, type Flags, flagName } from "./command.ts";

/** Of text for a terminal whose own width does not matter. */
export const WIDTH = 80;
const INDENT = "      ";
/** What the exit codes of all commands mean. */
export const CODES: Readonly<Record<number, string>> = {
	0: "done, also if there was nothing to do",
	1: "something failed",
	2: "words that are not understood; nothing was changed",
};

/** The help of one command, as `--help` prints it. */
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

/** The command's name and what may follow it. */
export function usageOf<F extends Flags>(c: Command<F>): string {
	const flags = Object.keys(c.flags).length > 0 ? ["[flags]"] : [];
	return [c.name, ...flags, ...(c.operands ? [c.operands] : [])].join(" ");
}

/** `-o, --output FORMAT`. */
export function spelling(key: string, flag: Flags[string]): string {
	const short = flag.short ? `-${flag.short}, ` : "";
	const value = "value" in flag ? ` ${flag.value}` : "";
	return `${short}${flagName(key)}${value}`;
}

/** What a flag does, with its values, its fallback and its environment variable. */
export function meaning(flag: Flags[string]): string {
	const notes: string[] = [];
	if ("choices" in flag && flag.choices)
		notes.push(`one of ${flag.choices.join(", ")}`);
	if ("many" in flag) notes.push("may come several times");
	if ("fallback" in flag && flag.fallback !== undefined)
		notes.push(`default ${flag.fallback}`);
	if ("env" in flag && flag.env !== undefined)
		notes.push(`from the environment: ${flag.env}`);
	return notes.length === 0 ? flag.help : `${flag.help} (${notes.join("; ")})`;
}

/** A line for the shell, on as many as it needs. */
function folded(line: string): string {
	const lines = wrap(line, "  ", WIDTH - 2).split("\n");
	return lines.join(" \\\n  ");
}

/** `text` in lines of the width of a terminal, each after `indent`. */
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
