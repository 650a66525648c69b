// The messages of test/fixtures/*.hex, which a kernel has really sent.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hex } from "../entries.ts";

export interface Recorded {
	readonly name: string;
	/** The message; its sequence number is 1. */
	readonly message: Uint8Array;
}

export function readRecorded(file = "entries.hex"): Recorded[] {
	const path = new URL(`../../fixtures/${file}`, import.meta.url);
	const sections = readFileSync(fileURLToPath(path), "utf8").split(/^## /m);
	return sections.slice(1).map((section) => {
		const [name = ""] = section.split("\n", 1);
		return { name, message: hex(section.slice(name.length)) };
	});
}
