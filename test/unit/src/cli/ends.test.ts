// The ends of an entry in words and as data, for protocols with and without ports.

import { describe, expect, test } from "vitest";
import {
	answeredInWords,
	fromInWords,
	leadsToInWords,
	toInWords,
	tupleAsData,
} from "../../../../src/cli/ends.ts";
import { type EntrySpec, entry } from "../../../support/entries.ts";

const [SRC, DST] = ["192.0.2.7", "203.0.113.2"];

describe("a row's cells", () => {
	test.each<[string, EntrySpec, string[]]>([
		[
			"UDP",
			{ orig: `${SRC}:6000 > ${DST}:53` },
			[`${SRC}:6000`, `${DST}:53`, `${DST}:53`],
		],
		[
			"DCCP",
			{ proto: 33, orig: `${SRC}:6000 > ${DST}:53` },
			[`${SRC}:6000`, `${DST}:53`, `${DST}:53`],
		],
		[
			"UDP-Lite of IPv6",
			{ proto: 136, orig: "[fd07::7]:6000 > [fd03::1]:53" },
			["[fd07::7]:6000", "[fd03::1]:53", "[fd03::1]:53"],
		],
		[
			"ESP has no ports",
			{ proto: 50, orig: `${SRC}:0 > ${DST}:0` },
			[SRC, DST, DST],
		],
		[
			"a protocol without a name",
			{ proto: 99, orig: "[fd07::7]:0 > [fd03::1]:0" },
			["fd07::7", "fd03::1", "fd03::1"],
		],
		[
			"PPTP's GRE has keys",
			{ proto: 47, orig: `${SRC}:16 > ${DST}:255` },
			[`${SRC} key 0x10`, `${DST} key 0xff`, `${DST} key 0xff`],
		],
		[
			"GRE without keys",
			{ proto: 47, orig: `${SRC}:0 > ${DST}:0` },
			[SRC, DST, DST],
		],
	])("%s", (_, spec, want) => {
		const e = entry(spec);
		expect([fromInWords(e), toInWords(e), leadsToInWords(e)]).toEqual(want);
	});

	test.each<[number, number, string]>([
		[8, 0, "echo request id 77"],
		[128, 0, "echo request id 77"],
		[13, 0, "timestamp request id 77"],
		[17, 3, "type 17 code 3 id 77"],
	])("ICMP of type %i and code %i", (type, code, words) => {
		const e = entry({ proto: "icmp", orig: `${SRC}:0 > ${DST}:0` });
		const icmp = { type, code, id: 77 };
		expect(fromInWords(e)).toBe(SRC);
		expect(toInWords({ ...e, icmp })).toBe(`${DST} ${words}`);
		expect(leadsToInWords(e)).toBe(DST);
	});
});

describe("answered", () => {
	const orig = `${SRC}:6000 > ${DST}:53`;
	test.each<[string, EntrySpec, string | undefined]>([
		["where it began", { orig }, undefined],
		[
			"where it began, though another answers",
			{ orig, reply: `10.88.0.2:53 > ${SRC}:6000` },
			undefined,
		],
		[
			"at another address",
			{ orig, reply: `${DST}:53 > 198.51.100.1:6000` },
			"198.51.100.1:6000",
		],
		[
			"at another port",
			{ orig, reply: `${DST}:53 > ${SRC}:1024` },
			`${SRC}:1024`,
		],
		[
			"at another address, without ports",
			{
				proto: 50,
				orig: `${SRC}:0 > ${DST}:0`,
				reply: `${DST}:0 > 198.51.100.1:0`,
			},
			"198.51.100.1",
		],
	])("%s", (_, spec, want) => expect(answeredInWords(entry(spec))).toBe(want));
});

describe("a tuple for programs", () => {
	const tuple = { src: SRC, sport: 5, dst: DST, dport: 6 };
	test.each<[string, number, object]>([
		["of TCP", 6, tuple],
		["of DCCP", 33, tuple],
		["of ICMP", 1, { src: SRC, dst: DST }],
		["of GRE", 47, { src: SRC, srcKey: 5, dst: DST, dstKey: 6 }],
	])("%s", (_, proto, want) =>
		expect(tupleAsData(proto, { ...tuple, zone: 9 })).toEqual(want),
	);
});
