// Matches and targets as iptables-legacy writes them, and blobs that no kernel has taken.

import { describe, expect, test } from "vitest";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import type { MatchAnswer } from "../../../../src/rules/model.ts";
import {
	exactPorts,
	matchOf,
	targetOf,
} from "../../../../src/rules/xtables.ts";
import { concat, u8, u16, u32 } from "../../../support/entries.ts";
import {
	type Described,
	packetOf,
	wordsOf,
} from "../../../support/legacytable.ts";
import { readBlobs, viewOf } from "../../../support/unit/blobs.ts";

const recorded = readBlobs();
const V4 = { src: "192.0.2.7", dst: "203.0.113.1", dport: 8125 };
const V6 = { src: "fd07::7", dst: "fd03::1", dport: 8125 };

function answer(
	{ name, revision, blob }: ReturnType<typeof recorded>,
	d: Described,
): MatchAnswer | undefined {
	const p = packetOf(d);
	return matchOf(name, revision, blob, p.family)?.(p);
}

/** The answers for these destination ports, in their order. */
const PORTS = [52, 53, 54, 7999, 8000, 8080, 8124, 8125, 8126, 9000];
const answers = (name: string, proto: number): string =>
	PORTS.map((dport) => answer(recorded(name), { ...V4, dport, proto }))
		.map((a) => ({ yes: "y", no: "-", maybe: "?", none: "!" })[a ?? "none"])
		.join("");

describe("destination ports", () => {
	test.each([
		// 52, 53, 54, 7999, 8000, 8080, 8124, 8125, 8126, 9000
		["udp", 17, "-------y--"],
		["udp-range", 17, "----yyyy--"],
		["udp-not", 17, "yyyyyyy-yy"],
		["udp-source", 17, "-------?--"],
		["udp-any", 17, "yyyyyyyyyy"],
		["tcp", 6, "-----y----"],
		["tcp-not", 6, "yyyyy-yyyy"],
		["tcp-syn", 6, "-----?----"],
		["tcp-option", 6, "-----?----"],
		["sctp", 132, "----------"],
		["sctp-not", 132, "yyyyyyyyyy"],
		["sctp-source", 132, "??????????"],
		["multiport", 17, "-y-----y--"],
		["multiport-range", 17, "-y--yyyy-y"],
		["multiport-not", 17, "y-yy----yy"],
		["multiport-source", 17, "??????????"],
		["multiport-either", 17, "?y?????y??"],
		["multiport-neither", 17, "?-?????-??"],
	])("%s", (name, proto, want) => expect(answers(name, proto)).toBe(want));

	test("of sctp", () => {
		const at = (name: string, dport: number): unknown =>
			answer(recorded(name), { ...V4, dport, proto: 132 });
		expect(at("sctp", 3868)).toBe("yes");
		expect(at("sctp-not", 3868)).toBe("no");
		expect(at("sctp-chunks", 3868)).toBe("maybe");
		expect(at("sctp-chunks", 3869)).toBe("no");
	});

	test.each([
		["the source port is inverted", 17, "udp", 8, 1],
		["the source port is inverted", 6, "tcp", 11, 1],
		["an option is inverted", 6, "tcp", 11, 8],
		["flags are inverted", 6, "tcp", 11, 4],
		["flags must be clear", 6, "tcp", 9, 2],
		["flags must be set", 6, "tcp", 10, 2],
	])("that match may not decide: %s", (_, proto, label, at, value) => {
		const match = recorded(label);
		const bytes = new Uint8Array(match.blob.byteLength);
		bytes.set(new Uint8Array(match.blob.buffer, match.blob.byteOffset, 12));
		bytes[at] = value;
		const spoiled = { ...match, blob: viewOf(bytes) };
		const asked = (dport: number): unknown =>
			answer(spoiled, { ...V4, dport, proto });
		expect(asked(label === "udp" ? 8125 : 8080)).toBe("maybe");
		expect(asked(1)).toBe("no");
	});

	test("of multiport whose last port begins a range that has no end", () => {
		// flags DESTINATION, two ports, room for thirteen; both are marked as beginnings
		const blob = viewOf(
			concat(
				...[u8(1), u8(2), u16(53), u16(60), new Uint8Array(26)],
				...[u8(1), u8(1), new Uint8Array(14)],
			),
		);
		const one = viewOf(
			concat(
				...[u8(1), u8(1), u16(53), u16(60), new Uint8Array(26)],
				...[u8(1), new Uint8Array(15)],
			),
		);
		const at = (b: DataView, dport: number): unknown =>
			answer({ name: "multiport", revision: 1, blob: b }, { ...V4, dport });
		expect([52, 53, 55, 60, 61].map((p) => at(blob, p))).toEqual([
			"no",
			"yes",
			"yes",
			"yes",
			"no",
		]);
		expect([52, 53, 55, 60].map((p) => at(one, p))).toEqual([
			"no",
			"yes",
			"no",
			"no",
		]);
	});

	test("of revision 0 of multiport, which knows neither ranges nor an inversion", () => {
		// flags DESTINATION, two ports; the rest is room for thirteen more
		const blob = viewOf(
			concat(u8(1), u8(2), u16(53), u16(8125), new Uint8Array(26)),
		);
		const at = (dport: number): unknown =>
			answer({ name: "multiport", revision: 0, blob }, { ...V4, dport });
		expect([53, 54, 8125, 0].map(at)).toEqual(["yes", "no", "yes", "no"]);
	});
});

describe("the ports that a match names", () => {
	test.each<[string, readonly number[] | undefined]>([
		["udp", [8125]],
		["udp-source", [8125]],
		["tcp-syn", [8080]],
		["sctp", [3868]],
		["multiport", [53, 8125]],
		["udp-range", undefined],
		["udp-not", undefined],
		["udp-any", undefined],
		["sctp-not", undefined],
		["sctp-source", undefined],
		["multiport-range", undefined],
		["multiport-not", undefined],
		["multiport-source", undefined],
		["multiport-either", undefined],
		["comment", undefined],
		["addrtype", undefined],
	])("%s", (label, want) => {
		const { name, revision, blob } = recorded(label);
		expect(exactPorts(name, revision, blob)).toEqual(want);
	});

	test.each([
		["udp", 1],
		["multiport", 2],
		["constructor", 0],
	])("none of %s %i, which is not understood", (name, revision) =>
		expect(exactPorts(name, revision, recorded("udp").blob)).toBeUndefined(),
	);
});

describe("kinds of addresses", () => {
	const locals = ["203.0.113.1", "fd03::1"];
	const elsewhere = { ...V4, dst: "198.51.100.1" };
	const own = { ...V4, src: "203.0.113.1" };
	test.each<[string, Described, MatchAnswer]>([
		["addrtype", V4, "yes"],
		["addrtype", elsewhere, "no"],
		["addrtype-not", V4, "no"],
		["addrtype-not", elsewhere, "yes"],
		["addrtype-source", V4, "no"],
		["addrtype-source", own, "yes"],
		["addrtype-both", V4, "yes"],
		["addrtype-both", own, "no"],
		["addrtype-both", elsewhere, "no"],
		["addrtype-unicast", V4, "no"],
		["addrtype-unicast", elsewhere, "maybe"],
		["addrtype-several", V4, "yes"],
		["addrtype-several", elsewhere, "maybe"],
		["addrtype-in", V4, "maybe"],
		["addrtype6", V6, "yes"],
		["addrtype6", { ...V6, dst: "fd03::2" }, "no"],
		// match_type6 wants both, and a node's own address may be one of unicast
		["addrtype6-unicast", V6, "maybe"],
	])("%s of %o: %s", (name, packet, want) =>
		expect(answer(recorded(name), { ...packet, locals })).toBe(want),
	);

	test("a type of IPv6 that is an alternative to the node's own", () => {
		// LOCAL | ANYCAST as the destination
		const blob = viewOf(concat(u16(0), u16(4 | 16), u32(0)));
		const match = { name: "addrtype", revision: 1, blob };
		expect(answer(match, { ...V6, locals })).toBe("yes");
		expect(answer(match, { ...V6, dst: "fd03::2", locals })).toBe("maybe");
	});

	test.each<[string, number, number, MatchAnswer]>([
		["neither inverted", 0, 0, "no"],
		["source inverted", 1, 0, "yes"],
		["destination inverted", 0, 1, "no"],
		["both inverted", 1, 1, "no"],
	])("revision 0, %s", (_, source, dest, want) => {
		const blob = viewOf(concat(u16(4), u16(4), u32(source), u32(dest)));
		const match = { name: "addrtype", revision: 0, blob };
		expect(answer(match, { ...V4, locals })).toBe(want);
	});
});

describe("other matches", () => {
	test("a comment holds nothing up", () =>
		expect(answer(recorded("comment"), V4)).toBeUndefined());

	test.each(["mark", "conntrack", "statistic"])("%s may match", (name) =>
		expect(answer(recorded(name), V4)).toBe("maybe"),
	);

	test.each([
		["udplite", 0],
		["no-such-match", 0],
		["constructor", 0],
		["udp", 1],
		["addrtype", 2],
		["multiport", 2],
	])("%s of revision %i may match", (name, revision) =>
		expect(answer({ ...recorded("udp"), name, revision }, V4)).toBe("maybe"),
	);
});

describe("targets", () => {
	const words = (name: string, family: 2 | 10 = AF_INET): string => {
		const { name: known, revision, blob } = recorded(name);
		const step = targetOf(known, revision, blob, family);
		return step ? wordsOf(step, packetOf(V4)) : "goes on";
	};
	test.each([
		["dnat", "send to 10.88.0.2 port 5353"],
		["redirect", "send to itself port 5353"],
		["netmap", "unclear"],
		["mark-set", "goes on"],
		["log", "goes on"],
	])("%s: %s", (name, want) => expect(words(name)).toBe(want));

	test("of IPv6", () => {
		expect(words("dnat6", AF_INET6)).toBe("send to fd88::2 port 80");
		expect(words("redirect6", AF_INET6)).toBe("send to itself port 5353");
	});

	test.each([
		["DNAT", 3],
		["REDIRECT", 1],
		["NFQUEUE", 3],
		["TPROXY", 1],
		["SYNPROXY", 0],
		["constructor", 0],
	])("%s of revision %i is not understood", (name, revision) =>
		expect(targetOf(name, revision, recorded("dnat").blob, AF_INET)).toEqual({
			is: "unclear",
		}),
	);
});

describe("a blob that is too short", () => {
	test.each([
		["udp", 9],
		["tcp", 12],
		["sctp", 292],
		["multiport", 48],
		["addrtype", 8],
	])("%s of less than %i bytes", (label, size) => {
		const { name, revision, blob } = recorded(label);
		const cut = (length: number): DataView =>
			new DataView(blob.buffer, blob.byteOffset, length);
		const read = (length: number): unknown =>
			matchOf(name, revision, cut(length), AF_INET);
		expect(() => read(size)).not.toThrow();
		expect(() => read(size - 1)).toThrow(DecodeError);
		expect(() => read(0)).toThrow(DecodeError);
	});

	test("multiport of more ports than there is room for", () => {
		const blob = viewOf(concat(u8(1), u8(16), new Uint8Array(46)));
		expect(() => matchOf("multiport", 1, blob, AF_INET)).toThrow(
			new DecodeError("match multiport of 16 ports"),
		);
	});

	test("multiport of an unknown side may match", () => {
		const blob = viewOf(concat(u8(3), new Uint8Array(47)));
		expect(matchOf("multiport", 1, blob, AF_INET)?.(packetOf(V4))).toBe(
			"maybe",
		);
	});
});
