// A processor that sleeps deeply between two runs is slower in the next: two
// machines in one. Who holds /dev/cpu_dma_latency open with 0 keeps it awake.

import { closeSync, openSync, writeSync } from "node:fs";

export interface Awake {
	/** Why the processor may sleep; undefined if it may not. */
	readonly trouble: string | undefined;
	end(): void;
}

/** The kernel takes the request back when the file is closed, also by our death. */
export function stayAwake(): Awake {
	try {
		const fd = openSync("/dev/cpu_dma_latency", "w");
		writeSync(fd, new Uint8Array(4));
		return { trouble: undefined, end: () => closeSync(fd) };
	} catch (e) {
		return { trouble: String(e), end: () => {} };
	}
}
