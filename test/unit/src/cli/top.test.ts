// `top`: who fills a table, as text and as data.

import { describe, expect, test } from "vitest";
import {
	doneMessage,
	type EntrySpec,
	message,
	nfgenmsg,
} from "../../../support/entries.ts";
import {
	type CallOptions,
	call,
	expectUntouched,
} from "../../../support/unit/calls.ts";
import { records } from "../../../support/unit/garbage.ts";
import { enlarged } from "../../../support/unit/tables.ts";

const ENTRIES: readonly EntrySpec[] = [
	{
		id: 2,
		orig: "192.0.2.7:2 > 203.0.113.1:8125",
		reply: "10.88.0.2:5353 > 192.0.2.7:2",
		status: ["DST_NAT", "SEEN_REPLY", "ASSURED"],
	},
	{
		id: 3,
		orig: "192.0.2.7:3 > 203.0.113.1:8125",
		reply: "10.88.0.9:5353 > 192.0.2.7:3",
		status: ["DST_NAT"],
	},
	{ id: 4, orig: "10.88.0.2:5 > 198.51.100.9:53" },
	{ id: 5, proto: "icmp", orig: "192.0.2.8:77 > 203.0.113.1:8" },
	{ id: 6, orig: "[fd07::7]:9 > [fd03::1]:53" },
];

async function top(argv: string[], more: Partial<CallOptions> = {}) {
	const called = await call("", {
		env: { CNI_COMMAND: undefined },
		kernel: { entries: ENTRIES, ...more.kernel },
		host: { argv: ["top", ...argv], files: await records("a"), ...more.host },
	});
	expectUntouched(called);
	return called;
}

test("shows who fills the table", async () => {
	const { out, err, code } = await top([]);
	expect([code, err]).toEqual([0, ""]);
	expect(out).toBe(`entries  5

ENTRIES   SHARE  PROTO  STATE
      3  60.0 %  udp    UNREPLIED
      1  20.0 %  icmp   UNREPLIED
      1  20.0 %  udp    ASSURED

ENTRIES   SHARE  SOURCE
      2  40.0 %  192.0.2.7
      1  20.0 %  192.0.2.8
      1  20.0 %  10.88.0.2
      1  20.0 %  fd07::7

ENTRIES   SHARE  DESTINATION
      2  40.0 %  udp 203.0.113.1:8125
      1  20.0 %  icmp 203.0.113.1
      1  20.0 %  udp 198.51.100.9:53
      1  20.0 %  udp [fd03::1]:53

ENTRIES   SHARE  BEGUN BY IT  LEADS TO IT  POD
      2  40.0 %            1            1  ns/pod
`);
});

describe("the flags", () => {
	test("one table, with few rows", async () => {
		const { out } = await top(["--by", "source", "--rows", "1"]);
		expect(out).toBe(
			"entries  5\n\nENTRIES   SHARE  SOURCE\n      2  40.0 %  192.0.2.7\n",
		);
	});

	test.each<[string[], string[]]>([
		[["--family", "ipv6"], ["fd07::7"]],
		[["--proto", "icmp"], ["192.0.2.8"]],
		[
			["--proto", "1", "--proto", "udp", "--family", "ipv4"],
			["192.0.2.7", "10.88.0.2", "192.0.2.8"],
		],
	])("%j narrow it", async (flags, want) => {
		const { out } = await top(["-o", "json", ...flags]);
		const { sources, counted, entries } = JSON.parse(out);
		expect(sources.map(({ ip }: { ip: string }) => ip).sort()).toEqual(
			[...want].sort(),
		);
		expect(entries).toBe(5);
		expect(counted).toBeGreaterThanOrEqual(want.length);
		expect((await top(flags)).out).toContain(`\ncounted  ${counted} of them\n`);
	});

	test("an interval is for --watch", async () => {
		const { code, err } = await top(["--interval", "1s"]);
		expect([code, err.split("\n")[0]]).toEqual([
			2,
			"conntrack-flush: --interval is for --watch",
		]);
	});
});

test("as one document for programs", async () => {
	const { out } = await top(["-o", "json"]);
	expect(out.trimEnd()).not.toContain("\n");
	expect(JSON.parse(out)).toMatchObject({
		entries: 5,
		counted: 5,
		protocols: [{ proto: "udp", state: "UNREPLIED", entries: 3 }, {}, {}],
		sources: [{ ip: "192.0.2.7", entries: 2 }, {}, {}, {}],
		sourcesMissing: 0,
		destinations: [
			{ proto: "udp", ip: "203.0.113.1", port: 8125, entries: 2 },
			{},
			{},
			{},
		],
		pods: [{ name: "ns/pod", entries: 2, began: 1, leads: 1 }],
	});
});

describe("a large table", () => {
	const entries = Array.from({ length: 100 }, (_, i) => ({
		id: i,
		orig: `192.0.2.${i < 60 ? 7 : 8}:${1000 + i} > 203.0.113.1:53`,
	}));
	const large = (...argv: string[]) =>
		top(["--by", "source", ...argv], {
			kernel: { entries, answer: enlarged(1_000_000) },
		});

	test("is read in part, and the counts are estimates for all of it", async () => {
		const { out } = await large();
		expect(out).toContain(`entries  1000000
read     200000 of them: the counts are estimates, see --exact

ENTRIES   SHARE  SOURCE
 600000  60.0 %  192.0.2.7
 400000  40.0 %  192.0.2.8
`);
		expect(out).toContain("192.0.2.7 began 60.0 % of the entries");
	});

	test("says so to programs", async () =>
		expect(JSON.parse((await large("-o", "json")).out)).toMatchObject({
			entries: 1_000_000,
			counted: 1_000_000,
			sampled: 200_000,
			sources: [{ entries: 600_000 }, { entries: 400_000 }],
		}));

	test("is read to its end with --exact", async () => {
		expect((await large("--exact")).out).toMatch(
			/^entries {2}1000000\n\nENTRIES {3}SHARE {2}SOURCE\n 600000 /,
		);
		const { out } = await large("--exact", "-o", "json");
		expect(JSON.parse(out)).not.toHaveProperty("sampled");
	});
});

test("says what stands out, with the next command", async () => {
	const entries = Array.from({ length: 600 }, (_, i) => ({
		id: i,
		orig: `192.0.2.7:${1000 + i} > 203.0.113.1:53`,
	}));
	const { out } = await top(["--by", "source"], { kernel: { entries } });
	expect(out).toContain(
		"\n192.0.2.7 began 100.0 % of the entries. To see them:\n  conntrack-flush list --all --from 192.0.2.7\n",
	);
	expect(out).toContain("(udp UNREPLIED) never saw an answer");
});

test("an entry that cannot be decoded is said to be there", async () => {
	const { out, err, code } = await top([], {
		kernel: {
			answer: ({ type, seq }) =>
				type === 0x0101
					? [
							message({ type: 0x0100, flags: 2, seq }, nfgenmsg(2)),
							doneMessage(seq),
						]
					: undefined,
		},
	});
	expect([code, err]).toEqual([0, "1 entries could not be decoded\n"]);
	expect(out).toBe("entries  5\n");
});

test("an empty table has no tables", async () =>
	expect((await top([], { kernel: { entries: [] } })).out).toBe(
		"entries  0\n",
	));
