// The native host alone: what its engine has and has not, and how it ends
// when the bundle does not.

import { describe, expect, test } from "vitest";
import { ended } from "../support/exec.ts";
import type { Call } from "./probe.ts";
import { check, outcomes, probe, scratch, shell, text } from "./run.ts";

test.each<[name: string, call: Call, want: unknown]>([
	[
		"a chunk is loaded when it is imported, with the intrinsics it names",
		["lazy", "Date"],
		{ value: { answer: 42, before: false, after: true } },
	],
	[
		"eval throws, because no parser is linked in",
		["eval"],
		{ error: { message: expect.stringContaining("eval is not supported") } },
	],
	[
		"the Function constructor throws",
		["functionConstructor"],
		{ error: { message: expect.stringContaining("not supported") } },
	],
	["a RegExp can be compiled", ["regExp"], { value: true }],
	[
		"what is absent",
		[
			"globals",
			...["TextEncoder", "TextDecoder", "console", "setTimeout", "URL"],
			...["Buffer", "process", "Intl", "structuredClone", "Proxy"],
			...["performance", "WeakRef", "DOMException", "queueMicrotask"],
		],
		{ value: ["queueMicrotask"] },
	],
	[
		"JSON nested deeper than the stack is an exception",
		["deepJson", 1_000_000],
		{ error: { message: expect.stringContaining("stack") } },
	],
	["JSON nested as deep as anybody would", ["deepJson", 500], { value: 1 }],
	[
		"recursion without end is an exception",
		["recursion"],
		{ error: { message: expect.stringContaining("stack") } },
	],
	[
		"more memory than the limit is an exception",
		["memory"],
		{ error: { message: expect.stringContaining("memory") } },
	],
])("%s", async (_, call, want) => {
	const [got] = await outcomes("native", [call, ["ticks"]]);
	expect(got).toEqual(want);
});

test.each([64, 128, 1024])(
	"with a stack of %i KiB deep JSON is an exception too",
	async (limit) => {
		const { stdout } = await shell(`ulimit -s ${limit}; exec "$@"`, [
			["deepJson", 1_000_000],
			["recursion"],
			["regExp"],
		]);
		expect(JSON.parse(stdout)).toEqual([
			{ error: { message: expect.stringContaining("stack") } },
			{ error: { message: expect.stringContaining("stack") } },
			{ value: true },
		]);
	},
);

test("the time zone is UTC, whatever the environment says", async () => {
	const options = { env: { ...process.env, TZ: "America/New_York" } };
	const calls: Call[] = [["zoneOffset"]];
	expect(await outcomes("native", calls, options)).toEqual([{ value: 0 }]);
	expect(await outcomes("node", calls, options)).toEqual([{ value: 300 }]);
});

test("a file that is opened never takes the place of a closed stdout", async () => {
	const dir = scratch();
	await shell(
		'exec "$@" >&-',
		[
			["writeFile", `${dir}/x`, "x", 0o600],
			["write", 1, "lost"],
		],
		[`${dir}/outcomes`],
	);
	expect(text(`${dir}/x`)).toBe("x");
	check(JSON.parse(text(`${dir}/outcomes`))[1], ["EBADF", "write"]);
});

test("with everything closed and no /dev it still runs", async () => {
	const dir = scratch();
	await shell('exec "$@" <&- >&- 2>&-', [["stdin"]], [`${dir}/outcomes`]);
	check(JSON.parse(text(`${dir}/outcomes`))[0], ["EBADF", "read"]);
});

describe("an error that main lets through", () => {
	const uncaught = (env: NodeJS.ProcessEnv, calls: readonly Call[] | string) =>
		ended(probe("native", calls, [], { env }));

	test("is text on stderr, with names and lines", async () => {
		const { code, stdout, stderr } = await uncaught({}, "{");
		expect(code).toBe(1);
		expect(stdout).toBe("");
		expect(stderr).toMatch(/^SyntaxError: .+\n {4}at .*main.js:\d+:\d+\)?\n/s);
		expect(stderr).toContain("at main (main.js:");
	});

	test("is an error object on stdout for a runtime", async () => {
		const env = { CNI_COMMAND: "ADD" };
		const { code, stdout, stderr } = await uncaught(env, '"\\"\t');
		expect(code).toBe(1);
		expect(stderr).toBe("");
		expect(JSON.parse(stdout)).toEqual({
			cniVersion: "1.1.0",
			code: 999,
			msg: "internal error",
			details: expect.stringMatching(/^SyntaxError: .+\n {4}at /),
		});
	});

	test("is text on stderr where stdout takes nothing", async () => {
		const line = 'CNI_COMMAND=ADD exec "$@" >&-';
		const { code, stderr } = await shell(line, [["now"]]);
		expect(code).toBe(1);
		expect(stderr).toMatch(/^SysError: write: .+ \(EBADF\)\n {4}at /);
	});

	test("a promise that can never settle is one", async () => {
		const { code, stderr } = await uncaught({}, [["never"]]);
		expect(code).toBe(1);
		expect(stderr).toBe("main can never settle\n");
	});
});
