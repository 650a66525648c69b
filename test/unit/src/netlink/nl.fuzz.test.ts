// Datagrams that any process or a kernel of tomorrow may send: decoding ends with a
// result or a DecodeError, and reads nothing behind the datagram.

import { expect, test } from "vitest";
import { type Entry, readEntry } from "../../../../src/conntrack/entry.ts";
import { deleteOne, readFill } from "../../../../src/conntrack/messages.ts";
import { PortSet, skipOthers } from "../../../../src/conntrack/skip.ts";
import { DecodeError, Writer } from "../../../../src/netlink/nl.ts";
import {
	attributes,
	errnoOf,
	errorText,
	type Message,
	messageAt,
	after as nextAfter,
	RecvBuffer,
} from "../../../../src/netlink/reader.ts";
import { readLinkIndex, readLocalRoute } from "../../../../src/netlink/rtnl.ts";
import {
	attr,
	concat,
	datagram,
	doneMessage,
	entryMessage,
	errorMessage,
	message,
	nest,
	routeMessage,
	toHex,
	u32,
} from "../../../support/entries.ts";
import { type Random, random } from "../../../support/random.ts";
import { scanDatagram } from "../../../support/unit/tables.ts";

interface Leaf {
	readonly type: number;
	readonly payload: Uint8Array;
}
interface Nest {
	readonly type: number;
	readonly inner: readonly Tree[];
}
type Tree = Leaf | Nest;

function randomTree(r: Random, depth: number): Tree {
	const type = 1 + r.below(0x3ffe);
	return depth === 0 || r.chance(0.6)
		? { type, payload: r.bytes(r.below(12)) }
		: {
				type,
				inner: Array.from({ length: r.below(4) }, () =>
					randomTree(r, depth - 1),
				),
			};
}

function write(w: Writer, tree: Tree): void {
	if ("payload" in tree) w.raw(tree.type, tree.payload);
	else
		w.nested(tree.type, () => {
			for (const child of tree.inner) write(w, child);
		});
}

/** Reads by the shape of `trees`, because a type alone does not tell a nest. */
function read(
	b: RecvBuffer,
	from: number,
	to: number,
	trees: readonly Tree[],
): string[] {
	const found: string[] = [];
	let n = 0;
	attributes(b, from, to, (type, at, length) => {
		const tree = trees[n++];
		found.push(
			tree && "inner" in tree
				? `${type}[${read(b, at, at + length, tree.inner)}]`
				: `${type}=${toHex(b.bytes.subarray(at, at + length))}`,
		);
	});
	return found;
}

function show(tree: Tree): string {
	return "inner" in tree
		? `${tree.type}[${tree.inner.map(show)}]`
		: `${tree.type}=${toHex(tree.payload)}`;
}

test("what was written is read again, whatever the shape and the capacity", () => {
	const r = random(14);
	for (let n = 0; n < 1000; n++) {
		const messages = Array.from({ length: 1 + r.below(3) }, () =>
			Array.from({ length: r.below(5) }, () => randomTree(r, 3)),
		);
		const w = new Writer(r.below(256));
		for (const [seq, trees] of messages.entries())
			w.message(7, 5, seq, () => {
				for (const tree of trees) write(w, tree);
			});
		const b = new RecvBuffer((w.length + 3) & ~3);
		b.bytes.set(w.bytes());
		let at = 0;
		for (const [seq, trees] of messages.entries()) {
			const m = messageAt(b, at, w.length);
			expect(m).toMatchObject({ type: 7, flags: 5, seq });
			expect(read(b, m.start + 16, m.end, trees)).toEqual(trees.map(show));
			at = nextAfter(m);
		}
		expect(at).toBe(w.length);
	}
});

const READERS: readonly ((b: RecvBuffer, m: Message) => unknown)[] = [
	readEntry,
	readFill,
	readLinkIndex,
	readLocalRoute,
	errnoOf,
	errorText,
];

/** Reads every message by every reader. A test can only say that the result is the same, whatever lies behind the datagram. */
function decodeAll(b: RecvBuffer, length: number, ports: PortSet): string {
	const found: string[] = [];
	const attempt = (f: () => unknown): void => {
		try {
			found.push(JSON.stringify(f()) ?? "undefined");
		} catch (e) {
			if (!(e instanceof DecodeError)) throw e;
			found.push("DecodeError");
		}
	};
	let at = 0;
	const next = (): Message | undefined => {
		const from = at;
		at = skipOthers(b, at, length, ports, { entries: 0, kept: 0 });
		if (at < from) throw new Error("goes back");
		return at < length ? messageAt(b, at, length) : undefined;
	};
	for (let turns = 0; ; ) {
		if (++turns > length + 1) throw new Error("does not advance");
		let m: Message | undefined;
		try {
			m = next();
		} catch (e) {
			if (!(e instanceof DecodeError)) throw e;
			found.push("malformed");
			break;
		}
		if (!m) break;
		if (m.end > length) throw new Error("ends behind the datagram");
		const whole = m;
		for (const reader of READERS) attempt(() => reader(b, whole));
		at = nextAfter(m);
	}
	return found.join("\n");
}

const SEEDS: readonly Uint8Array[] = [
	entryMessage({ orig: "192.0.2.7:6000 > 203.0.113.1:8125" }, 1),
	entryMessage({ orig: "[fd07::7]:6000 > [fd03::1]:53", zone: 7 }, 1),
	entryMessage({ proto: "sctp", orig: "192.0.2.7:1 > 203.0.113.1:53" }, 1),
	entryMessage({ proto: "icmp", orig: "192.0.2.7:1 > 203.0.113.1:8" }, 1),
	entryMessage({ proto: "icmpv6", orig: "[fd07::7]:1 > [fd03::1]:128" }, 1),
	message({ type: 0x0105, seq: 1 }, u32(0), attr(1, u32(5))),
	routeMessage({ prefix: "203.0.113.1/32", oif: 2 }, 1),
	routeMessage({ prefix: "fd03::1/128", oif: 2 }, 1),
	errorMessage(22, 1),
	message(
		{ type: 2, flags: 0x200, seq: 1 },
		u32(1),
		message({ type: 1 }),
		attr(1, Uint8Array.of(104, 105, 0)),
	),
	doneMessage(1, 4),
	message({ type: 3, seq: 1 }),
];

function mutate(r: Random, bytes: Uint8Array): Uint8Array {
	const out = bytes.slice();
	for (let n = r.below(4); n > 0 && out.length > 0; n--) {
		const at = r.below(out.length);
		// lengths and types are small numbers: those faults go deepest
		out[at] = r.pick([
			0,
			1,
			2,
			3,
			4,
			5,
			8,
			0x10,
			0x7f,
			0x80,
			0xff,
			r.below(256),
		]);
	}
	if (r.chance(0.2)) return out.slice(0, r.below(out.length + 1));
	if (r.chance(0.1)) return concat(out, r.bytes(r.below(8)));
	if (r.chance(0.1)) return concat(nest(1, out), out);
	return out;
}

test("mutated messages give a result or a DecodeError, from their own bytes alone", async () => {
	const r = random(25);
	const ports = new PortSet();
	ports.add(17, 53);
	ports.add(132, 8125);
	let whole = 0;
	for (let n = 0; n < 3000; n++) {
		const picked = Array.from({ length: 1 + r.below(4) }, () => r.pick(SEEDS));
		const bytes = mutate(r, datagram(...picked));
		const results: string[] = [];
		for (const behind of [0x00, 0xa5, 0xff]) {
			const b = new RecvBuffer(((bytes.length + 3) & ~3) + 64);
			b.bytes.fill(behind);
			b.bytes.set(bytes);
			const scanned = await scanDatagram(bytes, 1, ports, behind);
			results.push(
				`${decodeAll(b, bytes.length, ports)}\n${JSON.stringify(scanned)}`,
			);
		}
		if (new Set(results).size !== 1)
			expect.fail(`depends on what lies behind: ${toHex(bytes)}\n${results}`);
		if (results[0]?.includes('"orig"')) whole++;
	}
	// the mutations must leave something to decode
	expect(whole).toBeGreaterThan(250);
});

test("an entry of a mapped protocol that can be read can be named for removal", () => {
	const r = random(102);
	let read = 0;
	for (let n = 0; n < 20_000; n++) {
		const bytes = mutate(r, r.pick(SEEDS.slice(0, 3)));
		const b = new RecvBuffer((bytes.length + 3) & ~3);
		b.bytes.set(bytes);
		let found: Entry;
		try {
			found = readEntry(b, messageAt(b, 0, bytes.length));
		} catch (e) {
			if (!(e instanceof DecodeError)) throw e;
			continue;
		}
		if (![6, 17, 132].includes(found.proto)) continue;
		read++;
		try {
			deleteOne(new Writer(256), 1, true, found.key);
		} catch (e) {
			expect.fail(`${e}: ${toHex(bytes)}`);
		}
	}
	expect(read).toBeGreaterThan(2000);
});

test("a datagram that fills the buffer to its last byte is decoded in it", () => {
	const bytes = datagram(...SEEDS);
	const b = new RecvBuffer((bytes.length + 3) & ~3);
	b.bytes.set(bytes);
	const found = decodeAll(b, bytes.length, new PortSet());
	expect(found).toContain('"local":true');
});
