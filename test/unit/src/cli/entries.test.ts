// The flags that select entries, and the formats in which an entry is printed.

import { describe, expect, test } from "vitest";
import {
	ALL_PROTOS,
	cacheOf,
	entryPrinter,
	type Format,
	protoFlag,
	type Row,
	selectionOf,
} from "../../../../src/cli/entries.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
} from "../../../../src/net/proto.ts";
import { type EntrySpec, entry } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const NOTHING = {
	proto: [],
	hostPort: undefined,
	hostIP: undefined,
	podIP: undefined,
	family: undefined,
	zone: undefined,
};

describe("the selection", () => {
	test.each<[string, readonly (readonly number[])[], readonly number[]]>([
		["what the command falls back to", [], [IPPROTO_UDP]],
		["one that is given", [[IPPROTO_TCP]], [IPPROTO_TCP]],
		[
			"each once, whatever is repeated",
			[ALL_PROTOS, [IPPROTO_TCP]],
			ALL_PROTOS,
		],
	])("of protocols: %s", (_, proto, protos) =>
		expect(
			selectionOf({ ...NOTHING, proto } as typeof NOTHING, [IPPROTO_UDP])
				.protos,
		).toEqual(protos),
	);

	test.each<[string, object]>([
		["addresses of two families", { hostIP: "192.0.2.1", podIP: "fd00::1" }],
		["an address of another family", { podIP: "fd00::1", family: AF_INET }],
		["the other way around", { hostIP: "192.0.2.1", family: AF_INET6 }],
	])("is refused if no entry can match it: %s", (_, flags) =>
		expect(() => selectionOf({ ...NOTHING, ...flags }, ALL_PROTOS)).toThrow(
			UsageError,
		),
	);
});

test.each<[string, readonly (readonly (17 | 6 | 132)[])[], readonly number[]]>([
	["UDP, if no protocol is given", [], [IPPROTO_UDP]],
	[
		"the protocols that are given",
		[[IPPROTO_TCP], [IPPROTO_SCTP]],
		[IPPROTO_TCP, IPPROTO_SCTP],
	],
])("of a cached attachment counts %s", (_, proto, protocols) =>
	expect(cacheOf("/cache", proto)).toEqual({ dir: "/cache", protocols }),
);

test.each([
	["udp", [IPPROTO_UDP]],
	["all", ALL_PROTOS],
])("--proto %s", (word, want) =>
	expect(protoFlag("").parse(word, "--proto")).toEqual(want),
);

/** Returns the entries as they are printed in a format. */
function printed(format: Format, ...specs: readonly EntrySpec[]): string {
	const host = fakeHost();
	const printer = entryPrinter(host, format);
	for (const spec of specs)
		printer.row({
			entry: { ...entry(spec), timeout: 9, mark: 0x1f } as Row["entry"],
			verdict: { kind: "other", why: "no reason" } as Row["verdict"],
		});
	printer.end();
	return host.written(1);
}
const FLOW: EntrySpec = {
	id: 7,
	orig: "192.0.2.7:1 > 203.0.113.1:53",
	reply: "10.88.0.2:5353 > 192.0.2.7:1",
	status: ["DST_NAT"],
};

describe("an entry as", () => {
	test("a row of a table", () =>
		expect(printed("table", FLOW)).toBe(
			"VERDICT  PROTO  FROM         TO              LEADS TO        WHY\n" +
				"other    udp    192.0.2.7:1  203.0.113.1:53  10.88.0.2:5353  no reason\n",
		));

	test.each<[string, EntrySpec["status"]]>([
		["UNREPLIED", ["DST_NAT"]],
		["REPLIED", ["DST_NAT", "SEEN_REPLY"]],
		["ASSURED", ["DST_NAT", "SEEN_REPLY", "ASSURED"]],
	])("a wider row: %s, its seconds, mark and zone", (state, status) =>
		expect(
			printed("wide", { ...FLOW, zone: 3, ...(status && { status }) }),
		).toContain(`  ${state}  9s    0x1f  3     no reason\n`),
	);

	test("an object a line", () => {
		const lines = printed("jsonl", FLOW, FLOW).trimEnd().split("\n");
		expect(lines.map((line) => JSON.parse(line))).toMatchObject(
			[1, 2].map(() => ({
				verdict: "other",
				why: "no reason",
				family: "ipv4",
				proto: "udp",
				orig: { src: "192.0.2.7", sport: 1, dst: "203.0.113.1", dport: 53 },
				reply: { src: "10.88.0.2", sport: 5353, dst: "192.0.2.7", dport: 1 },
				timeout: 9,
				mark: 0x1f,
				zone: 0,
				id: 7,
			})),
		);
	});

	test.each([0, 1, 101])("%i items of one array", (n) =>
		expect(
			JSON.parse(printed("json", ...Array.from({ length: n }, () => FLOW))),
		).toHaveLength(n),
	);
});
