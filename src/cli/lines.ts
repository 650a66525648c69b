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
import type { EntryCount, PortSet } from "../conntrack/skip.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import { AF_INET, AF_INET6, type Family, formatIP } from "../net/ip.ts";
import { protocolName } from "../net/proto.ts";
import { messageAt, type RecvBuffer } from "../netlink/reader.ts";
import type { Verdict } from "../policy/judge.ts";
import type { KnownVerdicts } from "./known.ts";

/** So many addresses of each family are remembered, in about 300 and 600 kB. */
const REMEMBERED = 4096;
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
	readonly #v4 = new Map<number, string>();
	readonly #v6 = new Map<number, Beginning>();
	/** The first two cells of a line, by verdict and by protocol. */
	readonly #heads: Record<Verdict["kind"], string[]> = {
		stale: [],
		live: [],
		other: [],
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
		const { words, halves, bytes } = b;
		const known = this.#known;
		const { addresses, hostPorts, pods, hasDepartures } = known.concerns;
		const { table } = addresses;
		const podTable = pods.table;
		const mapped = hostPorts.table;
		let i = at >> 2;
		while (4 * i < length) {
			const size = words[i] as number;
			if (4 * i + size > length || words[i + 2] !== seq) break;
			if (halves[2 * i + 2] !== IPCTNL_MSG_CT_NEW) break;
			const orig = i + HEAD;
			const v4 = words[orig] === V4_ORIG_WORD;
			if (!v4 && words[orig] !== V6_ORIG_WORD) break;
			const reply = orig + (v4 ? V4_TUPLE : V6_TUPLE);
			const status = 2 * reply - orig;
			if (
				4 * (status + 2 - i) > size ||
				words[status] !== STATUS_WORD ||
				words[reply] !== (v4 ? V4_REPLY_WORD : V6_REPLY_WORD) ||
				!isPlain(words, orig + 1, v4) ||
				!isPlain(words, reply + 1, v4)
			)
				break;
			const dport = halves[2 * reply - 2] as number;
			if (!ports.hasWire(bytes[4 * reply - 20] as number, dport)) break;
			// the halves of the destination that a prefilter compares
			const first = halves[2 * (v4 ? orig + 5 : orig + 8)] as number;
			const last = halves[2 * (v4 ? orig + 5 : orig + 11) + 1] as number;
			const isNobodys =
				mapped[dport] === 0 &&
				table[last >> ADDRESS_SHIFT] === 0 &&
				table[ADDRESS_PLACES + (first >> ADDRESS_SHIFT)] === 0 &&
				// the end of the address that it leads to
				podTable[
					(halves[2 * (v4 ? reply + 3 : reply + 6) + 1] as number) >>
						ADDRESS_SHIFT
				] === 0 &&
				!(hasDepartures && mapped[halves[2 * status - 2] as number]);
			const verdict = isNobodys
				? known.nobodys
				: known.look(b, messageAt(b, 4 * i, length));
			if (verdict === undefined) break;
			lines.push(this.line(b, orig, reply, verdict));
			found[verdict.kind]++;
			count.entries++;
			i += (size + 3) >> 2;
		}
		return 4 * i;
	}

	/** Returns the line of an entry whose tuples begin at these words and have the usual layout. */
	line(
		b: RecvBuffer,
		orig: number,
		reply: number,
		{ kind, why }: Verdict,
	): string {
		const widths = this.#widths;
		const gaps = this.#gaps;
		const v4 = reply - orig === V4_TUPLE;
		const proto = b.bytes[4 * reply - 20] as number;
		const from = this.#endpoint(b, v4, orig + 3, reply - 3);
		const to = this.#endpoint(b, v4, orig + (v4 ? 5 : 8), reply - 1);
		const leads = this.#endpoint(b, v4, reply + 3, 2 * reply - orig - 3);
		const head = this.#heads[kind][proto] ?? this.#head(kind, proto);
		const gap1 = gaps[(widths[2] as number) - from.length] ?? GAP;
		const gap2 = gaps[(widths[3] as number) - to.length] ?? GAP;
		const gap3 = gaps[(widths[4] as number) - leads.length] ?? GAP;
		return `${head}${from}${gap1}${to}${gap2}${leads}${gap3}${why}\n`;
	}

	#head(kind: Verdict["kind"], proto: number): string {
		const name = protocolName(proto);
		const [first = 0, second = 0] = this.#widths;
		const head = kind.padEnd(first) + GAP + name.padEnd(second) + GAP;
		this.#heads[kind][proto] = head;
		return head;
	}

	/** Returns the endpoint whose address and whose port stand at these words. */
	#endpoint(b: RecvBuffer, v4: boolean, ip: number, port: number): string {
		const { words, bytes } = b;
		const high = bytes[4 * port] as number;
		const number = 256 * high + (bytes[4 * port + 1] as number);
		if (v4) {
			const known = this.#v4.get(words[ip] as number);
			return (known ?? this.#beginning4(b, ip)) + number;
		}
		const x = words[ip] as number;
		const y = words[ip + 1] as number;
		const z = words[ip + 2] as number;
		const known = this.#v6.get(x ^ y ^ z ^ (words[ip + 3] as number));
		return (
			(known && known.x === x && known.y === y && known.z === z
				? known.text
				: this.#beginning6(b, ip)) + number
		);
	}

	#beginning4({ words, bytes }: RecvBuffer, ip: number): string {
		const text = beforePort(bytes, ip, AF_INET);
		if (this.#v4.size >= REMEMBERED) this.#v4.clear();
		this.#v4.set(words[ip] as number, text);
		return text;
	}

	#beginning6({ words, bytes }: RecvBuffer, ip: number): string {
		const text = beforePort(bytes, ip, AF_INET6);
		if (this.#v6.size >= REMEMBERED) this.#v6.clear();
		const x = words[ip] as number;
		const y = words[ip + 1] as number;
		const z = words[ip + 2] as number;
		const key = x ^ y ^ z ^ (words[ip + 3] as number);
		this.#v6.set(key, { text, x, y, z });
		return text;
	}
}

/** The text of an endpoint before its port, and three words of the address. Its key is the four words in one. */
interface Beginning {
	readonly text: string;
	readonly x: number;
	readonly y: number;
	readonly z: number;
}

/** `10.88.0.2:`, `[fd88::2]:` */
function beforePort(bytes: Uint8Array, ip: number, family: Family): string {
	return formatEndpoint(formatIP(bytes, 4 * ip, family), 0).slice(0, -1);
}
