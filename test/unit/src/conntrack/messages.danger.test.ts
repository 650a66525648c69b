// Messages that must be impossible to send. A DELETE without a tuple, with a filter whose
// flags are 0, or with a filter that a kernel does not compare empties the table of a
// node; an IPv6 address in a filter deletes everything but that address.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as ct from "../../../../src/conntrack/messages.ts";
import {
	deleteFiltered,
	deleteOne,
	type FlushFilter,
	type Key,
	retireOne,
	type SourceFilter,
	type TargetFilter,
} from "../../../../src/conntrack/messages.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
} from "../../../../src/net/proto.ts";
import { Writer } from "../../../../src/netlink/nl.ts";
import {
	attr,
	be16,
	concat,
	type EntrySpec,
	entry,
	hex,
	nest,
	toHex,
	u8,
	wireOf,
	words,
} from "../../../support/entries.ts";
import { attributesOf, messagesOf } from "../../../support/fakekernel.ts";
import { random } from "../../../support/random.ts";

const V4: EntrySpec = {
	orig: "192.0.2.7:6000 > 203.0.113.1:8125",
	reply: "10.88.0.2:5353 > 192.0.2.7:6000",
	status: ["DST_NAT"],
};
const V6: EntrySpec = {
	orig: "[fd07::7]:6000 > [fd03::1]:8125",
	reply: "[fd88::2]:5353 > [fd07::7]:6000",
};
const KEY4 = entry(V4).key;
const KEY6 = entry(V6).key;

describe("removal of one entry", () => {
	const REPLY4 = hex(wireOf(KEY4).reply);
	const addresses = REPLY4.subarray(0, 20);
	const ports = REPLY4.subarray(20);
	const with4 = (...parts: Uint8Array[]): Key => ({
		...KEY4,
		reply: words(concat(...parts)),
	});
	const rows: [string, Key][] = [
		["an empty reply tuple", with4()],
		["addresses without ports", with4(addresses)],
		["ports without addresses", with4(ports)],
		["ports before addresses", with4(ports, addresses)],
		[
			"one address alone",
			with4(hex("0c00 0180"), REPLY4.subarray(4, 12), ports),
		],
		["a protocol without ports", with4(addresses, nest(2, attr(1, u8(17))))],
		[
			"one port alone",
			with4(addresses, nest(2, attr(1, u8(17)), attr(2, be16(53)))),
		],
		["a tuple that is cut", with4(REPLY4.subarray(0, -4))],
		["zeros", with4(new Uint8Array(48))],
		["IPv6 addresses under IPv4", { ...KEY4, reply: KEY6.reply }],
		["IPv4 addresses under IPv6", { ...KEY6, reply: KEY4.reply }],
		["no id", { ...KEY4, id: Number.NaN }],
		["an id below 0", { ...KEY4, id: -1 }],
		["an id that is no integer", { ...KEY4, id: 1.5 }],
		["an id of more than 32 bits", { ...KEY4, id: 2 ** 32 }],
		["a zone below 0", { ...KEY4, zone: -1 }],
		["a zone of more than 16 bits", { ...KEY4, zone: 0x10000 }],
		["a zone that is no number", { ...KEY4, zone: Number.NaN }],
	];

	test.each(rows)("refuses %s, and leaves no bytes", (_, key) => {
		const w = new Writer(256);
		expect(() => deleteOne(w, 1, true, key)).toThrow(TypeError);
		expect(() => retireOne(w, 1, true, key, 0x188, 2)).toThrow(TypeError);
		expect(w.length).toBe(0);
	});

	test("takes the keys of every shape of entry", () => {
		const specs: EntrySpec[] = [
			V4,
			V6,
			{ ...V4, proto: "tcp", zone: 7 },
			{ ...V6, proto: "sctp", replyZone: 8 },
			{ ...V4, origZone: 8 },
		];
		for (const spec of specs) {
			const w = new Writer(256);
			expect(() => deleteOne(w, 1, true, entry(spec).key)).not.toThrow();
		}
	});

	test("with any key at all: refused, or a DELETE with a whole reply tuple and an id", () => {
		const r = random(3);
		let written = 0;
		for (let n = 0; n < 20_000; n++) {
			const from = r.pick([KEY4, KEY6]);
			const bytes = hex(wireOf(from).reply).slice(
				0,
				r.chance(0.8) ? undefined : r.below(80),
			);
			for (let i = r.below(3); i > 0 && bytes.length > 0; i--)
				bytes[r.below(bytes.length)] = r.below(256);
			const key: Key = {
				family: r.pick([AF_INET, AF_INET6]),
				reply: words(bytes),
				id: r.pick([r.below(2 ** 32), r.below(2 ** 32), -1, 2 ** 32, 0.5]),
				zone: r.pick([undefined, undefined, r.below(65536), 65536, -7]),
			};
			const w = new Writer(512);
			try {
				deleteOne(w, 1, true, key);
			} catch (e) {
				if (!(e instanceof TypeError) || w.length !== 0) throw e;
				continue;
			}
			written++;
			const [sent, ...more] = messagesOf(w.bytes());
			const [head, payload] = sent ?? [];
			const attrs = attributesOf(payload?.subarray(4) ?? new Uint8Array());
			const tuple = attrs.get(2) ?? new Uint8Array();
			const ok =
				more.length === 0 &&
				head?.type === 0x0102 &&
				payload?.[0] === key.family &&
				payload[1] === 0 &&
				tuple.length >= (key.family === AF_INET ? 48 : 72) &&
				attrs.get(12)?.length === 4 &&
				!attrs.has(25);
			if (!ok) expect.fail(toHex(w.bytes()));
		}
		expect(written).toBeGreaterThan(1000);
	});
});

describe("kernel flush", () => {
	const FILTER: TargetFilter = {
		proto: IPPROTO_UDP,
		origDport: 8125,
		origDst: undefined,
		replySrc: "10.88.0.2",
		replySport: 5353,
	};
	const BEGUN: SourceFilter = {
		proto: IPPROTO_UDP,
		origSrc: "10.88.0.2",
		replyDst: undefined,
		replyDport: 8125,
	};
	const none = undefined as unknown as string;
	const sctp = IPPROTO_SCTP as typeof IPPROTO_UDP;

	test.each<[string, Partial<TargetFilter>]>([
		["SCTP, whose ports the kernel does not compare", { proto: sctp }],
		["UDP-Lite", { proto: 136 as typeof IPPROTO_UDP }],
		["ICMP", { proto: 1 as typeof IPPROTO_UDP }],
		["protocol 0", { proto: 0 as typeof IPPROTO_UDP }],
		["an IPv6 pod, whose address the kernel inverts", { replySrc: "fd88::2" }],
		["an IPv6 hostIP", { origDst: "fd03::1" }],
		["no pod", { replySrc: "" }],
		["no pod at all", { replySrc: none }],
		["a pod that is no address", { replySrc: "pod" }],
		["a hostIP that is no address", { origDst: "" }],
		["a hostPort that would wrap around to another", { origDport: 70_000 }],
		["a hostPort that is none", { origDport: Number.NaN }],
		["hostPort 0, which is no mapping", { origDport: 0 }],
		["container port 0", { replySport: 0 }],
		["a negative port", { replySport: -1 }],
		["half a port", { replySport: 53.5 }],
	])("refuses %s, and leaves no bytes", (_, wrong) => {
		const w = new Writer(256);
		expect(() => deleteFiltered(w, 1, { ...FILTER, ...wrong })).toThrow(
			TypeError,
		);
		expect(w.length).toBe(0);
	});

	test.each<[string, Partial<SourceFilter>]>([
		["SCTP, whose ports the kernel does not compare", { proto: sctp }],
		["protocol 0", { proto: 0 as typeof IPPROTO_UDP }],
		["an IPv6 pod, whose address the kernel inverts", { origSrc: "fd88::2" }],
		["an IPv6 hostIP", { replyDst: "fd03::1" }],
		["no pod", { origSrc: "" }],
		["no pod at all", { origSrc: none }],
		["a pod that is no address", { origSrc: "pod" }],
		["a hostIP that is no address", { replyDst: "" }],
		["a hostPort that would wrap around to another", { replyDport: 70_000 }],
		["a hostPort that is none", { replyDport: Number.NaN }],
		["no hostPort at all", { replyDport: none as unknown as number }],
		["hostPort 0, which is no mapping", { replyDport: 0 }],
		["half a port", { replyDport: 53.5 }],
	])("of what a pod began refuses %s, and leaves no bytes", (_, wrong) => {
		const w = new Writer(256);
		expect(() => deleteFiltered(w, 1, { ...BEGUN, ...wrong })).toThrow(
			TypeError,
		);
		expect(w.length).toBe(0);
	});

	test("of a filter of both kinds at once never names a whole original tuple", () => {
		const w = new Writer(256);
		deleteFiltered(w, 1, { ...FILTER, origDst: "203.0.113.1", ...BEGUN });
		expect(dangerOf(w.bytes())).toBe("");
	});

	test("of any filter names the original tuple with one address at most, and compares all that it names", () => {
		const r = random(612);
		const ip = (): string => [...r.bytes(4)].join(".");
		for (let n = 0; n < 3000; n++) {
			const proto = r.pick([IPPROTO_TCP, IPPROTO_UDP] as const);
			const filter: FlushFilter = r.chance(0.5)
				? {
						proto,
						origDport: 1 + r.below(65535),
						origDst: r.chance(0.5) ? ip() : undefined,
						replySrc: ip(),
						replySport: 1 + r.below(65535),
					}
				: {
						proto,
						origSrc: ip(),
						replyDst: r.chance(0.5) ? ip() : undefined,
						replyDport: 1 + r.below(65535),
					};
			const w = new Writer(r.pick([0, 16, 64, 256]));
			deleteFiltered(w, n, filter);
			const fault = dangerOf(w.bytes());
			if (fault) expect.fail(`${fault}: ${toHex(w.bytes())}`);
		}
	});
});

/** Returns why a filtered DELETE must not be sent, by what the kernel does with its bytes, or "" if it may. */
function dangerOf(bytes: Uint8Array): string {
	const [sent, ...more] = messagesOf(bytes);
	if (!sent || more.length > 0) return "not one message";
	const [head, payload] = sent;
	if (head.type !== 0x0102 || head.flags !== 0x0005) return "not a DELETE";
	if (payload[0] !== AF_INET || payload[1] !== 0) return "not of IPv4";
	const attrs = attributesOf(payload.subarray(4));
	if (!nestedBitOf(payload.subarray(4), 25))
		return "CTA_FILTER without the bit that the kernel asks for";
	const [orig, reply] = [tupleTypes(attrs.get(1)), tupleTypes(attrs.get(2))];
	if (!orig || !reply) return "a tuple is missing";
	// ipv4_nlattr_to_tuple and nf_ct_port_nlattr_to_tuple want both of each
	if (
		(orig.has("ip 1") && orig.has("ip 2")) ||
		(orig.has("proto 2") && orig.has("proto 3"))
	)
		return "the original tuple may be complete";
	if (![...orig, ...reply].some((name) => name.startsWith("ip ")))
		return "no address is compared";
	if (!orig.has("proto 3") && !reply.has("proto 3"))
		return "no destination port is compared";
	const flags = attributesOf(attrs.get(25) ?? new Uint8Array());
	const [origFlags, replyFlags] = [le32(flags.get(1)), le32(flags.get(2))];
	if (origFlags === 0 || replyFlags === 0) return "flags are 0: a flush of all";
	for (const [set, types] of [
		[origFlags, orig],
		[replyFlags, reply],
	] as const) {
		const named = new Set(
			[...FLAGS].filter(([, bit]) => set & bit).map(([name]) => name),
		);
		if (set & ~ALL_FLAGS) return "a flag of another kind";
		for (const name of named)
			if (!types.has(name)) return `flag without attribute ${name}`;
		for (const name of types)
			if (!named.has(name)) return `attribute ${name} that is not compared`;
		if (!named.has("proto 1")) return "port flags without PROTO_NUM";
	}
	return "";
}

/** The flags by the nest and type of the attribute that they compare (net/netfilter/nf_internals.h). */
const FLAGS = new Map([
	["ip 1", 0x01],
	["ip 2", 0x02],
	["proto 1", 0x08],
	["proto 2", 0x10],
	["proto 3", 0x20],
]);
const ALL_FLAGS = 0x3b;

function tupleTypes(payload: Uint8Array | undefined): Set<string> | undefined {
	if (!payload) return undefined;
	const nests = attributesOf(payload);
	const names = (name: string, type: number): string[] =>
		[...attributesOf(nests.get(type) ?? new Uint8Array()).keys()].map(
			(key) => `${name} ${key}`,
		);
	return new Set([...names("ip", 1), ...names("proto", 2)]);
}

function nestedBitOf(attrs: Uint8Array, type: number): boolean {
	const at = attrs.length - (attributesOf(attrs).get(type)?.length ?? 0) - 4;
	return attrs[at + 2] === type && attrs[at + 3] === 0x80;
}

function le32(bytes: Uint8Array | undefined): number {
	if (bytes?.length !== 4) throw new Error("not a word");
	return new DataView(bytes.buffer).getUint32(0, true);
}

describe("the sources", () => {
	const files = ["src", "plugin"].flatMap((dir) =>
		readdirSync(dir, { recursive: true, encoding: "utf8" })
			.filter((name) => name.endsWith(".ts") && !name.includes("native"))
			.map((name) => join(dir, name)),
	);
	const sources = files.map((file): [string, string] => [
		file,
		readFileSync(file, "utf8").replace(/\/\/.*|\/\*[\s\S]*?\*\//g, ""),
	]);

	test("only conntrack/messages.ts knows the type of a DELETE, and keeps it to itself", () => {
		const knowing = sources
			.filter(([, text]) => /CT_DELETE|0x0?102\b|\b258\b/i.test(text))
			.map(([file]) => file);
		expect(knowing).toEqual([join("src", "conntrack", "messages.ts")]);
		expect(Object.keys(ct)).not.toContain("IPCTNL_MSG_CT_DELETE");
		expect(Object.values(ct)).not.toContain(0x0102);
	});

	test("it writes a DELETE in three places: remove, kernelFlush and the probe for the latter", () => {
		const text =
			sources.find(([file]) => file.endsWith("messages.ts"))?.[1] ?? "";
		expect(
			text.match(/(?:message\(|name\(w, )IPCTNL_MSG_CT_DELETE/g),
		).toHaveLength(3);
		// the declaration and the three uses
		expect(text.match(/IPCTNL_MSG_CT_DELETE/g)).toHaveLength(4);
	});

	test("nothing else writes a message word by word", () => {
		const writing = sources.filter(([, text]) => /\.take\(/.test(text));
		expect(writing.map(([file]) => file.split("/").at(-1))).toEqual([
			"messages.ts",
		]);
	});

	test("only the codecs write messages, and each with a type that has a name", () => {
		const writing = sources.flatMap(([file, text]) =>
			[...text.matchAll(/\.message\(\s*(\w+)/g)].map(
				(found): [string, string] => [file, found[1] ?? ""],
			),
		);
		expect(writing.length).toBeGreaterThan(5);
		for (const [file, type] of writing) {
			expect(file).toMatch(
				/^src\/(conntrack\/(messages|features|counters)|rules\/nft|netlink\/rtnl(\.route)?)\.ts$/,
			);
			expect(type).toMatch(/^(IPCTNL_MSG_|NFT_MSG_GET|RTM_)[A-Z_]+$/);
		}
	});
});
