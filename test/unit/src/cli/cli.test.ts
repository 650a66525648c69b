// The command line as a whole: help, the names of commands, and the answer to a name
// that is wrong.

import { expect, test } from "vitest";
import { call } from "../../../support/unit/calls.ts";
import { type } from "../../../support/unit/commandline.ts";

test.each([["--help"], ["-h"], []])("%s shows its usage", async (...argv) => {
	const called = await type(...argv);
	expect([called.code, called.err]).toEqual([0, ""]);
	expect(called.out).toMatch(/^ +gc {2}/m);
});

test.each([
	["gc", "--help"],
	["gc", "--valid", "x", "-h"],
	["help", "gc"],
])("%s %s shows what the command does and changes nothing", async (...argv) => {
	const called = await type(...argv);
	expect([called.code, called.err]).toEqual([0, ""]);
	expect(called.out).toMatch(/^Usage: conntrack-flush gc \[flags\]\n/);
	expect(called.out).toMatch(/\n {2}--valid FILE\n/);
	expect(called.host.calls).toEqual([]);
});

test("--version prints the version alone", async () => {
	const called = await type("--version");
	expect([called.code, called.err]).toEqual([0, ""]);
	expect(called.out).toMatch(/^conntrack-flush \d+\.\d+\.\d+\n$/);
});

test.each([
	[["gcc"], "unknown command: gcc\nDid you mean gc?"],
	[["LIST"], "unknown command: LIST\nDid you mean list?"],
	[["--verison"], "unknown command: --verison\nDid you mean --version?"],
	[["version"], "unknown command: version\nDid you mean --version?"],
	[["-V"], "unknown command: -V\nDid you mean --version?"],
	[["hepl"], "unknown command: hepl\nDid you mean help?"],
])("%j: says what to type instead", async (argv, text) => {
	const called = await type(...argv);
	expect([called.code, called.out]).toEqual([2, ""]);
	expect(called.err).toBe(`conntrack-flush: ${text}\n`);
});

test.each([["frobnicate"], ["--frob"], [""]])(
	"does not know %j: exit 2",
	async (word) => {
		const called = await type(word);
		expect([called.code, called.out]).toEqual([2, ""]);
		expect(called.err).toBe(
			`conntrack-flush: unknown command: ${word}\nSee conntrack-flush --help.\n`,
		);
	},
);

// every object inherits these names, a table of commands too
const INHERITED = ["constructor", "__proto__", "toString", "hasOwnProperty"];
test.each(
	INHERITED.flatMap((name) => [[name], [name, "--help"], ["help", name]]).map(
		(argv) => [argv, argv.find((word) => INHERITED.includes(word)) ?? ""],
	) as [string[], string][],
)("%j: an inherited name is no word of ours", async (argv, name) => {
	const called = await type(...argv);
	expect([called.code, called.out]).toEqual([2, ""]);
	expect(called.err).toBe(
		`conntrack-flush: unknown command: ${name}\nSee conntrack-flush --help.\n`,
	);
});

test("touches nothing", async () => {
	for (const word of ["--help", "--version", "x"])
		expect((await type(word)).host.calls).toEqual([]);
});

test.each(["reconcile", "flush --stale", "list --all"])(
	"%s: a memory that is used up is said in words: exit 1",
	async (line) => {
		const { code, err } = await call("", {
			env: { CNI_COMMAND: undefined },
			kernel: {
				answer() {
					// as the engine does
					throw null;
				},
			},
			host: { argv: line.split(" ") },
		});
		expect(code).toBe(1);
		expect(err).toMatch(
			/^conntrack-flush: out of memory: the rules, or ports that are not in a row, are too many /,
		);
	},
);
