// A slow and plain decoder of ctnetlink dumps to compare ours with. It is written from the
// kernel's headers and not from our source. Both write an entry as the same line, see
// textOf in test/fuzz/scan.ts.

import { toHex } from "../entries.ts";

/** The result of scanning a datagram. */
export interface Found {
	/** The entries that have one of the ports, with all that was read of them. */
	readonly hits: string[];
	/** The number of our dump's entries. */
	entries: number;
	/** The number of entries that are cut or have another layout than the kernel's; another decoder may make more of them. */
	unclear: number;
	/** The end of the dump, or "" if it goes on in the next datagram. */
	end: "" | "done" | "error" | "malformed";
}

export interface Wanted {
	readonly proto: number;
	readonly port: number;
	/** "reply" if the port is the one that replies come to. */
	readonly side?: "reply";
}

class Malformed extends Error {}

type Attribute = readonly [type: number, payload: Uint8Array, flags: number];

function attributesOf(bytes: Uint8Array): Attribute[] {
	const found: Attribute[] = [];
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	for (let at = 0; at + 4 <= bytes.length; ) {
		const size = view.getUint16(at, true);
		if (size < 4 || at + size > bytes.length) throw new Malformed();
		const type = view.getUint16(at + 2, true);
		const payload = bytes.subarray(at + 4, at + size);
		found.push([type & 0x3fff, payload, type & ~0x3fff]);
		at += (size + 3) & ~3;
	}
	return found;
}

/** Returns the payload of the last attribute of these types and, if it is given, of this length. */
function last(
	attrs: readonly Attribute[],
	types: readonly number[],
	length?: number,
): Uint8Array | undefined {
	return attrs.findLast(
		([type, { length: n }]) =>
			types.includes(type) && (length === undefined || n === length),
	)?.[1];
}

interface Side extends Wanted {
	/** `source sport > destination dport` */
	readonly text: string;
}

function tupleOf(bytes: Uint8Array, addressLength: number): Side {
	const nests = attributesOf(bytes);
	const inside = (type: number): Attribute[] =>
		nests.filter(([t]) => t === type).flatMap(([, part]) => attributesOf(part));
	const [ips, proto] = [inside(1), inside(2)];
	const src = last(ips, [1, 3], addressLength);
	const dst = last(ips, [2, 4], addressLength);
	const number = last(proto, [1], 1);
	const zone = last(nests, [3], 2);
	if (!src || !dst || !number) throw new Malformed();
	const portOf = (type: number): number => {
		const port = last(proto, [type], 2);
		return port ? (port[0] ?? 0) * 256 + (port[1] ?? 0) : 0;
	};
	return {
		proto: number[0] ?? 0,
		port: portOf(3),
		text: `${addressOf(src)} ${portOf(2)} > ${addressOf(dst)} ${portOf(3)}${zone ? ` zone ${(zone[0] ?? 0) * 256 + (zone[1] ?? 0)}` : ""}`,
	};
}

/** Writes an address as RFC 5952 does, because URLs do so too. A mapped address is one of IPv4. */
function addressOf(bytes: Uint8Array): string {
	const hex = Buffer.from(bytes).toString("hex");
	if (bytes.length === 4) return bytes.join(".");
	if (hex.startsWith("00000000000000000000ffff"))
		return bytes.subarray(12).join(".");
	const url = new URL(`http://[${hex.match(/..../g)?.join(":")}]`);
	return url.hostname.slice(1, -1);
}

/** Returns true if the attributes are those of ctnetlink_dump_tuples, whole and in their order. */
function isKernels(tuple: Uint8Array, addressLength: number): boolean {
	const view = new DataView(tuple.buffer, tuple.byteOffset, tuple.length);
	const address = 4 + addressLength;
	const sizes = [4 + 2 * address, address, address, 28, 5, 6, 6];
	const steps = [4, address, address, 4, 8, 8, 8];
	const [first, second] = addressLength === 4 ? [1, 2] : [3, 4];
	const NESTED = 0x8000;
	const types = [NESTED | 1, first, second, NESTED | 2, 1, 2, 3];
	let at = 0;
	return sizes.every((size, i) => {
		const here = at;
		at += steps[i] ?? 0;
		return (
			at <= tuple.length &&
			view.getUint16(here, true) === size &&
			view.getUint16(here + 2, true) === types[i]
		);
	});
}

export function plain(
	bytes: Uint8Array,
	seq: number,
	wanted: readonly Wanted[],
): Found {
	const found: Found = { hits: [], entries: 0, unclear: 0, end: "" };
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	for (let at = 0; at < bytes.length; ) {
		const size = bytes.length - at < 16 ? 0 : view.getUint32(at, true);
		if (size < 16 || at + size > bytes.length) {
			found.end = "malformed";
			return found;
		}
		const type = view.getUint16(at + 4, true);
		const ours = view.getUint32(at + 8, true) === seq;
		const payload = bytes.subarray(at + 16, at + size);
		at += (size + 3) & ~3;
		if (!ours) continue;
		if (type === 2 || type === 3) {
			found.end = type === 2 ? "error" : "done";
			return found;
		}
		if (type !== 0x0100) continue;
		found.entries++;
		try {
			const addressLength = new Map([
				[2, 4],
				[10, 16],
			]).get(payload[0] ?? 0);
			if (addressLength === undefined) continue;
			const attrs = attributesOf(payload.subarray(4));
			// the kernel never marks these as nests
			if (attrs.some(([type, , flags]) => flags && [3, 12, 18].includes(type)))
				throw new Malformed();
			const [orig, reply, id] = [1, 2, 12].map((type) => last(attrs, [type]));
			if (!orig || !reply || id?.length !== 4) continue;
			// an entry that cannot be named exactly is no hit
			const zone = last(attrs, [18]);
			if ((zone?.length ?? 2) !== 2) continue;
			// our decoder deletes only by a tuple with the kernel's layout
			if (!isKernels(reply, addressLength)) throw new Malformed();
			const { proto, port, text } = tupleOf(orig, addressLength);
			const back = tupleOf(reply, addressLength);
			const status = last(attrs, [3], 4) ?? new Uint8Array(4);
			const words = [
				`${payload[0]} ${proto} ${text}, ${back.text}`,
				`status ${new DataView(status.buffer, status.byteOffset).getUint32(0)}`,
				// our decoder keeps whole words
				`key ${toHex(reply.subarray(0, reply.length & ~3))} ${toHex(id)}`,
				zone ? toHex(zone) : "",
			];
			const isWanted = (w: Wanted): boolean =>
				w.proto === proto && w.port === (w.side ? back.port : port);
			if (wanted.some(isWanted)) found.hits.push(words.join(" "));
		} catch (e) {
			if (!(e instanceof Malformed)) throw e;
			found.unclear++;
		}
	}
	return found;
}
