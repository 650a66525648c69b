// `sweep`: its flags, its output, and its end. What it removes has its tests in
// test/unit/src/sweep.

import { expect, test } from "vitest";
import {
	attr,
	be32,
	type EntrySpec,
	errorMessage,
	nest,
	u8,
} from "../../../support/entries.ts";
import type { FakeHostOptions } from "../../../support/fakehost.ts";
import {
	type CallOptions,
	call,
	expectUntouched,
} from "../../../support/unit/calls.ts";

const syn = (id: number, more: Partial<EntrySpec> = {}): EntrySpec => ({
	id,
	proto: "tcp",
	orig: `192.0.2.7:${40000 + id} > 203.0.113.1:8080`,
	extra: [attr(7, be32(120)), nest(4, nest(1, attr(1, u8(1))))],
	...more,
});
const ENTRIES = [
	syn(1),
	syn(2, { reply: "10.88.0.9:80 > 192.0.2.7:40002" }),
	syn(3, { orig: "[fd07::7]:40003 > [fd03::1]:8080" }),
];

/** Runs the command, and ends it by a signal after `samples` samples. */
const sweep = (
	flags: readonly string[],
	samples = 9,
	env: Readonly<Record<string, string>> = {},
	more: Pick<CallOptions, "kernel"> & Pick<FakeHostOptions, "fail"> = {},
) => {
	const clock = { ms: 0 };
	let polled = 0;
	return call("", {
		env: { CNI_COMMAND: undefined, ...env },
		kernel: { clock, entries: ENTRIES, ...more.kernel },
		host: {
			argv: ["sweep", ...flags],
			env,
			clock,
			...(more.fail && { fail: more.fail }),
			signal: () => (polled++ < samples ? undefined : "SIGTERM"),
		},
	});
};

test("what is removed is said, and why; ends on a signal with 0", async () => {
	const { code, out, deleted } = await sweep(["--all"]);
	expect([code, deleted]).toEqual([0, [1, 2, 3]]);
	expect(out.replace(/\d+ times in .*/g, "N")).toBe(
		[
			"removed tcp 192.0.2.7:40001 > 203.0.113.1:8080, no DNAT, renewed N",
			"removed tcp 192.0.2.7:40002 > 203.0.113.1:8080, sent to 10.88.0.9:80, renewed N",
			"removed tcp [fd07::7]:40003 > [fd03::1]:8080, no DNAT, renewed N",
			"",
		].join("\n"),
	);
});

test.each(["--dry-run", "-n"])(
	"a dry run (%s) changes nothing",
	async (flag) => {
		const called = await sweep(["--all", flag]);
		expect(called.out).toMatch(/^would remove tcp 192\.0\.2\.7:40001 /);
		expectUntouched(called);
	},
);

test.each<[string, string[], Record<string, string>, boolean]>([
	["the default is 3", [], {}, false],
	["the flag", ["--threshold", "1"], {}, true],
	["its variable", [], { CONNECTION_RENEWAL_THRESHOLD: "1" }, true],
	[
		"the flag before the variable",
		["--threshold", "3"],
		{ CONNECTION_RENEWAL_THRESHOLD: "1" },
		false,
	],
])("--threshold: %s", async (_, flags, env, goes) => {
	const { deleted } = await sweep(["--all", ...flags], 3, env);
	expect(deleted.length > 0).toBe(goes);
});

test.each<[string, string[], Record<string, string>, number]>([
	["the default is 1s", [], {}, 1000],
	["the flag", ["--interval", "1m30s"], {}, 90_000],
	["as Go has it: no digit before the dot", ["--interval", ".5s"], {}, 500],
	["as Go has it: no digit after the dot", ["--interval", "1.s"], {}, 1000],
	["as Go has it: a sign", ["--interval", "+1s"], {}, 1000],
	["as Go has it: microseconds", ["--interval", "500000μs"], {}, 500],
	["its variable", [], { CONNTRACK_TABLE_DUMP_FREQUENCY: "500ms" }, 500],
])("--interval: %s", async (_, flags, env, ms) => {
	const { host } = await sweep(["--all", ...flags], 4, env);
	expect(host.clock.ms).toBe(4 * ms);
});

test("--destination, several", async () => {
	const flags = [
		"--destination",
		"[fd03::/64]:8080",
		"--destination",
		"203.0.113.2",
	];
	expect((await sweep(flags)).deleted).toEqual([3]);
});

test("without recorded mappings nothing is in scope: that is said once, and the table is not read", async () => {
	const called = await sweep([]);
	expect([called.code, called.out, called.err]).toEqual([
		0,
		"",
		"no TCP hostPort is recorded in /run/cni/conntrack-flush; try --destination or --all\n",
	]);
	expect(called.kernel.requests.map((r) => r.type)).toEqual([0x0105]);
});

test("without the capability it fails, also where nothing is in scope", async () => {
	const { code, out, err } = await sweep(
		[],
		9,
		{},
		{
			kernel: { answer: (r) => [errorMessage(1, r.seq)] },
		},
	);
	expect([code, out]).toEqual([1, ""]);
	expect(err).toMatch(/EPERM\nCAP_NET_ADMIN is missing/);
});

test("a dry run says of an entry once that it would go", async () => {
	const { out } = await sweep(["--all", "-n"], 20);
	expect(out.match(/^would remove /gm)).toHaveLength(ENTRIES.length);
});

test("ends where nobody reads any more what it has removed, and removes no more", async () => {
	let writes = 0;
	const { code, err, deleted, host } = await sweep(
		["--all", "--cap", "1"],
		99,
		{},
		{
			fail: (c) => (c === "write" && ++writes > 1 ? "EPIPE" : undefined),
		},
	);
	expect([code, err, deleted]).toEqual([0, "", [1, 2]]);
	expect(host.clock.ms).toBeLessThan(20_000);
});

test("what does not work at the first time is an error; later it is a warning, and goes on", async () => {
	const failing = (first: number) => ({
		kernel: {
			answer: ({ type, nth }: { type: number; nth: number }) =>
				type === 0x0101 && nth === first ? ["ENOMEM"] : undefined,
		},
	});
	const at0 = await sweep(["--all"], 9, {}, failing(0));
	expect([at0.code, at0.deleted]).toEqual([1, []]);
	expect(at0.err).toContain("ENOMEM");
	const at1 = await sweep(["--all"], 9, {}, failing(1));
	expect([at1.code, at1.deleted]).toEqual([0, [1, 2, 3]]);
	expect(at1.err).toMatch(/level=warn msg="cannot sample".*ENOMEM/);
});

test.each([
	[["--all", "--destination", "10.0.0.0/8"], /exclude each other/],
	[["--interval", "1ms"], /--interval: shorter than 100ms: 1ms/],
	[["--interval", "fast"], /--interval: not a duration/],
	[["--threshold", "0"], /--threshold: not a number from 1/],
	[["--cap", "0"], /--cap: not a number from 1/],
	[["--destination", "example.org"], /--destination: not an address/],
	[["--dryrun"], /Did you mean --dry-run\?/],
	[["--interval", "30"], /Did you mean 30s\?/],
])("%j: exit 2, nothing asked", async (flags, text) => {
	const called = await sweep(flags);
	expect([called.code, called.out]).toEqual([2, ""]);
	expect(called.err).toMatch(text);
	expect(called.host.calls).toEqual([]);
});
