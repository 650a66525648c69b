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

/** The columns of a table: `VERDICT PROTO FROM TO LEADS TO WHY`. */
export interface Columns {
	/** Returns the space behind a cell of so many characters. */
	gap(column: number, length: number): string;
}

export class Lines {
	readonly #ports: PortSet;
	readonly #known: KnownVerdicts;
	readonly #columns: Columns;
	readonly #v4 = new Map<number, string>();
	readonly #v6 = new Map<number, Beginning>();
	/** The first two cells of a line, by verdict and by protocol. */
	readonly #heads: Record<Verdict["kind"], string[]> = {
		stale: [],
		live: [],
		other: [],
	};

	/** The lines are of entries that have one of the ports and whose verdict is known. */
	constructor(ports: PortSet, known: KnownVerdicts, columns: Columns) {
		this.#ports = ports;
		this.#known = known;
		this.#columns = columns;
	}

	/**
	 * Adds the lines of the entries from offset `at` of a dump's datagram on to `lines`,
	 * and counts them in `count` and `found`. Returns the offset of the first message
	 * that is no such entry, or the offset after the last.
	 */
	make(
		b: RecvBuffer,
		at: number,
		length: number,
		seq: number,
		count: EntryCount,
		found: Record<Verdict["kind"], number>,
		lines: string[],
	): number {
		const { words, halves, bytes } = b;
		const known = this.#known;
		const ports = this.#ports;
		const columns = this.#columns;
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
			const proto = bytes[4 * reply - 20] as number;
			if (!ports.hasWire(proto, halves[2 * reply - 2] as number)) break;
			const end = 4 * i + size;
			const verdict =
				known.isNobodys(b, v4, proto, reply, end) &&
				!known.mayBeBegun(b, proto, status)
					? known.nobodys
					: known.look(b, messageAt(b, 4 * i, length));
			// a row has no spaces at its end
			if (verdict === undefined || verdict.why.endsWith(" ")) break;
			const { kind, why } = verdict;
			const from = this.#endpoint(b, v4, orig + 3, reply - 3);
			const to = this.#endpoint(b, v4, orig + (v4 ? 5 : 8), reply - 1);
			const leads = this.#endpoint(b, v4, reply + 3, status - 3);
			lines.push(
				`${this.#heads[kind][proto] ?? this.#head(kind, proto)}${from}${columns.gap(2, from.length)}${to}${columns.gap(3, to.length)}${leads}${columns.gap(4, leads.length)}${why}\n`,
			);
			found[kind]++;
			count.entries++;
			i += (size + 3) >> 2;
		}
		return 4 * i;
	}

	#head(kind: Verdict["kind"], proto: number): string {
		const name = protocolName(proto);
		const { gap } = this.#columns;
		const head = `${kind}${gap(0, kind.length)}${name}${gap(1, name.length)}`;
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
