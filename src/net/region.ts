// A region that entries come from, go to or lead to: an address or a prefix, ports, or
// both. It resolves no names.

import {
	type Family,
	familyOf,
	type IP,
	inPrefix,
	ipBytes,
	ipOf,
	parseIP,
} from "./ip.ts";

/** Ports in a row, both ends included. */
export interface PortSpan {
	readonly first: number;
	readonly last: number;
}

/** The addresses of a prefix. A single address is a prefix of all its bits. */
export interface Net {
	readonly family: Family;
	readonly bytes: Uint8Array;
	readonly bits: number;
	/** The text of a single address; undefined for a wider prefix. */
	readonly ip: IP | undefined;
}

/** What is left out stands for any. */
export interface Region {
	readonly net?: Net;
	readonly ports?: PortSpan;
}

/** Returns true if the address and port are in the region; without one all are. */
export function isAt(
	region: Region | undefined,
	ip: IP,
	port: number,
): boolean {
	if (region === undefined) return true;
	const { net, ports } = region;
	return (
		(ports === undefined || isIn(ports, port)) &&
		(net === undefined ||
			(net.ip === undefined
				? inPrefix(ipBytes(ip), net.bytes, net.bits)
				: net.ip === ip))
	);
}

export function isIn({ first, last }: PortSpan, port: number): boolean {
	return port >= first && port <= last;
}

/** Returns true if some address or port is not in the region. */
export function isNarrowing({ net, ports }: Region): boolean {
	return ports !== undefined || (net !== undefined && net.bits > 0);
}

/** Reads `8125` or `8000-8010`. Returns undefined for other texts, and for a row that ends before it begins. */
export function parseSpan(text: string): PortSpan | undefined {
	const [, a, b = a] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
	const first = Number(a);
	const last = Number(b);
	return first >= 1 && first <= last && last <= 65535
		? { first, last }
		: undefined;
}

/**
 * Reads an address, a prefix (`10.88.0.0/16`), ports (`:53`, `:8000-8010`), or one of the
 * first two with ports after it. An IPv6 address or prefix stands in brackets before
 * ports: `[fd00::1]:53`. Returns undefined for other texts.
 */
export function parseRegion(text: string): Region | undefined {
	const [, inBrackets, plain = "", colon, after] =
		/^(?:\[([^[\]]*:[^[\]]*)\]|([\d.]+(?:\/\d+)?))?(:([\d-]+))?$/.exec(text) ??
		[];
	const ports = after === undefined ? undefined : parseSpan(after);
	if (colon !== undefined && ports === undefined) return undefined;
	// IPv6 without brackets is the whole text
	const address = inBrackets ?? (colon === undefined && !plain ? text : plain);
	if (address === "") return ports && { ports };
	const net = parseNet(address);
	return net && { net, ...(ports && { ports }) };
}

/** Returns the prefix without the bits that are beyond it, for a text that has some: `10.88.0.2/16` is `10.88.0.0/16`. Returns undefined for others. */
export function withoutHostBits(text: string): string | undefined {
	const [, address = "", bits = ""] = /^\[?([^[\]/]+)\/(\d+)/.exec(text) ?? [];
	const bytes = bytesOf(address, Number(bits));
	if (!bytes) return undefined;
	const net = ipOf(masked(bytes, Number(bits)));
	return net === ipOf(bytes) ? undefined : `${net}/${bits}`;
}

function parseNet(text: string): Net | undefined {
	const slash = text.indexOf("/");
	const address = slash < 0 ? text : text.slice(0, slash);
	const prefix = slash < 0 ? undefined : text.slice(slash + 1);
	if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
	const bytes = bytesOf(address, Number(prefix ?? 0));
	if (!bytes) return undefined;
	// of an IPv4 address in the form of IPv6 the bits may be counted in either
	if (prefix !== undefined && familyOf(address) !== familyOf(ipOf(bytes)))
		return undefined;
	const all = 8 * bytes.length;
	const bits = prefix === undefined ? all : Number(prefix);
	const ip = ipOf(bytes);
	// an address with a prefix's length may mean either
	if (ipOf(masked(bytes, bits)) !== ip) return undefined;
	return {
		family: familyOf(ip),
		bytes,
		bits,
		ip: bits === all ? ip : undefined,
	};
}

/** Returns the address's bytes, or undefined if it is none or has fewer bits. */
function bytesOf(address: string, bits: number): Uint8Array | undefined {
	const ip = parseIP(address);
	const bytes = ip === undefined ? undefined : ipBytes(ip);
	return bytes && bits <= 8 * bytes.length ? bytes : undefined;
}

/** Returns a copy without the bits after the first ones. */
function masked(bytes: Uint8Array, bits: number): Uint8Array {
	return bytes.map((byte, i) => {
		const rest = Math.min(8, Math.max(0, bits - 8 * i));
		return byte & (0xff00 >> rest) & 0xff;
	});
}
