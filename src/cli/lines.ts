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
import { formatEndpoint } from "../net/endpoint.ts";
import { AF_INET, AF_INET6, type Family, formatIP } from "../net/ip.ts";
import { protocolName } from "../net/proto.ts";
import { messageAt, type RecvBuffer } from "../netlink/reader.ts";
import type { Verdict } from "../policy/judge.ts";
import type { KnownVerdicts } from "./known.ts";

/** So many addresses of each family are remembered, in about 300 and 600 kB. */
const REMEMBERED = 4096;
/** The places for sorts of lines, in about 500 kB. A power of two. */
const SORTS = 4096;
/** The numbers that a sort is known by: where its entries came to, where they lead, the ports of both, the protocol with V6. */
const SORT = 4;
const V6 = 256;
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
	readonly #v4 = new Map<number, string>();
	readonly #v6 = new Map<number, Address>();
	/** The last id of an address. */
	#ids = 0;
	/** Entries that are nobody's and differ in their clients alone are of one sort: its numbers, and their lines behind the client. */
	readonly #sorts = new Int32Array(SORT * SORTS);
	readonly #tails = Array.from({ length: SORTS }, () => "");
	/** The first two cells of a line, by verdict and by protocol. */
	readonly #heads: Record<Verdict["kind"], string[]> = {
		stale: noHeads(),
		live: noHeads(),
		other: noHeads(),
	};

	/** The lines are of entries whose verdict is known. */
	constructor(known: KnownVerdicts, widths: readonly number[]) {
		this.#known = known;
		this.#widths = widths;
		this.#gaps = Array.from(
			{ length: Math.max(...widths) + 1 },
			(_, wider) => GAP + " ".repeat(wider),
		);
	}

	/**
	 * Adds the lines of the entries from offset `at` of a dump's datagram on that have one
	 * of the ports to `lines`, and counts them in `count` and `found`. Returns the offset of the first message
	 * that is no such entry, or the offset after the last.
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
		var heads = this.#heads[nobodys?.kind ?? "other"];
		var fromWidth = this.#widths[2] as number;
		var gaps = this.#gaps;
		var v4Texts = this.#v4;
		var sorts = this.#sorts;
		var tails = this.#tails;
		var bits = this.#bits;
		var wanted = ports.table;
		var mapped = hostPorts.table;
		var { table } = addresses;
		var podTable = pods.table;
		var ofNobody = 0;
		var made = 0;
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
		var from = "";
		var verdict: Verdict | undefined;
		while (i < end) {
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
				dst = this.#address6(b, orig + 8).id;
				leads = this.#address6(b, reply + 3).id;
				proto |= V6;
			}
			// the bits in which the addresses of one network differ are the last in memory
			sort = dst ^ (leads << 3) ^ (leads >>> 13) ^ both;
			sort = SORT * ((sort ^ (sort >>> 11) ^ (sort >>> 21)) & (SORTS - 1));
			if (
				sorts[sort] !== dst ||
				sorts[sort + 1] !== leads ||
				sorts[sort + 2] !== both ||
				sorts[sort + 3] !== proto ||
				(hasDepartures && mapped[halves[2 * status - 2] as number])
			) {
				// the halves of the destination that a prefilter compares, and the end of the address that it leads to
				if (
					mapped[dport] !== 0 ||
					table[
						(halves[2 * (v4 ? orig + 5 : orig + 11) + 1] as number) >>
							ADDRESS_SHIFT
					] !== 0 ||
					table[
						ADDRESS_PLACES +
							((halves[2 * (v4 ? orig + 5 : orig + 8)] as number) >>
								ADDRESS_SHIFT)
					] !== 0 ||
					podTable[
						(halves[2 * (v4 ? reply + 3 : reply + 6) + 1] as number) >>
							ADDRESS_SHIFT
					] !== 0 ||
					(hasDepartures && mapped[halves[2 * status - 2] as number])
				) {
					verdict = known.look(b, messageAt(b, 4 * i, length));
					if (verdict === undefined) break;
					lines.push(this.line(b, orig, reply, verdict));
					found[verdict.kind]++;
					made++;
					i += (size + 3) >> 2;
					continue;
				}
				if (nobodys === undefined) break;
				sorts[sort] = dst;
				sorts[sort + 1] = leads;
				sorts[sort + 2] = both;
				sorts[sort + 3] = proto;
				tails[sort / SORT] = this.#tail(b, orig, reply, nobodys.why);
				this.#head(nobodys.kind, proto & 255);
			}
			from =
				(v4
					? (v4Texts.get(keyOf(words[orig + 3] as number)) ??
						this.#address4(b, orig + 3))
					: this.#address6(b, orig + 3).text) +
				(256 * (bytes[4 * reply - 12] as number) +
					(bytes[4 * reply - 11] as number));
			lines.push(
				(heads[proto & 255] as string) +
					from +
					(gaps[fromWidth - from.length] ?? GAP) +
					(tails[sort / SORT] as string),
			);
			ofNobody++;
			i += (size + 3) >> 2;
		}
		if (nobodys) found[nobodys.kind] += ofNobody;
		count.entries += made + ofNobody;
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
		const address = v4 ? this.#address4(b, ip) : this.#address6(b, ip).text;
		const high = bytes[4 * port] as number;
		return address + (256 * high + (bytes[4 * port + 1] as number));
	}

	#address4({ words, bytes }: RecvBuffer, ip: number): string {
		const key = keyOf(words[ip] as number);
		const known = this.#v4.get(key);
		if (known !== undefined) return known;
		const text = beforePort(bytes, ip, AF_INET);
		if (this.#v4.size >= REMEMBERED) this.#v4.clear();
		this.#v4.set(key, text);
		return text;
	}

	#address6({ words, bytes }: RecvBuffer, ip: number): Address {
		var x = words[ip] as number;
		var y = words[ip + 1] as number;
		var z = words[ip + 2] as number;
		var key = keyOf(x ^ y ^ z ^ (words[ip + 3] as number));
		var known = this.#v6.get(key);
		if (known && known.x === x && known.y === y && known.z === z) return known;
		const text = beforePort(bytes, ip, AF_INET6);
		if (this.#v6.size >= REMEMBERED) this.#v6.clear();
		known = { id: ++this.#ids, text, x, y, z };
		this.#v6.set(key, known);
		return known;
	}
}

/** An address of IPv6: the text of its endpoints before their ports, and three of its words. Its key is made of all four. */
interface Address {
	/** A number that no other address has. */
	readonly id: number;
	readonly text: string;
	readonly x: number;
	readonly y: number;
	readonly z: number;
}

/** Returns a number for each number, so that the bits in which the addresses of one network differ are the lower ones: the engine's maps go by these. */
function keyOf(word: number): number {
	return word ^ (word >>> 16) ^ (word >>> 24);
}

function noHeads(): string[] {
	return Array.from({ length: 256 }, () => "");
}

/** `10.88.0.2:`, `[fd88::2]:` */
function beforePort(bytes: Uint8Array, ip: number, family: Family): string {
	return formatEndpoint(formatIP(bytes, 4 * ip, family), 0).slice(0, -1);
}
