// The command line in memory: a call without CNI_COMMAND, and the commands and flags that
// its help names.

import { type Called, call } from "./calls.ts";

/** Types the words and returns the output. The table, the records and the rest are those of `call`. */
export function type(...argv: readonly string[]): Promise<Called> {
	return call("", { env: { CNI_COMMAND: undefined }, host: { argv } });
}

/** Returns the names of the commands in the help. */
export async function commandNames(): Promise<string[]> {
	const { out } = await type("--help");
	return [...out.matchAll(/^ {2}(\w+) {2,}[a-z]/gm)].map(
		([, name = ""]) => name,
	);
}

/** Returns every flag that the help of a command names. */
export async function flagsOf(command: string): Promise<string[]> {
	const { out } = await type(command, "--help");
	return [...out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(
		([, flag = ""]) => flag,
	);
}
