// The one verdict for all entries of a kind must be the verdict on each of them.

import { describe, expect, test } from "vitest";
import type { Entry } from "../../../../src/conntrack/entry.ts";
import { PortSet } from "../../../../src/conntrack/skip.ts";
import {
	addressOf,
	judgeOne,
	type Removal,
	VerdictCache,
} from "../../../../src/conntrack/verdictcache.ts";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import {
	type Message,
	messageAt,
	RecvBuffer,
} from "../../../../src/netlink/reader.ts";
import {
	attr,
	be32,
	type EntrySpec,
	entry,
	entryAttrs,
	entryMessage,
	message,
	nfgenmsg,
	wireOf,
} from "../../../support/entries.ts";
import { random } from "../../../support/random.ts";

function buffer(bytes: Uint8Array): [RecvBuffer, Message] {
	const b = new RecvBuffer((bytes.length + 3) & ~3);
	b.bytes.set(bytes);
	return [b, messageAt(b, 0, bytes.length)];
}

const FLOW: EntrySpec = {
	orig: "192.0.2.7:6000 > 203.0.113.1:8125",
	reply: "10.88.0.9:5353 > 192.0.2.7:6000",
	status: ["CONFIRMED", "DST_NAT", "DST_NAT_DONE", "SRC_NAT_DONE"],
};

/** The parts that a judge may look at, as text. */
const looks = ({ proto, orig, reply, status }: Entry): string =>
	`${proto} ${orig.dst} ${orig.dport} ${reply.src} ${reply.sport} ${status}`;

describe("judges once", () => {
	test.each<[string, EntrySpec, boolean]>([
		[
			"another client",
			{ ...FLOW, orig: "192.0.2.8:1 > 203.0.113.1:8125" },
			true,
		],
		["another id", { ...FLOW, id: 99 }, true],
		[
			"a client whose port was changed",
			{ ...FLOW, reply: "10.88.0.9:5353 > 203.0.113.9:7" },
			true,
		],
		[
			"another destination",
			{ ...FLOW, orig: "192.0.2.7:6000 > 203.0.113.2:8125" },
			false,
		],
		[
			"another hostPort",
			{ ...FLOW, orig: "192.0.2.7:6000 > 203.0.113.1:8126" },
			false,
		],
		[
			"another pod",
			{ ...FLOW, reply: "10.88.0.8:5353 > 192.0.2.7:6000" },
			false,
		],
		[
			"another port of the pod",
			{ ...FLOW, reply: "10.88.0.9:53 > 192.0.2.7:6000" },
			false,
		],
		["another protocol", { ...FLOW, proto: "tcp" }, false],
		["another status", { ...FLOW, status: ["CONFIRMED", "SEEN_REPLY"] }, false],
		["a zone", { ...FLOW, zone: 7 }, false],
		["a zone of the original direction", { ...FLOW, origZone: 7 }, false],
		["a zone of the reply direction", { ...FLOW, replyZone: 7 }, false],
	])("the same flow and %s", (_, other, once) => {
		let judged = 0;
		const cache = new VerdictCache((e) => {
			judged++;
			return looks(e);
		}, undefined);
		cache.judge(...buffer(entryMessage(FLOW, 1)));
		cache.judge(...buffer(entryMessage(other, 1)));
		expect(judged).toBe(once ? 1 : 2);
	});
});

test.each<[string, EntrySpec[]]>([
	[
		"IPv4",
		["192.0.2.7", "192.0.2.8"].map((ip) => ({
			...FLOW,
			orig: `${ip}:6000 > 203.0.113.1:8125`,
		})),
	],
	[
		"IPv6",
		["fd07::7", "fd07::8"].map((ip) => ({
			...FLOW,
			orig: `[${ip}]:6000 > [fd03::1]:8125`,
			reply: `[fd88::9]:5353 > [${ip}]:6000`,
		})),
	],
])(
	"a removal has its own client, and the first of its kind as an example: %s",
	(_, [first = FLOW, second = FLOW]) => {
		const cache = new VerdictCache(() => "go", undefined);
		const found = [first, second].map((spec) =>
			cache.judge(...buffer(entryMessage(spec, 1))),
		);
		const [a, b] = [first, second].map((spec) => entry(spec).orig.src);
		expect(found.map((r) => r && addressOf(r.client))).toEqual([a, b]);
		expect(found.map((r) => r?.example.orig.src)).toEqual([a, a]);
	},
);

test.each<[string, string, number]>([
	["of IPv4", "10.88.0.9:5353 > 192.0.2.7:6000", 2],
	["of IPv6", "[fd88::9]:5353 > [fd07::7]:6000", 2],
	["but not for replies to another port", "10.88.0.9:5353 > 192.0.2.7:7", 1],
])(
	"judges one by one where replies come to one of the ports, because who began the entry may count: %s",
	(_, reply, times) => {
		const ports = new PortSet();
		ports.add(17, 6000, "reply");
		let judged = 0;
		const cache = new VerdictCache((e) => {
			judged++;
			return e.orig.src;
		}, ports.replies);
		const flow = (client: string): EntrySpec => ({
			...FLOW,
			orig: reply.startsWith("[")
				? `[fd07::${client}]:6000 > [fd03::1]:8125`
				: `192.0.2.${client}:6000 > 203.0.113.1:8125`,
			reply,
		});
		cache.judge(...buffer(entryMessage(flow("7"), 1)));
		cache.judge(...buffer(entryMessage(flow("8"), 1)));
		expect(judged).toBe(times);
	},
);

/** Returns what a removal says, as text. */
function textOf(r: Removal<string> | undefined): string | undefined {
	if (!r) return undefined;
	const { reply, id, zone } = wireOf(r.target.key);
	return `${r.reason} ${r.proto} ${addressOf(r.client)} ${r.target.status} ${r.target.key.family} ${reply} ${id} ${zone}`;
}

test("finds what judging one by one finds, with the keys of each", {
	timeout: 30_000,
}, () => {
	const r = random(7);
	const judge = (e: Entry): string | undefined =>
		looks(e).length % 3 === 0 ? undefined : looks(e);
	const cache = new VerdictCache(judge, undefined);
	let removals = 0;
	for (let n = 0; n < 20_000; n++) {
		const [a, b, c] = r.chance(0.5)
			? ["192.0.2", "203.0.113", "10.88.0"].map((p) => `${p}.${r.below(3)}`)
			: ["[fd07::", "[fd03::", "[fd88:0:0:1::"].map(
					(p) => `${p}${r.below(3)}]`,
				);
		const spec: EntrySpec = {
			proto: r.pick(["udp", "tcp", "sctp"]),
			orig: `${a}:${r.below(65536)} > ${b}:${r.pick([53, 8125])}`,
			reply: `${c}:${r.pick([53, 5353])} > ${a}:${r.below(65536)}`,
			status: r.pick<NonNullable<EntrySpec["status"]>>([
				["CONFIRMED"],
				["CONFIRMED", "DST_NAT"],
				["CONFIRMED", "DST_NAT", "SEEN_REPLY", "ASSURED"],
			]),
			id: r.below(2 ** 32),
			...(r.chance(0.1) && { zone: r.below(9) }),
			...(r.chance(0.1) && { origZone: r.below(9) }),
			...(r.chance(0.1) && { replyZone: r.below(9) }),
		};
		const bytes = entryMessage(spec, 1);
		const found = cache.judge(...buffer(bytes));
		const want = judgeOne(judge, ...buffer(bytes));
		// an assertion for each of so many would take most of the time
		if (textOf(found) !== textOf(want))
			expect(textOf(found)).toBe(textOf(want));
		if (found) removals++;
	}
	expect(removals).toBeGreaterThan(5000);
});

test("an entry of a known kind that has no id is undecodable", () => {
	const cache = new VerdictCache(() => "go", undefined);
	cache.judge(...buffer(entryMessage(FLOW, 1)));
	const cut = entryAttrs(FLOW).filter((a) => a[2] !== 12);
	const bytes = message({ type: 0x100, seq: 1 }, nfgenmsg(2), ...cut);
	expect(() => cache.judge(...buffer(bytes))).toThrow(DecodeError);
	const undecodable = message(
		{ type: 0x100, seq: 1 },
		nfgenmsg(2),
		...cut,
		attr(99, be32(1)).subarray(0, 6),
	);
	expect(() => cache.judge(...buffer(undecodable))).toThrow(DecodeError);
});
