// The words of the receivers in the pods, read from the logs that the runtimes
// write for them: the lines of go/receiver, bare or as the CRI prefixes them.

import { closeSync, openSync, readSync } from "node:fs";
import { now, sleep } from "../clock.ts";
import type { OnArrival } from "../station.ts";

const POLL_MS = 10;
const LINE = /^(?:\S+ stdout F )?(?:listening (\S+)|(\d+) (\d+) (\S+))$/;

export interface Receiver {
	/** When it began to listen; rejects if that takes longer than `withinMs`. */
	listening(withinMs: number): Promise<number>;
	/** Stops reading. */
	close(): void;
}

/** Follows the log of the receiver in pod `name`. */
export function followReceiver(
	name: string,
	log: string,
	onArrival: OnArrival,
): Receiver {
	let at: number | undefined;
	let offset = 0;
	let rest = "";
	const buffer = Buffer.alloc(1 << 16);
	const take = (line: string): void => {
		const [, listening, id, seq, arrived] = LINE.exec(line) ?? [];
		if (listening !== undefined) at = Number(listening);
		else if (id !== undefined)
			onArrival(name, Number(id), Number(seq), Number(arrived));
	};
	const poll = setInterval(() => {
		for (;;) {
			const n = readAt(log, buffer, offset);
			if (n === 0) return;
			offset += n;
			const lines = (rest + buffer.toString("latin1", 0, n)).split("\n");
			rest = lines.pop() ?? "";
			lines.forEach(take);
		}
	}, POLL_MS);
	return {
		async listening(withinMs) {
			const until = now() + withinMs;
			while (at === undefined) {
				if (now() > until)
					throw new Error(`the receiver of ${name} does not listen`);
				await sleep(POLL_MS);
			}
			return at;
		},
		close: () => clearInterval(poll),
	};
}

/** 0 at the end of the file, and while there is none. */
function readAt(path: string, into: Buffer, offset: number): number {
	let fd: number;
	try {
		fd = openSync(path, "r");
	} catch {
		return 0;
	}
	try {
		return readSync(fd, into, 0, into.length, offset);
	} finally {
		closeSync(fd);
	}
}
