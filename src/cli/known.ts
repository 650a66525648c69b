// The verdicts that a listing knows before it has decoded an entry. Entries of one kind
// differ in their clients alone and share a verdict (conntrack/verdictcache.ts), and so do
// all entries that no hostPort has to do with, which are most of a node's table.

import { V4_SRC_WORD, V4_TUPLE, V6_TUPLE } from "../conntrack/layout.ts";
import type { Prefilter } from "../conntrack/prefilter.ts";
import { type PortSet, protoBit } from "../conntrack/skip.ts";
import { kindOfEntry } from "../conntrack/verdictcache.ts";
import { attributesAt } from "../netlink/nfnl.ts";
import type { Message, RecvBuffer } from "../netlink/reader.ts";
import type { Verdict } from "../policy/judge.ts";

/** So many kinds are remembered, in about 800 kB: those of a thousand hostPorts. */
const REMEMBERED = 4096;
/** The kind of all entries that came to no hostPort and to no address of the node, and lead to no pod. */
const NOBODYS = "nobody's";

/** What tells apart the entries whose verdicts depend on more than their kinds. */
export interface Concerns {
	/** The addresses of the node and those of mappings: what came to any other is judged without the rules. */
	readonly addresses: Prefilter;
	/** The ports of all mappings. */
	readonly hostPorts: PortSet;
	/** The addresses of pods: a verdict names the pod that an entry leads to. */
	readonly pods: Prefilter;
	/** True if pods have left: an entry whose replies come to a hostPort may be one that such a pod began. */
	readonly hasDepartures: boolean;
}

export class KnownVerdicts {
	readonly concerns: Concerns;
	readonly #verdicts = new Map<string, Verdict>();
	/** The kind of the entry that was looked up last; undefined if it is of none. */
	kind: string | undefined;
	/** The words at which its tuples begin; only an entry whose verdict is known has them there. */
	orig = 0;
	reply = 0;
	/** The verdict on the entries that are nobody's, if it is known. */
	nobodys: Verdict | undefined;

	constructor(concerns: Concerns) {
		this.concerns = concerns;
	}

	/** Looks up the entry of a message. Returns undefined if its verdict is not known. */
	look(b: RecvBuffer, m: Message): Verdict | undefined {
		const { addresses, hostPorts, pods, hasDepartures } = this.concerns;
		const orig = attributesAt(m) >> 2;
		const v4 = b.words[orig + 2] === V4_SRC_WORD;
		const reply = orig + (v4 ? V4_TUPLE : V6_TUPLE);
		const status = 2 * reply - orig;
		this.orig = orig;
		this.reply = reply;
		this.kind = undefined;
		const kind = kindOfEntry(b, m, v4, orig, reply, status);
		if (kind === undefined) return undefined;
		const proto = kind.charCodeAt(0);
		// DCCP and UDP-Lite look alike, but no hostPort is of them
		if (protoBit(proto) === 0) return undefined;
		const { halves } = b;
		if (
			hasDepartures &&
			hostPorts.hasWire(proto, halves[2 * status - 2] as number)
		)
			return undefined;
		if (!addresses.passes(b, v4, reply - 1, m.end >> 2)) {
			const isSomebodys =
				hostPorts.hasWire(proto, halves[2 * reply - 2] as number) ||
				mayHaveAt(pods, b, v4, reply + 3);
			this.kind = isSomebodys ? kind : NOBODYS;
			return isSomebodys ? this.#verdicts.get(kind) : this.nobodys;
		}
		// the rules may treat what the node itself sends in another way
		if (mayHaveAt(addresses, b, v4, orig + 3)) return undefined;
		this.kind = kind;
		return this.#verdicts.get(kind);
	}

	/** Remembers the verdict on all entries of a kind. */
	learn(kind: string, verdict: Verdict): void {
		if (kind === NOBODYS) {
			this.nobodys = verdict;
			return;
		}
		if (this.#verdicts.size >= REMEMBERED) this.#verdicts.clear();
		this.#verdicts.set(kind, verdict);
	}
}

/** Returns true if the address at this word may be one of those that were added. */
function mayHaveAt(
	addresses: Prefilter,
	{ words, bytes }: RecvBuffer,
	v4: boolean,
	word: number,
): boolean {
	return v4
		? addresses.mayHaveWord(words[word] as number)
		: addresses.mayHave(bytes.subarray(4 * word, 4 * word + 16));
}
