// Entries by sort: all that the predicate looks at. The thousands that keep sending
// to a hostPort differ in nothing but their clients, so one verdict serves them all.

import { AF_INET, AF_INET6 } from "../net/ip.ts";
import { attributesAt } from "../netlink/nfnl.ts";
import type { Message, RecvBuffer } from "../netlink/reader.ts";
import { type Entry, plainTarget, readEntry, type Target } from "./entry.ts";
import {
	isPlain,
	ORIG_HALF,
	STATUS_WORD,
	V4_REPLY_WORD,
	V4_SRC_WORD,
	V4_TUPLE,
	V6_REPLY_WORD,
	V6_TUPLE,
} from "./layout.ts";

/** Sorts to remember; a node has a few for each hostPort. */
const REMEMBERED = 256;

/** A verdict on one entry; undefined to keep it. */
export type Judge<G> = (e: Entry) => G | undefined;

/** An entry that has to go, and why. */
export interface Going<G> {
	readonly target: Target;
	readonly proto: number;
	readonly ground: G;
}

export class Sorts<G> {
	readonly #judge: Judge<G>;
	/** null: keep. */
	readonly #known = new Map<string, G | null>();

	/** `judge` may look at protocol, destination, the reply's source and status, and at nothing else. */
	constructor(judge: Judge<G>) {
		this.#judge = judge;
	}

	/** Judges the entry of a message; undefined to keep it. Throws DecodeError. */
	look(b: RecvBuffer, m: Message): Going<G> | undefined {
		const orig = attributesAt(m) >> 2;
		const v4 = b.words[orig + 2] === V4_SRC_WORD;
		const reply = orig + (v4 ? V4_TUPLE : V6_TUPLE);
		const status = 2 * reply - orig;
		const sort = sortOf(b, m, v4, orig, reply, status);
		if (sort === undefined) return judgeOne(this.#judge, b, m);
		const ground = this.#known.get(sort);
		if (ground === undefined) {
			const going = judgeOne(this.#judge, b, m);
			if (this.#known.size >= REMEMBERED) this.#known.clear();
			this.#known.set(sort, going?.ground ?? null);
			return going;
		}
		if (ground === null) return undefined;
		const family = v4 ? AF_INET : AF_INET6;
		const target = plainTarget(b, m, family, reply, status);
		return { target, proto: sort.charCodeAt(0), ground };
	}
}

/** Judges the entry of a message, whatever was judged before. Throws DecodeError. */
export function judgeOne<G>(
	judge: Judge<G>,
	b: RecvBuffer,
	m: Message,
): Going<G> | undefined {
	const e = readEntry(b, m);
	const ground = judge(e);
	return ground === undefined
		? undefined
		: { target: e, proto: e.proto, ground };
}

/**
 * The sort of the entry whose tuples and status stand at these words; it begins with
 * the protocol's number. undefined where they do not: an entry that is not laid out
 * as the kernel does, or in a zone, which comes before the status.
 */
function sortOf(
	{ words, halves, bytes }: RecvBuffer,
	m: Message,
	v4: boolean,
	orig: number,
	reply: number,
	status: number,
): string | undefined {
	if (
		4 * status + 8 > m.end ||
		words[reply] !== (v4 ? V4_REPLY_WORD : V6_REPLY_WORD) ||
		words[status] !== STATUS_WORD ||
		halves[2 * orig + 1] !== ORIG_HALF ||
		!isPlain(words, orig + 1, v4) ||
		!isPlain(words, reply + 1, v4)
	)
		return undefined;
	// the first halves of the destination, of the reply's source, of the status
	const d = 2 * (orig + (v4 ? 5 : 8));
	const r = 2 * (reply + 3);
	const s = 2 * (status + 1);
	const head = String.fromCharCode(
		bytes[4 * (reply - 5)] as number,
		halves[2 * (reply - 1)] as number,
		halves[2 * (status - 3)] as number,
		halves[s] as number,
		halves[s + 1] as number,
		halves[d] as number,
		halves[d + 1] as number,
		halves[r] as number,
		halves[r + 1] as number,
	);
	return v4 ? head : head + text(halves, d + 2) + text(halves, r + 2);
}

/** What is left of an IPv6 address behind its first two halves. */
function text(halves: Uint16Array, from: number): string {
	let found = "";
	for (let i = from; i < from + 6; i++)
		found += String.fromCharCode(halves[i] as number);
	return found;
}
