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

/** So many addresses of each family are remembered, in about 300 and 600 kB, and so many sorts of lines, in about 1 MB. */
const ADDRESSES = 4096;
const SORTS = 4096;
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
	/** The width of FROM. */
	readonly #fromWidth: number;
	/** The bits of the protocols in a PortSet, by their numbers. */
	readonly #bits = Uint8Array.from({ length: 256 }, (_, proto) =>
		protoBit(proto),
	);
	readonly #v4 = new Map<number, string>();
	readonly #v6 = new Map<number, Address>();
	readonly #sorts = new Map<number, Sort>();

	/** The lines are of entries whose verdict is known. */
	constructor(known: KnownVerdicts, widths: readonly number[]) {
		this.#known = known;
		this.#widths = widths;
		this.#fromWidth = widths[2] as number;
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
		var { table } = addresses;
		var podTable = pods.table;
		var mapped = hostPorts.table;
		var wanted = ports.table;
		var bits = this.#bits;
		var { nobodys } = known;
		var ofNobody = 0;
		var made = 0;
		var end = length >> 2;
		var i = at >> 2;
		var size = 0;
		var orig = 0;
		var reply = 0;
		var status = 0;
		var dport = 0;
		// the halves of the destination that a prefilter compares, and the end of the address that it leads to
		var first = 0;
		var last = 0;
		var leads = 0;
		var v4 = true;
		var isNobodys = true;
		var verdict: Verdict | undefined;
		while (i < end) {
			size = words[i] as number;
			orig = i + HEAD;
			v4 = words[orig] === V4_ORIG_WORD;
			if (v4) {
				reply = orig + V4_TUPLE;
				first = 2 * orig + 10;
				last = first + 1;
				leads = 2 * reply + 7;
			} else {
				if (words[orig] !== V6_ORIG_WORD) break;
				reply = orig + V6_TUPLE;
				first = 2 * orig + 16;
				last = first + 7;
				leads = 2 * reply + 13;
			}
			status = 2 * reply - orig;
			if (
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
			if (
				((wanted[dport] as number) &
					(bits[bytes[4 * reply - 20] as number] as number)) ===
				0
			)
				break;
			isNobodys =
				mapped[dport] === 0 &&
				table[(halves[last] as number) >> ADDRESS_SHIFT] === 0 &&
				table[ADDRESS_PLACES + ((halves[first] as number) >> ADDRESS_SHIFT)] ===
					0 &&
				podTable[(halves[leads] as number) >> ADDRESS_SHIFT] === 0 &&
				!(hasDepartures && mapped[halves[2 * status - 2] as number]);
			if (isNobodys) {
				verdict = nobodys;
				ofNobody++;
			} else verdict = known.look(b, messageAt(b, 4 * i, length));
			if (verdict === undefined) break;
			lines.push(this.line(b, orig, reply, verdict));
			if (!isNobodys) found[verdict.kind]++;
			made++;
			i += (size + 3) >> 2;
		}
		if (nobodys) found[nobodys.kind] += ofNobody;
		count.entries += made;
		return 4 * i;
	}

	/** Returns the line of an entry whose tuples begin at these words and have the usual layout. */
	line(b: RecvBuffer, orig: number, reply: number, verdict: Verdict): string {
		var { halves, bytes } = b;
		var o = 2 * orig;
		var r = 2 * reply;
		var ports =
			((halves[r - 2] as number) << 16) | (halves[2 * r - o - 6] as number);
		var sport = 2 * r - 12;
		var proto = bytes[sport - 8] as number;
		var dst: number | Address;
		var leads: number | Address;
		var key = 0;
		var from = "";
		if (reply - orig === V4_TUPLE) {
			// from halves, because most words are no small integers for the engine
			key = ((halves[o + 6] as number) << 16) | (halves[o + 7] as number);
			from = this.#v4.get(key ^ (key >>> 8)) ?? this.#address4(b, orig + 3);
			dst = ((halves[o + 10] as number) << 16) | (halves[o + 11] as number);
			leads = ((halves[r + 6] as number) << 16) | (halves[r + 7] as number);
			key = dst ^ (leads << 3);
		} else {
			from = this.#address6(b, orig + 3).text;
			dst = this.#address6(b, orig + 8);
			leads = this.#address6(b, reply + 3);
			key = dst.key ^ (leads.key << 3);
		}
		key ^= ports;
		key ^= (key >> 11) ^ (key >> 22);
		var sort = this.#sorts.get(key);
		if (
			sort === undefined ||
			sort.ports !== ports ||
			sort.leads !== leads ||
			sort.dst !== dst ||
			sort.proto !== proto ||
			sort.verdict !== verdict
		) {
			sort = {
				...{ dst, leads, ports, proto, verdict },
				head: this.#head(verdict.kind, proto),
				tail: this.#tail(b, orig, reply, verdict.why),
			};
			remember(this.#sorts, SORTS, key, sort);
		}
		from += 256 * (bytes[sport] as number) + (bytes[sport + 1] as number);
		return (
			sort.head +
			from +
			(this.#gaps[this.#fromWidth - from.length] ?? GAP) +
			sort.tail
		);
	}

	#head(kind: Verdict["kind"], proto: number): string {
		const [first = 0, second = 0] = this.#widths;
		const name = protocolName(proto);
		return kind.padEnd(first) + GAP + name.padEnd(second) + GAP;
	}

	#tail(b: RecvBuffer, orig: number, reply: number, why: string): string {
		const v4 = reply - orig === V4_TUPLE;
		const to = this.#endpoint(b, v4, orig + (v4 ? 5 : 8), reply - 1);
		const leads = this.#endpoint(b, v4, reply + 3, 2 * reply - orig - 3);
		return `${to}${this.#gap(3, to)}${leads}${this.#gap(4, leads)}${why}\n`;
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

	#address4({ halves, bytes }: RecvBuffer, ip: number): string {
		const [high, low] = halves.subarray(2 * ip, 2 * ip + 2);
		const number = ((high as number) << 16) | (low as number);
		// the engine's maps go by the lower bits of a number
		const key = number ^ (number >>> 8);
		return (
			this.#v4.get(key) ??
			remember(this.#v4, ADDRESSES, key, beforePort(bytes, ip, AF_INET))
		);
	}

	#address6({ words, bytes }: RecvBuffer, ip: number): Address {
		var x = words[ip] as number;
		var y = words[ip + 1] as number;
		var z = words[ip + 2] as number;
		var key = x ^ y ^ z ^ (words[ip + 3] as number);
		key ^= (key >>> 8) ^ (key >>> 16);
		var known = this.#v6.get(key);
		if (known && known.x === x && known.y === y && known.z === z) return known;
		const text = beforePort(bytes, ip, AF_INET6);
		return remember(this.#v6, ADDRESSES, key, { text, key, x, y, z });
	}
}

/** The lines of entries that differ in their clients alone. */
interface Sort {
	/** The address that they came to; of IPv4 the number that `line` makes of it. */
	readonly dst: number | Address;
	/** The address that they lead to. */
	readonly leads: number | Address;
	/** The ports at both. */
	readonly ports: number;
	readonly proto: number;
	readonly verdict: Verdict;
	/** The line before its client. */
	readonly head: string;
	/** The line behind its client and the space there. */
	readonly tail: string;
}

/** An address of IPv6: the text of its endpoints before their ports, and three of its words. Its key is made of all four. */
interface Address {
	readonly text: string;
	readonly key: number;
	readonly x: number;
	readonly y: number;
	readonly z: number;
}

/** Returns the value that it has added to the map, which is emptied before if it has `most`. */
function remember<V>(
	map: Map<number, V>,
	most: number,
	key: number,
	value: V,
): V {
	if (map.size >= most) map.clear();
	map.set(key, value);
	return value;
}

/** `10.88.0.2:`, `[fd88::2]:` */
function beforePort(bytes: Uint8Array, ip: number, family: Family): string {
	return formatEndpoint(formatIP(bytes, 4 * ip, family), 0).slice(0, -1);
}
