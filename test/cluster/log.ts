// The end of a daemon's log, for whoever reads why something failed.

import { readFileSync } from "node:fs";

export function tailOf(log: string, lines = 15): string {
	return readFileSync(log, "utf8")
		.trimEnd()
		.split("\n")
		.slice(-lines)
		.join("\n");
}
