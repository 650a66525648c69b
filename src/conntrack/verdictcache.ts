// Remembers verdicts. The thousands of entries that keep sending to a hostPort differ
// in nothing but their clients, and the predicate does not look at the client. So
// entries of one kind share one verdict, which is found without decoding them.

import { AF_INET, formatIP, type IP } from "../net/ip.ts";
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
import type { PortSet } from "./skip.ts";

/** Kinds to remember; a node has a few for each hostPort. */
const REMEMBERED = 256;

/** Returns why an entry has to go, or undefined to keep it. */
export type Judge<R> = (e: Entry) => R | undefined;

/** An entry that has to go, and why. */
export interface Removal<R> {
	readonly target: Target;
	readonly proto: number;
	readonly reason: R;
	/** This entry, or the first of its kind, which differs from it in the client alone. */
	readonly example: Entry;
	readonly client: Client;
}

/**
 * The client's address. An IPv4 address may be a word as memory shows it, because a text
 * for each of thousands of clients would cost a tenth of their removal.
 */
export type Client = IP | number;

/** The verdict on a kind that has to go. */
type KindVerdict<R> = Pick<Removal<R>, "reason" | "example">;

export class VerdictCache<R> {
	readonly #judge: Judge<R>;
	readonly #replies: Uint8Array | undefined;
	/** By kind; null keeps the entry. */
	readonly #verdicts = new Map<string, KindVerdict<R> | null>();

	/**
	 * `judge` may look at the protocol, the destination, the reply's source and the
	 * status. At anything else it may look only if the entry's replies come to one of
	 * the ports of `replies` (PortSet): such an entry is of no kind. They are all that
	 * `judge` knows, also those that this dump is not about.
	 */
	constructor(judge: Judge<R>, replies: PortSet["replies"]) {
		this.#judge = judge;
		this.#replies = replies;
	}

	/** Judges the entry of a message. Returns undefined to keep it. Throws DecodeError. */
	judge(b: RecvBuffer, m: Message): Removal<R> | undefined {
		const orig = attributesAt(m) >> 2;
		const v4 = b.words[orig + 2] === V4_SRC_WORD;
		const reply = orig + (v4 ? V4_TUPLE : V6_TUPLE);
		const status = 2 * reply - orig;
		const kind = this.#replies?.[b.halves[2 * (status - 1)] as number]
			? undefined
			: kindOfEntry(b, m, v4, orig, reply, status);
		if (kind === undefined) return judgeOne(this.#judge, b, m);
		const verdict = this.#verdicts.get(kind);
		if (verdict === undefined) {
			const removal = judgeOne(this.#judge, b, m);
			if (this.#verdicts.size >= REMEMBERED) this.#verdicts.clear();
			this.#verdicts.set(kind, removal ?? null);
			return removal;
		}
		if (verdict === null) return undefined;
		const { reason, example } = verdict;
		const { family, proto } = example;
		const target = plainTarget(b, m, family, reply, status);
		const client = v4 ? (b.words[orig + 3] as number) : b.ip(orig + 3, family);
		return { target, proto, reason, example, client };
	}
}

/** Returns the client's address as a text. */
export function addressOf(client: Client): IP {
	if (typeof client !== "number") return client;
	return formatIP(new Uint8Array(Uint32Array.of(client).buffer), 0, AF_INET);
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
		: { target: e, proto: e.proto, reason, example: e, client: e.orig.src };
}

/**
 * Returns the kind of the entry whose tuples and status stand at these words; it
 * begins with the protocol's number. Returns undefined if they do not stand there: the
 * entry is not laid out as the kernel does it, or has a zone, which comes before the
 * status.
 */
export function kindOfEntry(
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
