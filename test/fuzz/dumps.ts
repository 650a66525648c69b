// Dumps that a kernel sent, damaged by seed, and what a scan of one must give:
// the entries that a slow and plain decoder finds, or an error that has a type.

import { datagram, toHex } from "../support/entries.ts";
import { random } from "../support/random.ts";
import { readRecorded } from "../support/unit/fixtures.ts";
import { plain } from "../support/unit/plaindecoder.ts";
import { damaged } from "./mutate.ts";
import { type Scanned, WANTED } from "./scan.ts";

/** The offset of nlmsg_seq in a message, little-endian; a dump of one request has 1. */
const SEQ = 8;
const RECORDED = readRecorded().map(({ message }) => message);

export function damagedDump(seed: number): Uint8Array {
	const r = random(seed);
	const picked = Array.from({ length: 1 + r.below(5) }, () => {
		const message = r.pick(RECORDED).slice();
		// some are an answer to somebody else
		if (r.chance(0.2)) message[SEQ] = r.pick([0, 2, 3]);
		return message;
	});
	return damaged(r, datagram(...picked)).subarray(0, 32_000);
}

/** Returns what is wrong with the result, or undefined. */
export function faultOfScan(
	bytes: Uint8Array,
	got: Scanned,
): string | undefined {
	if (!got.isTyped) return `an error without a type: ${got.error}`;
	// another dump was asked for, of which this socket knows nothing
	if (got.sent > 1) return undefined;
	const want = plain(bytes, 1, WANTED);
	if (got.error !== null)
		return want.end === "" ? `refused what is whole: ${got.error}` : undefined;
	const missed = without(want.hits, got.hits);
	if (missed.length > 0) return `missed ${missed.join("; ")}`;
	// ours may take a nest by its contents where its own header is damaged
	const more = without(got.hits, want.hits);
	return more.length > want.unclear ? `also ${more.join("; ")}` : undefined;
}

/** Returns the items of `all` that are not among `others`, each of which stands for one. */
function without(all: readonly string[], others: readonly string[]): string[] {
	const left = [...others];
	return all.filter((x) => {
		const at = left.indexOf(x);
		if (at >= 0) left.splice(at, 1);
		return at < 0;
	});
}

/** The counts of a run: a fuzz test that found or refused nothing has shown nothing. */
export class Tally {
	tried = 0;
	read = 0;
	refused = 0;
	found = 0;

	add(got: Scanned): void {
		this.tried++;
		if (got.error === null) this.read++;
		else this.refused++;
		this.found += got.hits.length;
	}

	toString(): string {
		return `${this.tried} dumps, ${this.read} read, ${this.refused} refused, ${this.found} entries found`;
	}
}

/** Returns words for the message of a failure. */
export function hintOf(seed: number, bytes: Uint8Array): string {
	return `FUZZ_SEED=${seed}: ${toHex(bytes)}`;
}
