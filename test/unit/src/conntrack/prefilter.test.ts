// The prefilter must never be wrong about an entry that it holds back, because that entry
// is never judged.

import { describe, expect, test } from "vitest";
import { readEntry } from "../../../../src/conntrack/entry.ts";
import { Prefilter } from "../../../../src/conntrack/prefilter.ts";
import { PortSet, skipOthers } from "../../../../src/conntrack/skip.ts";
import { LocalAddresses } from "../../../../src/flush/addresses.ts";
import { type IP, ipBytes } from "../../../../src/net/ip.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import { type EntrySpec, entryMessage } from "../../../support/entries.ts";
import { random } from "../../../support/random.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";

/** Returns if the scan takes a closer look at the entry, and if it counted the entry as kept. */
function look(bytes: Uint8Array, prefilter: Prefilter) {
	const b = new RecvBuffer((bytes.length + 3) & ~3);
	b.bytes.set(bytes);
	const e = readEntry(b, messageAt(b, 0, bytes.length));
	const ports = new PortSet(prefilter);
	ports.add(17, e.orig.dport);
	const count = { entries: 0, kept: 0 };
	const at = skipOthers(b, 0, bytes.length, ports, count);
	return { looked: at < bytes.length, ...count, e };
}

const udp = (orig: string, reply?: string): EntrySpec => ({
	proto: "udp",
	orig,
	...(reply && { reply }),
});

test("an entry whose replies come to one of the ports has its destination elsewhere", () => {
	const begun = udp(
		"10.88.0.9:1 > 198.51.100.9:53",
		"198.51.100.9:53 > 203.0.113.1:8125",
	);
	const bytes = entryMessage(begun, 1);
	const b = new RecvBuffer((bytes.length + 3) & ~3);
	b.bytes.set(bytes);
	const prefilter = new Prefilter("orig.dst");
	prefilter.add(ipBytes("203.0.113.1"));
	const isPassed = (port: number): boolean => {
		const ports = new PortSet(prefilter);
		ports.add(17, null);
		ports.add(17, port, "reply");
		const count = { entries: 0, kept: 0 };
		return skipOthers(b, 0, bytes.length, ports, count) === bytes.length;
	};
	expect(isPassed(8125)).toBe(false);
	expect(isPassed(8126)).toBe(true);
});

describe("where an entry came to", () => {
	const rows: [string, (s: Prefilter) => void, EntrySpec, boolean][] = [
		[
			"the address",
			(s) => s.add(ipBytes("203.0.113.1")),
			udp("192.0.2.7:1 > 203.0.113.1:53"),
			true,
		],
		[
			"another address",
			(s) => s.add(ipBytes("203.0.113.1")),
			udp("192.0.2.7:1 > 198.51.100.9:53"),
			false,
		],
		[
			"not where its answers come from",
			(s) => s.add(ipBytes("10.88.0.9")),
			udp("192.0.2.7:1 > 198.51.100.9:53", "10.88.0.9:53 > 192.0.2.7:1"),
			false,
		],
		[
			"an address of 127.0.0.0/8",
			(s) => s.add(ipBytes("127.0.0.0"), 8),
			udp("127.0.0.1:1 > 127.9.8.7:53"),
			true,
		],
		[
			"none of 127.0.0.0/8",
			(s) => s.add(ipBytes("127.0.0.0"), 8),
			udp("192.0.2.7:1 > 198.51.100.9:53"),
			false,
		],
		[
			"any, where all are local",
			(s) => s.add(ipBytes("0.0.0.0"), 0),
			udp("192.0.2.7:1 > 198.51.100.9:53"),
			true,
		],
		[
			"the IPv6 address",
			(s) => s.add(ipBytes("fd03::1")),
			udp("[fd07::7]:1 > [fd03::1]:53"),
			true,
		],
		[
			"another IPv6 address",
			(s) => s.add(ipBytes("fd03::1")),
			udp("[fd07::7]:1 > [fd03::1:0]:53"),
			false,
		],
		[
			"an address of an IPv6 prefix",
			(s) => s.add(ipBytes("fe80::"), 10),
			udp("[fd07::7]:1 > [feb0::1]:53"),
			true,
		],
	];
	test.each(rows)("%s", (_, add, spec, want) => {
		const prefilter = new Prefilter("orig.dst");
		add(prefilter);
		const found = look(entryMessage(spec, 1), prefilter);
		expect(found.looked).toBe(want);
		expect(found.kept).toBe(want ? 0 : 1);
		expect(found.entries).toBe(want ? 0 : 1);
	});
});

describe("where its answers come from, or who began it", () => {
	const P = "10.88.0.2:5353 > 192.0.2.7:1";
	test.each<[string, EntrySpec, boolean]>([
		["the pod", udp("192.0.2.7:1 > 203.0.113.1:53", P), true],
		["elsewhere", udp("192.0.2.7:1 > 203.0.113.1:53"), false],
		["elsewhere, from the pod", udp("10.88.0.2:1 > 198.51.100.9:53"), true],
		["elsewhere, from another", udp("10.88.1.2:1 > 198.51.100.9:53"), true],
		["elsewhere, from a third", udp("10.88.0.99:1 > 198.51.100.9:53"), false],
		["to the pod, from elsewhere", udp("192.0.2.7:1 > 10.88.0.2:53"), true],
		[
			"elsewhere, from the pod, in IPv6",
			udp("[fd88::2]:1 > [fd09::9]:53"),
			true,
		],
		[
			"elsewhere, from another, in IPv6",
			udp("[fd88::99]:1 > [fd09::9]:53"),
			false,
		],
		[
			"a zone inside of the tuple hides it: a closer look",
			{ ...udp("192.0.2.7:1 > 203.0.113.1:53"), origZone: 7 },
			true,
		],
	])("%s", (_, spec, want) => {
		const prefilter = new Prefilter("sources");
		prefilter.add(ipBytes("10.88.0.2"));
		prefilter.add(ipBytes("fd88::2"));
		// only the last bits are compared
		prefilter.add(ipBytes("10.88.1.2"));
		expect(look(entryMessage(spec, 1), prefilter).looked).toBe(want);
	});
});

test("never holds back what was added, whatever else was", () => {
	const r = random(11);
	const ip = (v6: boolean): IP => {
		const bytes = v6 ? [0xfd, r.below(256), ...r.bytes(14)] : r.bytes(4);
		const text = v6
			? Array.from({ length: 8 }, (_, i) =>
					(((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
				).join(":")
			: [...bytes].join(".");
		return text;
	};
	let held = 0;
	for (let n = 0; n < 1500; n++) {
		const v6 = r.chance(0.5);
		const end = (a: IP): string => (v6 ? `[${a}]` : a);
		const [a, b, c] = [ip(v6), ip(v6), ip(v6)];
		const spec = udp(`${end(a)}:1 > ${end(b)}:53`, `${end(c)}:2 > ${end(a)}:1`);
		for (const [side, address] of [
			["orig.dst", b],
			["sources", c],
			["sources", a],
		] as const) {
			const prefilter = new Prefilter(side);
			for (let i = r.below(20); i > 0; i--)
				prefilter.add(ipBytes(ip(r.chance(0.5))));
			const { looked } = look(entryMessage(spec, 1), prefilter);
			if (!looked) held++;
			const bits = 8 * ipBytes(address).length;
			prefilter.add(ipBytes(address), r.pick([bits, 8 + r.below(bits - 7)]));
			expect(
				look(entryMessage(spec, 1), prefilter).looked,
				`${side} ${address}`,
			).toBe(true);
		}
	}
	expect(held).toBeGreaterThan(1500);
});

test("recorded entries: the address passes, an empty prefilter holds all back", () => {
	let looked = 0;
	for (const { message: bytes } of readRecorded()) {
		const b = new RecvBuffer((bytes.length + 3) & ~3);
		b.bytes.set(bytes);
		const e = readEntry(b, messageAt(b, 0, bytes.length));
		if (e.proto !== 17) continue;
		for (const [side, address] of [
			["orig.dst", e.orig.dst],
			["sources", e.reply.src],
			["sources", e.orig.src],
		] as const) {
			const prefilter = new Prefilter(side);
			prefilter.add(ipBytes(address));
			expect(look(bytes, prefilter).looked).toBe(true);
			looked++;
		}
	}
	expect(looked).toBeGreaterThan(5);
});

test("an entry that is held back counts as kept only if it came to the port", () => {
	const prefilter = new Prefilter("sources");
	prefilter.add(ipBytes("10.88.0.2"));
	for (const [spec, kept] of [
		[udp("192.0.2.7:1 > 203.0.113.1:53"), 1],
		[udp("192.0.2.7:53 > 203.0.113.1:1"), 0],
	] as const) {
		const bytes = entryMessage(spec, 1);
		const b = new RecvBuffer((bytes.length + 3) & ~3);
		b.bytes.set(bytes);
		const ports = new PortSet(prefilter);
		ports.add(17, 53);
		ports.add(17, 53, "reply");
		const count = { entries: 0, kept: 0 };
		skipOthers(b, 0, bytes.length, ports, count);
		expect(count).toEqual({ entries: 1, kept });
	}
});

test("local addresses let through all that is local, and few others", () => {
	const locals = new LocalAddresses();
	const route = (prefix: string, length: number, local = true) =>
		locals.add({ prefix: ipBytes(prefix), length, local, oif: 1 });
	route("127.0.0.0", 8);
	route("203.0.113.1", 32);
	route("203.0.113.255", 32, false);
	const prefilter = new Prefilter("orig.dst");
	locals.addTo(prefilter);
	const passes = (dst: string): boolean =>
		look(entryMessage(udp(`192.0.2.7:1 > ${dst}:53`), 1), prefilter).looked;
	expect(passes("203.0.113.1")).toBe(true);
	expect(passes("127.0.0.53")).toBe(true);
	expect(passes("203.0.113.255")).toBe(false);
	expect(passes("8.8.8.8")).toBe(false);
});
