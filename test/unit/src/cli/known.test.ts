// Which entries share a verdict in a listing, and which of them are nobody's.

import { describe, expect, test } from "vitest";
import { KnownVerdicts } from "../../../../src/cli/known.ts";
import { Prefilter } from "../../../../src/conntrack/prefilter.ts";
import { PortSet } from "../../../../src/conntrack/skip.ts";
import { ipBytes } from "../../../../src/net/ip.ts";
import { IPPROTO_UDP } from "../../../../src/net/proto.ts";
import {
	type Message,
	messageAt,
	RecvBuffer,
} from "../../../../src/netlink/reader.ts";
import type { Verdict } from "../../../../src/policy/judge.ts";
import { type EntrySpec, entryMessage } from "../../../support/entries.ts";

const LIVE: Verdict = { kind: "live", why: "leads to ns/pod" };

function known(hasDepartures = false): KnownVerdicts {
	const addresses = new Prefilter("orig.dst");
	for (const ip of ["203.0.113.1", "fd03::1"]) addresses.add(ipBytes(ip));
	const hostPorts = new PortSet();
	hostPorts.add(IPPROTO_UDP, 8125);
	const pods = new Prefilter("sources");
	for (const ip of ["10.88.0.2", "fd88::2"]) pods.add(ipBytes(ip));
	return new KnownVerdicts({ addresses, hostPorts, pods, hasDepartures });
}

function buffer(spec: EntrySpec): [RecvBuffer, Message] {
	const bytes = entryMessage(spec, 1);
	const b = new RecvBuffer((bytes.length + 3) & ~3);
	b.bytes.set(bytes);
	return [b, messageAt(b, 0, bytes.length)];
}

/** Returns the kind of an entry; undefined if it is of none. */
function kindIn(verdicts: KnownVerdicts, spec: EntrySpec): string | undefined {
	verdicts.look(...buffer(spec));
	return verdicts.kind;
}

const FLOW: EntrySpec = {
	orig: "192.0.2.7:6000 > 203.0.113.1:8125",
	reply: "10.88.0.2:5353 > 192.0.2.7:6000",
};
const NOBODYS: EntrySpec = { orig: "10.244.0.3:6000 > 10.96.0.10:53" };

describe("an entry is of the kind of", () => {
	test.each<[string, EntrySpec, EntrySpec, boolean]>([
		[
			"one that differs in its client",
			FLOW,
			{ ...FLOW, orig: "192.0.2.8:1 > 203.0.113.1:8125" },
			true,
		],
		[
			"no other hostPort's",
			FLOW,
			{ ...FLOW, orig: "192.0.2.7:6000 > 203.0.113.1:8126" },
			false,
		],
		[
			"none that leads elsewhere",
			FLOW,
			{ ...FLOW, reply: "10.88.0.9:5353 > 192.0.2.7:6000" },
			false,
		],
		[
			"every other that is nobody's, whatever its protocol, family and addresses",
			NOBODYS,
			{ proto: "tcp", orig: "[fd00:1::3]:1 > [fd00:2::a]:80" },
			true,
		],
		[
			"none that is nobody's, if it came to the number of a hostPort",
			{ orig: "10.244.0.3:1 > 10.96.0.10:8125" },
			NOBODYS,
			false,
		],
		[
			"none that is nobody's, if it leads to a pod",
			{ ...NOBODYS, reply: "10.88.0.2:53 > 10.244.0.3:6000" },
			NOBODYS,
			false,
		],
		[
			"none that is nobody's, if it leads to a pod over IPv6",
			{
				orig: "[fd00:1::3]:1 > [fd00:2::a]:80",
				reply: "[fd88::2]:80 > [fd00:1::3]:1",
			},
			NOBODYS,
			false,
		],
	])("%s", (_, one, other, isSame) => {
		const verdicts = known();
		const kind = kindIn(verdicts, one);
		expect(kind).toBeDefined();
		expect(kindIn(verdicts, other) === kind).toBe(isSame);
	});
});

describe("an entry is of no kind", () => {
	test.each<[string, EntrySpec]>([
		[
			"if the node itself may have begun it",
			{ orig: "203.0.113.1:1 > 203.0.113.1:8125" },
		],
		[
			"if the node itself may have begun it over IPv6",
			{ orig: "[fd03::1]:1 > [fd03::1]:443" },
		],
		["in a zone", { ...FLOW, zone: 7 }],
		["of DCCP, which looks alike", { ...FLOW, proto: 33 }],
		["in a zone of one direction", { ...FLOW, replyZone: 7 }],
	])("%s", (_, spec) => expect(kindIn(known(), spec)).toBeUndefined());

	test.each([
		[true, false],
		[false, true],
	])(
		"if its replies come to a hostPort and a pod has left (%s)",
		(hasDepartures, isKind) => {
			const spec = {
				orig: "10.88.0.9:5353 > 198.51.100.9:53",
				reply: "198.51.100.9:53 > 203.0.113.1:8125",
			};
			expect(kindIn(known(hasDepartures), spec) !== undefined).toBe(isKind);
		},
	);
});

test.each([
	["a hostPort's", FLOW],
	["nobody's", NOBODYS],
] as const)(
	"what was learned of an entry that is %s is known of the next of its kind",
	(_, spec) => {
		const verdicts = known();
		expect(verdicts.look(...buffer(spec))).toBeUndefined();
		verdicts.learn(verdicts.kind ?? "", LIVE);
		const other = spec === FLOW ? NOBODYS : FLOW;
		expect(verdicts.look(...buffer({ ...spec, id: 99 }))).toBe(LIVE);
		expect(verdicts.look(...buffer(other))).toBeUndefined();
	},
);

test("more kinds than are remembered are learned anew", () => {
	const verdicts = known();
	for (let n = 0; n < 5000; n++) {
		verdicts.look(
			...buffer({ ...FLOW, reply: `10.88.0.2:${n + 1} > 192.0.2.7:6000` }),
		);
		verdicts.learn(verdicts.kind ?? "", LIVE);
	}
	const first = { ...FLOW, reply: "10.88.0.2:1 > 192.0.2.7:6000" };
	const last = { ...FLOW, reply: "10.88.0.2:5000 > 192.0.2.7:6000" };
	expect(verdicts.look(...buffer(first))).toBeUndefined();
	expect(verdicts.look(...buffer(last))).toBe(LIVE);
});
