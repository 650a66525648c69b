// How a cluster's daemons are waited for.

import { readFileSync } from "node:fs";
import { untilItWorks } from "../support/runtimes/machine.ts";

/** The longest that a daemon or a node may take on a busy machine. */
const LONGEST_MS = 120_000;
/** kubectl takes so much of a CPU each time, and the daemons need it. */
const EVERY_MS = 100;

/** Tries until `works` resolves. If it never does, the error has the end of the daemon's log. */
export async function untilReady(
	daemon: string,
	log: string,
	works: () => Promise<void>,
): Promise<void> {
	try {
		await untilItWorks(works, LONGEST_MS, EVERY_MS);
	} catch (cause) {
		const lines = readFileSync(log, "utf8").trimEnd().split("\n");
		const said = `${cause instanceof Error ? cause.message : cause}`;
		throw new Error(
			`${daemon}: ${said}\n${log} ends:\n${lines.slice(-15).join("\n")}`,
			{ cause },
		);
	}
}
