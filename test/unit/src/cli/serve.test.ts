// `serve`: what it publishes until a signal comes, and that it changes nothing.

import { expect, test } from "vitest";
import { cli } from "../../../../src/cli/cli.ts";
import { IPCTNL_MSG_CT_GET_STATS_CPU } from "../../../../src/conntrack/counters.ts";
import { doneMessage } from "../../../support/entries.ts";
import { type FakeHostOptions, fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { expectUntouched, ROUTES } from "../../../support/unit/calls.ts";
import { ENTRIES, records } from "../../../support/unit/garbage.ts";
import { textOf } from "../../../support/unit/pages.ts";

const ADDRESS = "127.0.0.1:9470";

/** Types the words, and lets it run for so long. Returns the pages as they were at its end, by path. */
async function serve(
	words: readonly string[] = [],
	ms = 1000,
	options: FakeHostOptions = {},
) {
	const clock = { ms: 1000 };
	const kernel = fakeKernel({
		clock,
		entries: ENTRIES,
		routes: ROUTES,
		// no CPU has counters
		answer: ({ protocol, type, seq }) =>
			protocol === 12 && type === IPCTNL_MSG_CT_GET_STATS_CPU
				? [doneMessage(seq)]
				: undefined,
	});
	const pages = new Map<string, string>();
	const host = fakeHost({
		clock,
		netlink: kernel.netlink,
		argv: ["serve", ...words],
		files: await records("a"),
		signal() {
			for (const server of host.servers.values())
				for (const [path, { body }] of server) pages.set(path, body);
			return clock.ms > 1000 + ms ? "SIGINT" : undefined;
		},
		...options,
	});
	const code = await cli(host);
	const called = {
		code,
		out: host.written(1),
		err: host.written(2),
		host,
		kernel,
		deleted: ENTRIES.filter(({ id }) => !kernel.left().includes(id)).map(
			({ id }) => id,
		),
	};
	expectUntouched(called);
	expect(kernel.open()).toBe(0);
	return { ...called, pages };
}

test("it prints the page's address, publishes, and ends with a signal: exit 0, nothing changed", async () => {
	const { code, out, err, pages, host } = await serve();
	expect([code, out, err]).toEqual([0, `http://${ADDRESS}/\n`, ""]);
	expect([...pages.keys()].sort()).toEqual([
		"/",
		"/healthz",
		"/metrics",
		"/readyz",
	]);
	const text = textOf(pages.get("/") ?? "");
	expect(text).toContain("udp 8125 ns/pod for 0 s 3 1 2 0");
	expect(text).toContain("Not counted here");
	expect(text).toContain("It looked at");
	expect(pages.get("/metrics")).toContain("conntrack_entries 3\n");
	expect(host.servers.size).toBe(0);
	// a lock is a file too
	expect(host.calls.filter((c) => c.startsWith("flock"))).toEqual([]);
});

test.each<[string, string[], number, RegExp]>([
	["every half minute", [], 65_000, /Counted \S+ 22:14:2\d UTC/],
	[
		"as often as it is told",
		["--interval", "1s"],
		3500,
		/Counted \S+ 22:13:24 UTC/,
	],
	["once, if it is told so", ["--once"], 90_000, /Counted \S+ 22:13:21 UTC.*/],
])("the entries are counted %s", async (_, words, ms, want) => {
	const { pages } = await serve(words, ms);
	expect(textOf(pages.get("/") ?? "")).toMatch(want);
});

test("one look stays, and the page says so", async () => {
	const { pages } = await serve(["--once"], 90_000);
	expect(textOf(pages.get("/") ?? "")).toContain(
		"As of 2023-11-14 22:13:21 UTC, and so it stays.",
	);
});

test("clients are named only if that is asked for", async () => {
	expect((await serve()).pages.get("/")).not.toContain("192.0.2.7");
	const { pages } = await serve(["--show-clients"]);
	expect(pages.get("/")).toContain("192.0.2.7:3 sends to 10.88.0.3");
});

test.each([
	[
		"EADDRINUSE",
		"it is in use, perhaps by the agent; choose another with --listen",
	],
	["EADDRNOTAVAIL", "EADDRNOTAVAIL"],
])("an address that cannot be had is named: %s", async (error, why) => {
	const { code, out, err, kernel } = await serve(["--listen", "[::1]:80"], 1, {
		fail: (c) => (c === "serve" ? error : undefined),
	});
	expect([code, out, err]).toEqual([
		1,
		"",
		`conntrack-flush: cannot serve at [::1]:80: ${why}\n`,
	]);
	expect(kernel.requests).toEqual([]);
});

test("--once has no interval", async () => {
	const { code, err } = await serve(["--once", "--interval", "2s"]);
	expect(code).toBe(2);
	expect(err).toContain("--interval is not for --once");
});
