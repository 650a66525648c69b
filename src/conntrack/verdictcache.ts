// Remembers verdicts. The thousands of entries that keep sending to a hostPort differ
// in nothing but their clients, and the predicate does not look at the client. So
// entries of one kind share one verdict, which is found without decoding them.

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

/** Kinds to remember; a node has a few for each hostPort. */
const REMEMBERED = 256;

/** Returns why an entry has to go, or undefined to keep it. */
export type Judge<R> = (e: Entry) => R | undefined;

/** An entry that has to go, and why. */
export interface Removal<R> {
	readonly target: Target;
	readonly proto: number;
	readonly reason: R;
}

export class VerdictCache<R> {
	readonly #judge: Judge<R>;
	/** By kind; null keeps the entry. */
	readonly #verdicts = new Map<string, R | null>();

	/** `judge` may look at the protocol, the destination, the reply's source and the status, and at nothing else. */
	constructor(judge: Judge<R>) {
		this.#judge = judge;
	}

	/** Judges the entry of a message. Returns undefined to keep it. Throws DecodeError. */
	judge(b: RecvBuffer, m: Message): Removal<R> | undefined {
		const orig = attributesAt(m) >> 2;
		const v4 = b.words[orig + 2] === V4_SRC_WORD;
		const reply = orig + (v4 ? V4_TUPLE : V6_TUPLE);
		const status = 2 * reply - orig;
		const kind = kindOf(b, m, v4, orig, reply, status);
		if (kind === undefined) return judgeOne(this.#judge, b, m);
		const reason = this.#verdicts.get(kind);
		if (reason === undefined) {
			const removal = judgeOne(this.#judge, b, m);
			if (this.#verdicts.size >= REMEMBERED) this.#verdicts.clear();
			this.#verdicts.set(kind, removal?.reason ?? null);
			return removal;
		}
		if (reason === null) return undefined;
		const family = v4 ? AF_INET : AF_INET6;
		const target = plainTarget(b, m, family, reply, status);
		return { target, proto: kind.charCodeAt(0), reason };
	}
}

/** Judges the entry of a message without the cache. Throws DecodeError. */
export function judgeOne<R>(
	judge: Judge<R>,
	b: RecvBuffer,
	m: Message,
): Removal<R> | undefined {
	const e = readEntry(b, m);
	const reason = judge(e);
	return reason === undefined
		? undefined
		: { target: e, proto: e.proto, reason };
}

/**
 * Returns the kind of the entry whose tuples and status stand at these words; it
 * begins with the protocol's number. Returns undefined if they do not stand there: the
 * entry is not laid out as the kernel does it, or has a zone, which comes before the
 * status.
 */
function kindOf(
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
	return v4 ? head : head + restOfV6(halves, d + 2) + restOfV6(halves, r + 2);
}

/** The six halves of an IPv6 address that follow its first two, as text. */
function restOfV6(halves: Uint16Array, from: number): string {
	let rest = "";
	for (let i = from; i < from + 6; i++)
		rest += String.fromCharCode(halves[i] as number);
	return rest;
}
