// Compiles the small programs in C that the tests start where there is neither Node nor a
// C library.

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { must } from "./exec.ts";

const FLAGS = ["-D_GNU_SOURCE", "-O2", "-static", "-pthread"];
const WARNINGS = ["-Wall", "-Wextra"];

/** Writes the static executable `to` from the sources by this compiler, and returns its path. Throws what the compiler said. */
export async function compileStatic(
	to: string,
	sources: readonly string[],
	compiler: readonly string[] = ["cc"],
): Promise<string> {
	mkdirSync(dirname(to), { recursive: true });
	await must([...compiler, ...FLAGS, ...WARNINGS, "-o", to, ...sources]);
	return to;
}
