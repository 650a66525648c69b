// The lines of a table of entries, made without decoding these. The loop runs for every
// entry of a node when its whole table is listed, so it works on words, as that of
// conntrack/skip.ts does.

import { IPCTNL_MSG_CT_NEW } from "../conntrack/constants.ts";
import {
	isPlain,
	STATUS_WORD,
	V4_ORIG_WORD,
	V4_REPLY_WORD,
	V4_TUPLE,
	V6_ORIG_WORD,
	V6_REPLY_WORD,
	V6_TUPLE,
} from "../conntrack/layout.ts";
import { ADDRESS_PLACES, ADDRESS_SHIFT } from "../conntrack/prefilter.ts";
import { type EntryCount, type PortSet, protoBit } from "../conntrack/skip.ts";
import { protocolName } from "../net/proto.ts";
import { messageAt, type RecvBuffer } from "../netlink/reader.ts";
import type { Verdict } from "../policy/judge.ts";
import { AddressTexts, keyOf } from "./addresstexts.ts";
import type { KnownVerdicts } from "./known.ts";

/** The places for sorts of lines, in about 500 kB. A power of two. */
const SORTS = 4096;
/** The numbers that a sort is known by: where its entries came to, where they lead, the ports of both, the protocol with V6 and SOMEBODYS, and if that, the status. */
const SORT = 5;
const V6 = 256;
const SOMEBODYS = 512;
const STALE = 0;
const LIVE = 1;
const OTHER = 2;
const KINDS = { stale: STALE, live: LIVE, other: OTHER } as const;
/** In place of a kind: the entries of the sort are not shown. */
const HIDDEN = 3;
/** So many lines at most are made before they are joined: more of them would lie among the remembered texts, and what they leave free there fits nothing longer. The lines of a whole datagram took 0.7 MB. */
export const JOINED = 32;
/** The words of a message before its original tuple. */
const HEAD = 5;

/** The least space between two cells, as the space of a longer one begins. */
const GAP = "  ";

export class Lines {
	readonly #known: KnownVerdicts;
	/** The widths of the columns `VERDICT PROTO FROM TO LEADS TO WHY`. */
	readonly #widths: readonly number[];
	/** The space behind a cell, by the number of characters that its column is wider. */
	readonly #gaps: readonly string[];
	/** The bits of the protocols in a PortSet. */
	readonly #bits = Uint8Array.from({ length: 256 }, (_, proto) =>
		protoBit(proto),
	);
	readonly #addresses = new AddressTexts();
	readonly #isShown: (verdict: Verdict) => boolean;
	/** Entries that differ in their clients alone, and if nobody has to do with them in their states, are of one sort: its numbers, the kind of its verdict, and its lines before and behind the client. */
	readonly #sorts = new Int32Array(SORT * SORTS);
	readonly #kinds = new Uint8Array(SORTS);
	/** The entries of each kind that a call has counted. */
	readonly #counts = new Int32Array(HIDDEN + 1);
	readonly #fronts = Array.from({ length: SORTS }, () => "");
	readonly #tails = Array.from({ length: SORTS }, () => "");
	/** The first two cells of a line, by verdict and by protocol. */
	readonly #heads: Record<Verdict["kind"], string[]> = {
		stale: noHeads(),
		live: noHeads(),
		other: noHeads(),
	};

	/** The lines are of entries whose verdict is known and `isShown`. */
	constructor(
		known: KnownVerdicts,
		widths: readonly number[],
		isShown: (verdict: Verdict) => boolean,
	) {
		this.#known = known;
		this.#widths = widths;
		this.#isShown = isShown;
		this.#gaps = Array.from(
			{ length: Math.max(...widths) + 1 },
			(_, wider) => GAP + " ".repeat(wider),
		);
	}

	/**
	 * Adds the lines of the entries from offset `at` of a dump's datagram on that have one
	 * of the ports to `lines`, and counts them in `count`, and in `found` if they are shown.
	 * Returns the offset of the first message that is no such entry or that the prefilter
	 * of the ports, which is that of `known`, holds back; or the offset after the last, or
	 * after the one with which there are JOINED lines.
	 */
	make(
		b: RecvBuffer,
		at: number,
		length: number,
		seq: number,
		ports: PortSet,
		count: EntryCount,
		found: Record<Verdict["kind"], number>,
		lines: string[],
	): number {
		// `var`, as in skip.ts
		var { words, halves, bytes } = b;
		var known = this.#known;
		var { addresses, hostPorts, pods, hasDepartures } = known.concerns;
		var { nobodys } = known;
		var isNarrow = ports.prefilter !== undefined;
		var fromWidth = this.#widths[2] as number;
		var gaps = this.#gaps;
		var texts = this.#addresses;
		var v4Texts = texts.v4;
		var sorts = this.#sorts;
		var kinds = this.#kinds;
		var fronts = this.#fronts;
		var tails = this.#tails;
		var bits = this.#bits;
		var wanted = ports.table;
		var mapped = hostPorts.table;
		var { table } = addresses;
		var podTable = pods.table;
		var counts = this.#counts;
		var end = length >> 2;
		var i = at >> 2;
		var size = 0;
		var orig = 0;
		var reply = 0;
		var status = 0;
		var v4 = true;
		var dport = 0;
		var proto = 0;
		var both = 0;
		var dst = 0;
		var leads = 0;
		var sort = 0;
		var place = 0;
		var near = 0;
		var state = 0;
		var what = 0;
		var made = 0;
		var from = "";
		var verdict: Verdict | undefined;
		while (i < end && lines.length < JOINED) {
			size = words[i] as number;
			orig = i + HEAD;
			v4 = words[orig] === V4_ORIG_WORD;
			reply = orig + (v4 ? V4_TUPLE : V6_TUPLE);
			status = 2 * reply - orig;
			if (
				(!v4 && words[orig] !== V6_ORIG_WORD) ||
				4 * i + size > length ||
				4 * (status + 2 - i) > size ||
				words[i + 2] !== seq ||
				halves[2 * i + 2] !== IPCTNL_MSG_CT_NEW ||
				words[status] !== STATUS_WORD ||
				words[reply] !== (v4 ? V4_REPLY_WORD : V6_REPLY_WORD) ||
				!isPlain(words, orig + 1, v4) ||
				!isPlain(words, reply + 1, v4)
			)
				break;
			dport = halves[2 * reply - 2] as number;
			proto = bytes[4 * reply - 20] as number;
			if (((wanted[dport] as number) & (bits[proto] as number)) === 0) break;
			both = (dport << 16) | (halves[2 * status - 6] as number);
			if (v4) {
				dst = words[orig + 5] as number;
				leads = words[reply + 3] as number;
			} else {
				dst = texts.v6(b, orig + 8).id;
				leads = texts.v6(b, reply + 3).id;
				proto |= V6;
			}
			// the bits in which the addresses of one network differ are the last in memory
			sort = dst ^ (leads << 3) ^ (leads >>> 13) ^ both;
			sort ^= (sort >>> 11) ^ (sort >>> 21);
			place = sort & (SORTS - 1);
			sort = SORT * place;
			if (
				sorts[sort] !== dst ||
				sorts[sort + 1] !== leads ||
				sorts[sort + 2] !== both ||
				sorts[sort + 3] !== proto ||
				(hasDepartures && mapped[halves[2 * status - 2] as number])
			) {
				// the halves of the destination that a prefilter compares
				near =
					(table[
						(halves[2 * (v4 ? orig + 5 : orig + 11) + 1] as number) >>
							ADDRESS_SHIFT
					] as number) |
					(table[
						ADDRESS_PLACES +
							((halves[2 * (v4 ? orig + 5 : orig + 8)] as number) >>
								ADDRESS_SHIFT)
					] as number);
				if (
					(isNarrow && near === 0) ||
					// a pod that has left may have begun it
					(hasDepartures && mapped[halves[2 * status - 2] as number])
				)
					break;
				verdict = nobodys;
				state = 0;
				if (
					near !== 0 ||
					mapped[dport] !== 0 ||
					// the end of the address that it leads to
					podTable[
						(halves[2 * (v4 ? reply + 3 : reply + 6) + 1] as number) >>
							ADDRESS_SHIFT
					] !== 0
				) {
					// the rules may treat what the node itself sends in another way
					if (
						near !== 0 &&
						(table[
							(halves[2 * (v4 ? orig + 3 : orig + 6) + 1] as number) >>
								ADDRESS_SHIFT
						] !== 0 ||
							table[
								ADDRESS_PLACES +
									((halves[2 * (orig + 3)] as number) >> ADDRESS_SHIFT)
							] !== 0)
					)
						break;
					proto |= SOMEBODYS;
					state = words[status + 1] as number;
					place = (place ^ state ^ (state >>> 11)) & (SORTS - 1);
					sort = SORT * place;
					verdict = undefined;
				}
				if (
					verdict !== undefined ||
					sorts[sort] !== dst ||
					sorts[sort + 1] !== leads ||
					sorts[sort + 2] !== both ||
					sorts[sort + 3] !== proto ||
					sorts[sort + 4] !== state
				) {
					if (proto & SOMEBODYS)
						verdict = known.look(b, messageAt(b, 4 * i, length));
					if (verdict === undefined) break;
					sorts[sort] = dst;
					sorts[sort + 1] = leads;
					sorts[sort + 2] = both;
					sorts[sort + 3] = proto;
					sorts[sort + 4] = state;
					kinds[place] = this.#isShown(verdict) ? KINDS[verdict.kind] : HIDDEN;
					fronts[place] = this.#head(verdict.kind, proto & 255);
					tails[place] = this.#tail(b, orig, reply, verdict.why);
				}
			}
			what = kinds[place] as number;
			counts[what] = (counts[what] as number) + 1;
			made++;
			i += (size + 3) >> 2;
			if (what === HIDDEN) continue;
			from =
				(v4
					? (v4Texts.get(keyOf(words[orig + 3] as number)) ??
						texts.learn(b, orig + 3))
					: texts.v6(b, orig + 3).text) +
				(256 * (bytes[4 * reply - 12] as number) +
					(bytes[4 * reply - 11] as number));
			lines.push(
				(fronts[place] as string) +
					from +
					(gaps[fromWidth - from.length] ?? GAP) +
					(tails[place] as string),
			);
		}
		// for a few entries at a time, a loop over the kinds would cost more than they do
		found.stale += counts[STALE] as number;
		found.live += counts[LIVE] as number;
		found.other += counts[OTHER] as number;
		count.entries += made;
		counts[STALE] = 0;
		counts[LIVE] = 0;
		counts[OTHER] = 0;
		return 4 * i;
	}

	/** Returns the line of an entry whose tuples begin at these words and have the usual layout. */
	line(
		b: RecvBuffer,
		orig: number,
		reply: number,
		{ kind, why }: Verdict,
	): string {
		const v4 = reply - orig === V4_TUPLE;
		const head = this.#head(kind, b.bytes[4 * reply - 20] as number);
		const from = this.#endpoint(b, v4, orig + 3, reply - 3);
		return `${head}${from}${this.#gap(2, from)}${this.#tail(b, orig, reply, why)}`;
	}

	/** Returns the line of an entry behind its client and the space there. */
	#tail(b: RecvBuffer, orig: number, reply: number, why: string): string {
		const v4 = reply - orig === V4_TUPLE;
		const to = this.#endpoint(b, v4, orig + (v4 ? 5 : 8), reply - 1);
		const leads = this.#endpoint(b, v4, reply + 3, 2 * reply - orig - 3);
		return `${to}${this.#gap(3, to)}${leads}${this.#gap(4, leads)}${why}\n`;
	}

	/** Returns the first two cells of a line, and remembers them in `#heads`. */
	#head(kind: Verdict["kind"], proto: number): string {
		const heads = this.#heads[kind];
		if (heads[proto] === "") {
			const [first = 0, second = 0] = this.#widths;
			const name = protocolName(proto);
			heads[proto] = kind.padEnd(first) + GAP + name.padEnd(second) + GAP;
		}
		return heads[proto] as string;
	}

	/** Returns the space behind a cell of a column. */
	#gap(column: number, cell: string): string {
		return this.#gaps[(this.#widths[column] as number) - cell.length] ?? GAP;
	}

	/** Returns the endpoint whose address and whose port stand at these words. */
	#endpoint(b: RecvBuffer, v4: boolean, ip: number, port: number): string {
		const { bytes } = b;
		const { v4: known } = this.#addresses;
		const address = v4
			? (known.get(keyOf(b.words[ip] as number)) ??
				this.#addresses.learn(b, ip))
			: this.#addresses.v6(b, ip).text;
		const high = bytes[4 * port] as number;
		return address + (256 * high + (bytes[4 * port + 1] as number));
	}
}

function noHeads(): string[] {
	return Array.from({ length: 256 }, () => "");
}
