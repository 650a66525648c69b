// A census counts what a decoder of whole entries finds, in whatever a datagram holds.

import { describe, expect, test } from "vitest";
import { meetAny, meetPlain } from "../../../../src/conntrack/census.count.ts";
import {
	Census,
	STATES,
	STATES_EACH,
} from "../../../../src/conntrack/census.ts";
import {
	IPS_ASSURED,
	IPS_SEEN_REPLY,
} from "../../../../src/conntrack/constants.ts";
import {
	type DetailedEntry,
	readDetailed,
	TCP_STATES,
} from "../../../../src/conntrack/detail.ts";
import { ipOf } from "../../../../src/net/ip.ts";
import { be32, DecodeError, pairWord } from "../../../../src/netlink/nl.ts";
import {
	after,
	messageAt,
	RecvBuffer,
} from "../../../../src/netlink/reader.ts";
import {
	attr,
	datagram,
	type EntrySpec,
	entryMessage,
	message,
	nest,
	nfgenmsg,
	toHex,
	u8,
} from "../../../support/entries.ts";
import { type Random, random } from "../../../support/random.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";
import {
	randomEntry,
	randomSpec,
} from "../../../support/unit/randomentries.ts";

const GROUPS = [
	{ name: "client", ips: ["192.0.2.7", "fd07::7"] },
	{ name: "pod", ips: ["10.88.0.2", "fd88::2"] },
];

function bufferOf(bytes: Uint8Array): RecvBuffer {
	const b = new RecvBuffer(32768);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	return b;
}

/** Counts the entries of a datagram. `looks` counts those that the quick loop left to a closer look. */
function censusOf(bytes: Uint8Array, protos?: readonly number[]) {
	const b = bufferOf(bytes);
	const census = new Census({ family: undefined, protos, groups: GROUPS });
	let looks = 0;
	for (let at = 0; ; ) {
		at = meetPlain(b, at, bytes.length, census);
		if (at >= bytes.length) break;
		const m = messageAt(b, at, bytes.length);
		at = after(m);
		looks++;
		meetAny(b, m, census);
	}
	census.settle(b.words);
	return { census, looks };
}

/** Returns all counts as lines. */
function linesOf(census: Census): string[] {
	const lines: string[] = [];
	for (const [place, n] of census.states.entries())
		if (n > 0)
			lines.push(
				`${Math.floor(place / STATES_EACH)} state ${place % STATES_EACH}: ${n}`,
			);
	for (const family of ["v4", "v6"] as const) {
		for (const { address, count } of census.sources[family].top(1e6))
			lines.push(`from ${ipOf(address)}: ${count}`);
		for (const { address, tail, count } of census.destinations[family].top(1e6))
			lines.push(
				`${tail >>> 16} to ${ipOf(address)} ${be32(pairWord(0, tail & 0xffff))}: ${count}`,
			);
	}
	for (const { name, entries, began, leads } of census.groups?.top(9) ?? [])
		lines.push(`${name} ${entries} ${began} ${leads}`);
	return lines.sort();
}

/** Returns what `linesOf` must give for these entries. */
function expected(entries: readonly DetailedEntry[]): string[] {
	const counts = new Map<string, number>();
	const add = (key: string): void =>
		void counts.set(key, (counts.get(key) ?? 0) + 1);
	for (const e of entries) {
		add(`${e.proto} state ${stateOf(e)}`);
		add(`from ${e.orig.src}`);
		add(`${e.proto} to ${e.orig.dst} ${e.orig.dport}`);
	}
	const groups = GROUPS.flatMap(({ name, ips }) => {
		const began = entries.filter((e) => ips.includes(e.orig.src));
		const leads = entries.filter((e) => ips.includes(e.reply.src));
		const all = new Set([...began, ...leads]).size;
		return all > 0 ? `${name} ${all} ${began.length} ${leads.length}` : [];
	});
	return [...[...counts].map(([key, n]) => `${key}: ${n}`), ...groups].sort();
}

function stateOf({ proto, status, tcpState }: DetailedEntry): number {
	if (proto === 6)
		return tcpState === undefined ? 15 : TCP_STATES.indexOf(tcpState);
	const name =
		status & IPS_ASSURED
			? "ASSURED"
			: status & IPS_SEEN_REPLY
				? "REPLIED"
				: "UNREPLIED";
	return STATES.indexOf(name);
}

/** Returns the decoded entry of a message, or undefined if the decoder refuses it. */
function decode(bytes: Uint8Array): DetailedEntry | undefined {
	try {
		return readDetailed(
			bufferOf(bytes),
			messageAt(bufferOf(bytes), 0, bytes.length),
		);
	} catch (e) {
		if (e instanceof DecodeError) return undefined;
		throw e;
	}
}

/** The state as the kernel gives it, or as a part of that. */
function protoinfo(r: Random): Uint8Array[] {
	const state = attr(1, u8(r.below(10)));
	const rest = [2, 3].map((type) => attr(type, u8(7)));
	const flags = [4, 5].map((type) => attr(type, u8(0), u8(0)));
	return r.pick([
		[],
		[nest(4, nest(1, state, ...rest, ...flags))],
		[nest(4, nest(1, state))],
		[attr(77, r.bytes(r.below(20))), nest(4, nest(1, ...rest, state))],
	]);
}

function randomFlow(r: Random): EntrySpec {
	const spec = randomSpec(r);
	const proto = r.pick(["tcp", "tcp", spec.proto ?? "udp"]);
	const bits = (["SEEN_REPLY", "ASSURED"] as const).filter(() => r.chance(0.5));
	return { ...spec, proto, status: bits, extra: protoinfo(r) };
}

describe("counts what is decoded", () => {
	test("of recorded entries, all of one dump and each alone", () => {
		const messages = readRecorded().map((recorded) => recorded.message);
		const entries = messages.map(decode);
		for (const [i, one] of messages.entries())
			expect(linesOf(censusOf(one).census)).toEqual(
				expected([entries[i]].filter((e) => e !== undefined)),
			);
		const { census, looks } = censusOf(datagram(...messages));
		expect(linesOf(census)).toEqual(
			expected(entries.filter((e) => e !== undefined)),
		);
		expect(census.entries).toBe(messages.length);
		// those of ICMP and those with a zone in a tuple
		expect(looks).toBeLessThanOrEqual(5);
	});

	test.each([1, 2, 3])(
		"of entries as the kernel lays them out, of seed %i",
		(seed) => {
			const r = random(seed);
			for (let round = 0; round < 60; round++) {
				const messages = Array.from({ length: r.below(20) }, () =>
					entryMessage(randomFlow(r), 1),
				);
				const bytes = datagram(...messages);
				const entries = messages.map(decode).filter((e) => e !== undefined);
				expect(entries).toHaveLength(messages.length);
				const { census } = censusOf(bytes);
				expect(linesOf(census), toHex(bytes)).toEqual(expected(entries));
				expect([census.entries, census.undecodable]).toEqual([
					messages.length,
					0,
				]);
				const udp = censusOf(bytes, [17]).census;
				expect(linesOf(udp)).toEqual(
					expected(entries.filter((e) => e.proto === 17)),
				);
			}
		},
	);

	test("of entries of another layout, wherever the decoder reads them", () => {
		const r = random(4);
		let read = 0;
		for (let round = 0; round < 1500; round++) {
			const bytes = randomEntry(r, 1, true);
			const entry = decode(bytes);
			if (entry === undefined) continue;
			read++;
			expect(linesOf(censusOf(bytes).census), toHex(bytes)).toEqual(
				expected([entry]),
			);
		}
		expect(read).toBeGreaterThan(900);
	});
});

describe("an entry that lacks a part", () => {
	const head = { type: 0x0100, flags: 2, seq: 1 };
	test.each<[string, Uint8Array]>([
		["its tuples", message(head, nfgenmsg(2), attr(3, new Uint8Array(4)))],
		[
			"its addresses",
			message(head, nfgenmsg(2), nest(1, nest(2, attr(1, u8(17))))),
		],
		[
			"a family",
			entryMessage({ orig: "192.0.2.7:1 > 203.0.113.1:2" }, 1).map((byte, i) =>
				i === 16 ? 7 : byte,
			),
		],
		["everything", message(head, nfgenmsg(2))],
	])("%s is not counted, but said to be there", (_, bytes) => {
		const { census } = censusOf(bytes);
		expect([census.entries, census.undecodable].sort()).toEqual([0, 1]);
	});
});

test("an entry beyond its datagram is an error", () => {
	const bytes = entryMessage({ orig: "192.0.2.7:1 > 203.0.113.1:2" }, 1);
	expect(() => censusOf(bytes.subarray(0, 100))).toThrow(DecodeError);
});

test("nearly every entry takes the quick way: one with ports, in a zone or not", () => {
	const messages = ["udp", "tcp", "udplite", 47].flatMap((proto) =>
		[{}, { zone: 7 }].flatMap((zone) =>
			["192.0.2.7:1 > 203.0.113.1:2", "[fd07::7]:1 > [fd03::1]:2"].map((orig) =>
				entryMessage({ proto, orig, ...zone }, 1),
			),
		),
	);
	expect(censusOf(datagram(...messages)).looks).toBe(0);
});
