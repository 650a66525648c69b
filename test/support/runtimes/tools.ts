// The places where setup.sh has put the runtimes, and their versions.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const VERSIONS = fileURLToPath(new URL("./versions.env", import.meta.url));

export const TOOLS =
	process.env.RUNTIME_TOOLS ??
	fileURLToPath(new URL("../../../build/out/tools", import.meta.url));

/** Value of a line of versions.env. */
export function version(name: string): string {
	const found = new RegExp(`^${name}=(.*)$`, "m").exec(
		readFileSync(VERSIONS, "utf8"),
	);
	if (!found?.[1]) throw new Error(`${VERSIONS} has no ${name}`);
	return found[1];
}

/** Returns true if the program or directory is there. */
export function hasTool(path: string): boolean {
	return existsSync(`${TOOLS}/${path}`);
}

/** A path below TOOLS; throws if setup.sh has not made it. */
export function tool(path: string): string {
	const whole = `${TOOLS}/${path}`;
	if (!existsSync(whole))
		throw new Error(
			`missing ${whole}: run bash test/support/runtimes/setup.sh`,
		);
	return whole;
}
