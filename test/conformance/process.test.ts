// The surroundings of a process: arguments, environment, streams, clocks, signals.

import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ended, start } from "../support/exec.ts";
import { fakeHost } from "../support/fakehost.ts";
import { closeAll, stuff, writerOf } from "../support/stuffed.ts";
import type { Call, Outcome } from "./probe.ts";
import {
	check,
	commandOf,
	HOSTS,
	type HostName,
	onTerminal,
	outcomes,
	outcomesInFake,
	probe,
	said,
	scratch,
	text,
	type Want,
} from "./run.ts";

afterAll(closeAll);

/** A process whose standard error is a pipe, not the socket that Node makes: into a file, through cat. */
function shellOf(
	host: HostName,
	outcomes: string,
	calls: readonly Call[],
	file: string,
): ChildProcess {
	const words = commandOf(host, calls, [outcomes]);
	const line = '"$@" 2>&1 >/dev/null | cat >"$0"';
	return start(["sh", "-c", line, file, ...words]);
}

const rows: readonly (readonly [name: string, call: Call, want: Want])[] = [
	["env returns the value", ["env", "CONFORMANCE"], { value: "\u00e9=1" }],
	["env of an empty variable", ["env", "EMPTY"], { value: "" }],
	["env of a missing variable", ["env", "MISSING"], { value: null }],
	["env of what no variable can be named", ["env", "A=B"], { value: null }],
	["ticks never go back", ["ticks"], { value: "monotonic" }],
	["sleep of nothing returns", ["sleep", 0], { value: expect.any(Number) }],
];

/** The fake host is given its standard input as text, and takes any length of it. */
const NOT_IN_FAKE: readonly string[] = [
	"more than 16 MB",
	"a cut character",
	"an overlong character",
	"a surrogate",
];

const stdins: readonly (readonly [string, Buffer, Want])[] = [
	["nothing", Buffer.alloc(0), { value: "" }],
	["text", Buffer.from("{}\n"), { value: "{}\n" }],
	[
		"every length of UTF-8",
		Buffer.from("a\u00e9\u20ac\u{1f600}\0"),
		{ value: "a\u00e9\u20ac\u{1f600}\0" },
	],
	["a byte order mark", Buffer.from("\ufeff{}"), { value: "\ufeff{}" }],
	[
		"more than a pipe holds",
		Buffer.alloc(300_000, "x"),
		{ value: "x".repeat(300_000) },
	],
	["more than 16 MB", Buffer.alloc((16 << 20) + 1, "x"), ["EFBIG", "read"]],
	["a cut character", Buffer.from([0x61, 0xc3]), ["EILSEQ", "read"]],
	["an overlong character", Buffer.from([0xc0, 0x80]), ["EILSEQ", "read"]],
	["a surrogate", Buffer.from([0xed, 0xa0, 0x80]), ["EILSEQ", "read"]],
];

describe("fake", () => {
	const env = { CONFORMANCE: "\u00e9=1", EMPTY: "" };

	test.each(rows)("%s", async (_, call, want) => {
		const [got] = await outcomesInFake(fakeHost({ env }), [call]);
		check(got, want, "fake");
	});

	test.each(stdins.filter(([name]) => !NOT_IN_FAKE.includes(name)))(
		"stdin: %s",
		async (_, input, want) => {
			const host = fakeHost({ stdin: input.toString() });
			const [got] = await outcomesInFake(host, [["stdin"]]);
			check(got, want, "fake");
		},
	);

	test("argv holds what follows the program's name", async () => {
		const host = fakeHost({ argv: ["[]", "--a=b", "", "\u00e9 c"] });
		expect(host.argv.slice(1)).toEqual(["--a=b", "", "\u00e9 c"]);
	});

	test("write reaches stdout and stderr, in full and in order", async () => {
		const host = fakeHost();
		host.write(1, "out \u00e9\n");
		host.write(2, "err\ud800\n");
		host.write(1, "more");
		expect(host.written(1)).toBe("out \u00e9\nmore");
		expect(host.written(2)).toBe("err\ufffd\n");
	});

	test("an output that takes nothing: its error", async () => {
		const host = fakeHost({
			fail: (call) => (call === "write" ? "EPIPE" : undefined),
		});
		expect(() => host.write(1, "x")).toThrow(
			expect.objectContaining({ code: "EPIPE", syscall: "write" }),
		);
	});

	test("now is the wall clock, which a test can let jump; sleep takes its time and no other", async () => {
		const host = fakeHost({ wallMs: -5000 });
		const before = host.now();
		const [slept] = await outcomesInFake(host, [["sleep", 60]]);
		expect(slept).toEqual({ value: 60 });
		expect([host.now() - before, host.ticks()]).toEqual([60, 60]);
		expect(Number.isInteger(before)).toBe(true);
	});

	test("columns are the terminal's, and none are without one", async () => {
		const calls: readonly Call[] = [
			["columns", 0],
			["columns", 1],
			["columns", 2],
		];
		const terminals = [0, 1, 2] as const;
		for (const columns of [undefined, 77, 0]) {
			const host = fakeHost({
				terminals,
				...(columns !== undefined && { columns }),
			});
			const want = { value: columns ?? null };
			expect(await outcomesInFake(host, calls)).toEqual([want, want, want]);
		}
	});

	test("a lock that is held: EAGAIN, after the time on the test's clock", async () => {
		const host = fakeHost({ directories: ["/run"] });
		host.flock("/run/lock", 0);
		const [late] = await outcomesInFake(host, [
			["flockTimeout", "/run/lock", 100],
		]);
		expect(late).toEqual({ value: { code: "EAGAIN", ms: 100 } });
	});

	test("a netlink socket is an error unless the test has one to give", async () => {
		const host = fakeHost();
		expect(() => host.netlink(12, 0)).toThrow("no socket was to be opened");
	});
});

describe.each(HOSTS)("%s", (host) => {
	let results: readonly Outcome[] = [];
	beforeAll(async () => {
		results = await outcomes(
			host,
			rows.map(([, call]) => call),
			{ env: { PATH: process.env.PATH, CONFORMANCE: "\u00e9=1", EMPTY: "" } },
		);
	});

	test.each(rows.map((row, i) => [row[0], row[2], i] as const))(
		"%s",
		(_, want, i) => check(results[i], want),
	);

	test.each(stdins)("stdin: %s", async (_, input, want) => {
		const [got] = await outcomes(host, [["stdin"]], { input });
		check(got, want);
	});

	test("stdin from a file", async () => {
		const fd = openSync("package.json", "r");
		const [got] = await outcomes(host, [["stdin"]], {
			stdio: [fd, "pipe", "pipe"],
		});
		closeSync(fd);
		check(got, { value: text("package.json") });
	});

	test("argv holds what follows the program's name", async () => {
		const file = `${scratch()}/outcomes`;
		const args = [file, "--a=b", "", "\u00e9 c"];
		await ended(probe(host, [["argv"]], args));
		expect(JSON.parse(text(file))).toEqual([{ value: args.slice(1) }]);
	});

	test("the exit code is what main resolves to", async () => {
		const { code } = await ended(probe(host, [["now"], ["now"], ["now"]]));
		expect(code).toBe(3);
	});

	test("write reaches stdout and stderr, in full and in order", async () => {
		const file = `${scratch()}/outcomes`;
		const child = probe(
			host,
			[
				["write", 1, "out \u00e9\n"],
				["write", 2, "err\ud800\n"],
				["writeMuch", 300_000],
				["write", 1, ""],
			],
			[file],
		);
		const { stdout, stderr } = await ended(child);
		expect(stdout).toBe(`out \u00e9\n${"x".repeat(299_999)}\n`);
		expect(stderr).toBe("err\ufffd\n");
	});

	test("write to a pipe without a reader: EPIPE, not death", async () => {
		const file = `${scratch()}/outcomes`;
		const child = probe(
			host,
			[
				["sleep", 300],
				["writeMuch", 300_000],
			],
			[file],
		);
		child.stdout?.destroy();
		await ended(child);
		check(JSON.parse(text(file))[1], ["EPIPE", "write"]);
	});

	test("write to a full device: ENOSPC", async () => {
		const file = `${scratch()}/outcomes`;
		const full = openSync("/dev/full", "w");
		const child = probe(host, [["write", 1, "x"]], [file], {
			stdio: ["ignore", full, "pipe"],
		});
		await ended(child);
		closeSync(full);
		check(JSON.parse(text(file))[0], ["ENOSPC", "write"]);
	});

	test.each([
		["a line", 80],
		["more than a page", 10_000],
		["more than a pipe holds", 300_000],
	])(
		"standard error that nobody takes away is waited for once, and shortly: %s",
		async (_, size) => {
			const dir = scratch();
			stuff(`${dir}/stderr`);
			const stderr = writerOf(`${dir}/stderr`);
			const child = probe(host, [["complain", size]], [`${dir}/outcomes`], {
				stdio: ["ignore", "ignore", stderr],
				timeout: 20_000,
				killSignal: "SIGKILL",
			});
			closeSync(stderr);
			await ended(child);
			const [{ value }] = JSON.parse(text(`${dir}/outcomes`));
			const [first, second] = value;
			expect(first).toBeGreaterThan(90);
			expect(first).toBeLessThan(1000);
			expect(second).toBeLessThan(50);
		},
	);

	test("standard error that is read gets all, whatever its length", async () => {
		const dir = scratch();
		await ended(
			shellOf(host, `${dir}/outcomes`, [["complain", 300_000]], `${dir}/err`),
		);
		expect(text(`${dir}/err`)).toHaveLength(600_000);
	});

	test("now is the wall clock, sleep takes its time", async () => {
		const before = Date.now();
		const [now, slept] = await outcomes(host, [["now"], ["sleep", 60]]);
		expect(now).toEqual({ value: expect.any(Number) });
		if (now && "value" in now && slept && "value" in slept) {
			expect(Number.isInteger(now.value)).toBe(true);
			expect(now.value).toBeGreaterThanOrEqual(before);
			expect(now.value).toBeLessThanOrEqual(Date.now());
			expect(slept.value).toBeGreaterThan(58);
			expect(slept.value).toBeLessThan(1000);
		}
	});

	test.each(["SIGTERM", "SIGINT"] as const)(
		"%s ends a sleep once polling has begun, and stays pending",
		async (signal) => {
			const child = probe(host, [["signal", 10_000]]);
			await said(child, "ready");
			child.kill(signal);
			const { stdout } = await ended(child);
			expect(JSON.parse(stdout)).toEqual([
				{
					value: { before: "none", after: signal, again: signal, early: true },
				},
			]);
		},
	);

	test.each(["SIGTERM", "SIGINT"] as const)(
		"%s ends a process that never polls",
		async (signal) => {
			const child = probe(host, [["unpolled", 10_000]]);
			await said(child, "ready");
			child.kill(signal);
			expect((await ended(child)).signal).toBe(signal);
		},
	);

	test("a second signal ends a process that does not stop", async () => {
		const child = probe(host, [
			["signal", 10_000],
			["unpolled", 10_000],
		]);
		await said(child, "ready");
		child.kill("SIGTERM");
		await said(child, "ready");
		await sleep(1200);
		child.kill("SIGTERM");
		expect((await ended(child)).signal).toBe("SIGTERM");
	});

	test("a second signal at once is the first: timeout(1) sends two", async () => {
		const child = probe(host, [
			["signal", 10_000],
			["unpolled", 1500],
		]);
		await said(child, "ready");
		child.kill("SIGTERM");
		await said(child, "ready");
		child.kill("SIGTERM");
		child.kill("SIGINT");
		expect(await ended(child)).toMatchObject({ code: 2, signal: null });
	});

	test("columns are the terminal's, and none are without one", async () => {
		const calls: readonly Call[] = [
			["columns", 0],
			["columns", 1],
			["columns", 2],
		];
		const none = { value: null };
		expect(await outcomes(host, calls)).toEqual([none, none, none]);
		const wide = { value: 77 };
		expect(await onTerminal(host, 77, calls)).toEqual([wide, wide, wide]);
		// a terminal that does not know
		const unknown = { value: 0 };
		expect(await onTerminal(host, 0, calls)).toEqual([
			unknown,
			unknown,
			unknown,
		]);
	});
});
