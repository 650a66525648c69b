// The texts of addresses as lines of a table have them, before their ports. A node's
// entries have few addresses, and each is formatted once.

import { formatEndpoint } from "../net/endpoint.ts";
import { AF_INET, AF_INET6, type Family, formatIP } from "../net/ip.ts";
import type { RecvBuffer } from "../netlink/reader.ts";

/** So many addresses of each family are remembered, in about 300 and 600 kB. */
const REMEMBERED = 4096;

/** An address of IPv6: the text of its endpoints before their ports, and three of its words. Its key is made of all four. */
export interface Address6 {
	/** A number that no other address has. */
	readonly id: number;
	readonly text: string;
	readonly x: number;
	readonly y: number;
	readonly z: number;
}

export class AddressTexts {
	/** Those of IPv4, by `keyOf` the address's word. A loop asks here, without a call. */
	readonly v4 = new Map<number, string>();
	readonly #v6 = new Map<number, Address6>();
	/** The last id of an address. */
	#ids = 0;

	/** Returns and remembers the text of the IPv4 address at this word. */
	learn({ words, bytes }: RecvBuffer, ip: number): string {
		const text = beforePort(bytes, ip, AF_INET);
		if (this.v4.size >= REMEMBERED) this.v4.clear();
		this.v4.set(keyOf(words[ip] as number), text);
		return text;
	}

	/** Returns the IPv6 address at this word. */
	v6({ words, bytes }: RecvBuffer, ip: number): Address6 {
		// `var`, as in conntrack/skip.ts
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

/** Returns a number for each number, so that the bits in which the addresses of one network differ are the lower ones: the engine's maps go by these. */
export function keyOf(word: number): number {
	return word ^ (word >>> 16) ^ (word >>> 24);
}

/** `10.88.0.2:`, `[fd88::2]:` */
function beforePort(bytes: Uint8Array, ip: number, family: Family): string {
	return formatEndpoint(formatIP(bytes, 4 * ip, family), 0).slice(0, -1);
}
