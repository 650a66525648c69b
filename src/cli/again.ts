// Shows something once, or again and again until a signal comes, as `watch` does.

import type { Host } from "../host.ts";
import { isTerminal } from "./table.ts";

/** The pause if none is given. */
export const EVERY_MS = 2000;
const CLEAR = "\x1b[2J\x1b[H";

/** Calls `show` at once and after each pause, until SIGINT or SIGTERM. Text for people replaces what was shown before it on a terminal, and else follows after an empty line. */
export async function showAgain(
	host: Host,
	interval: number | undefined,
	isText: boolean,
	show: () => Promise<void>,
): Promise<void> {
	const between = isTerminal(host) && isText ? CLEAR : "\n";
	for (let first = true; host.signal() === undefined; first = false) {
		if (isText && (!first || between === CLEAR)) host.write(1, between);
		await show();
		if (host.signal() === undefined) await host.sleep(interval ?? EVERY_MS);
	}
}
