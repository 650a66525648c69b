// IP addresses as canonical text, so that equality is `===` and logs read well:
// dotted quads for IPv4 (and for v4-mapped IPv6, as Go's net.IP.To4), RFC 5952 for
// IPv6. Only hits get a text; the hot path compares wire words.

/** The canonical text of an address; `parseIP` and `formatIP` make it. */
export type IP = string;

// linux/socket.h
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;
export type Family = typeof AF_INET | typeof AF_INET6;

export function familyOf(ip: IP): Family {
	return ip.includes(":") ? AF_INET6 : AF_INET;
}

/** The bytes of an address on the wire: 4 or 16. */
export function ipLength(family: Family): number {
	return family === AF_INET ? 4 : 16;
}

/** Returns true for the wildcard of a family, `0.0.0.0` or `::`. */
export function isUnspecified(ip: IP): boolean {
	return ip === "0.0.0.0" || ip === "::";
}

/** Returns the hostIP of a mapping: null for the wildcard, which stands for any address of its family. */
export function hostIPOf(ip: IP): IP | null {
	return isUnspecified(ip) ? null : ip;
}

/**
 * Reads an address as Go's net.ParseIP does: no leading zeros in decimals, no zone.
 * Returns its canonical text, or undefined if the text is no address.
 */
export function parseIP(text: string): IP | undefined {
	const bytes = text.includes(":") ? parse6(text) : parse4(text);
	return bytes && ipOf(bytes);
}

/** Returns the address in `10.88.0.2/16` or in `10.88.0.2`, or undefined if there is none. */
export function parseCIDR(text: string): IP | undefined {
	const slash = text.indexOf("/");
	if (slash < 0) return parseIP(text);
	const ip = parseIP(text.slice(0, slash));
	const prefix = text.slice(slash + 1);
	const isPrefix =
		ip !== undefined &&
		/^\d{1,3}$/.test(prefix) &&
		Number(prefix) <= (text.includes(":") ? 128 : 32);
	return isPrefix ? ip : undefined;
}

/** Returns the bytes of a canonical address in wire order. */
export function ipBytes(ip: IP): Uint8Array {
	const bytes = ip.includes(":") ? parse6(ip) : parse4(ip);
	if (!bytes) throw new TypeError(`not an IP address: ${ip}`);
	return bytes;
}

/** Returns the canonical text of 4 or 16 bytes in wire order. */
export function ipOf(bytes: Uint8Array): IP {
	return formatIP(bytes, 0, bytes.length === 4 ? AF_INET : AF_INET6);
}

/** Returns true if the address lies in the prefix of so many bits. It lies in none of the other family. */
export function inPrefix(
	ip: Uint8Array,
	prefix: Uint8Array,
	bits: number,
): boolean {
	if (ip.length !== prefix.length) return false;
	for (let i = 0; 8 * i < bits; i++) {
		const mask = 0xff & (0xff00 >> Math.min(8, bits - 8 * i));
		if (((ip[i] ?? 0) & mask) !== ((prefix[i] ?? 0) & mask)) return false;
	}
	return true;
}

/** Returns the canonical text of the address at `bytes[at]`, which the caller knows to be whole. */
export function formatIP(bytes: Uint8Array, at: number, family: Family): IP {
	if (family === AF_INET) return quad(bytes, at);
	if (isMapped(bytes, at)) return quad(bytes, at + 12);
	const groups: number[] = [];
	for (let i = 0; i < 16; i += 2) {
		groups.push(((bytes[at + i] ?? 0) << 8) | (bytes[at + i + 1] ?? 0));
	}
	// RFC 5952 4.2: the longest run of zero groups, the first of equals, never a single one
	let start = -1;
	let length = 1;
	for (let i = 0; i < 8; i++) {
		let n = 0;
		while (i + n < 8 && groups[i + n] === 0) n++;
		if (n > length) {
			start = i;
			length = n;
		}
		i += n;
	}
	const hex = (part: number[]): string =>
		part.map((group) => group.toString(16)).join(":");
	return start < 0
		? hex(groups)
		: `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function quad(bytes: Uint8Array, at: number): IP {
	return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function isMapped(bytes: Uint8Array, at: number): boolean {
	for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
	return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
}

const ZERO = 48;
const DOT = 46;

function parse4(text: string): Uint8Array | undefined {
	const bytes = new Uint8Array(4);
	let parts = 0;
	let value = -1; // the part so far, or -1 while it has no digit
	// a loop and no pattern, because a node may have thousands of records to read
	for (let i = 0; i <= text.length; i++) {
		const digit = text.charCodeAt(i) - ZERO; // NaN past the end
		if (digit >= 0 && digit <= 9 && value !== 0) {
			value = value < 0 ? digit : 10 * value + digit;
		} else {
			const isEnd = digit === DOT - ZERO || i === text.length;
			if (!isEnd || value < 0 || value > 255 || parts === 4) return undefined;
			bytes[parts++] = value;
			value = -1;
		}
	}
	return parts === 4 ? bytes : undefined;
}

function parse6(text: string): Uint8Array | undefined {
	const [head = "", tail, more] = text.split("::");
	if (more !== undefined) return undefined;
	const left = groups6(head, tail === undefined);
	const right = tail === undefined ? [] : groups6(tail, true);
	if (!left || !right) return undefined;
	const missing = 16 - left.length - right.length;
	// `::` stands for at least one group
	if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
	const bytes = new Uint8Array(16);
	bytes.set(left, 0);
	bytes.set(right, 16 - right.length);
	return isMapped(bytes, 0) ? bytes.slice(12) : bytes;
}

/** Returns the bytes of `a:b:c`. A dotted quad may be the last part if `last` is true. */
function groups6(text: string, last: boolean): number[] | undefined {
	if (text === "") return [];
	const parts = text.split(":");
	const bytes: number[] = [];
	for (const [i, part] of parts.entries()) {
		if (part.includes(".")) {
			const four = last && i === parts.length - 1 ? parse4(part) : undefined;
			if (!four) return undefined;
			bytes.push(...four);
		} else {
			if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
			const group = Number.parseInt(part, 16);
			bytes.push(group >> 8, group & 0xff);
		}
	}
	return bytes;
}
