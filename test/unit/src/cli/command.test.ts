// How the words after a command's name are read: flags, values, operands, and the
// environment in their place.

import { describe, expect, test } from "vitest";
import { command, flagName, run } from "../../../../src/cli/command.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { number, text } from "../../../../src/cli/values.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { type } from "../../../support/unit/commandline.ts";

test.each([
	["hostPort", "--host-port"],
	["hostIP", "--host-ip"],
	["stale", "--stale"],
])("%s is typed %s", (key, flag) => expect(flagName(key)).toBe(flag));

/** Returns the values and operands that a command gets from the words. */
async function read(
	words: readonly string[],
	env: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
	let got: Record<string, unknown> = {};
	const tried = command({
		name: "try",
		summary: "",
		about: "",
		operands: "FILE",
		flags: {
			all: { help: "", short: "a" },
			watch: { help: "", short: "w" },
			file: { ...text("FILE"), help: "", short: "f" },
			port: {
				...number("PORT", 1, 9),
				help: "",
				env: "PORT",
				envUnless: ["file"],
				fallback: "7",
			},
			tag: { ...text("TAG"), help: "", many: true as const },
			level: {
				...number("LEVEL", 1, 9),
				help: "",
				alias: "--height",
				many: true as const,
				env: "LEVEL",
				parseEnv: (t: string, name: string) => number("", 1, 2).parse(t, name),
				envUnless: ["file"],
			},
		},
		examples: [],
		async run(_, values, operands) {
			got = { ...values, operands };
			return 0;
		},
	});
	expect(await run(tried, fakeHost({ env }), words)).toBe(0);
	return got;
}

const NOTHING = {
	all: false,
	watch: false,
	file: undefined,
	port: 7,
	tag: [],
	level: [],
	operands: [],
};

describe("reads", () => {
	test.each<[string, string[], object]>([
		["nothing: switches are off, values their fallback", [], {}],
		["a value after a space", ["--file", "x"], { file: "x" }],
		["a value after an equals sign", ["--file=x"], { file: "x" }],
		["a value with an equals sign in it", ["--file=a=b"], { file: "a=b" }],
		["a short flag's value after a space", ["-f", "x"], { file: "x" }],
		["a short flag's value right after it", ["-fx"], { file: "x" }],
		["a short flag's value after an equals sign", ["-f=x"], { file: "x" }],
		["a hyphen, which is a value", ["-f", "-"], { file: "-" }],
		["switches in one word", ["-aw"], { all: true, watch: true }],
		[
			"switches in one word, the last of them with a value",
			["-awfx"],
			{ all: true, watch: true, file: "x" },
		],
		["a switch twice", ["-a", "--all"], { all: true }],
		["each value of a list", ["--tag", "x", "--tag=y"], { tag: ["x", "y"] }],
		["a flag by its other name", ["--height", "3"], { level: [3] }],
		["both names as one", ["--height=3", "--level", "4"], { level: [3, 4] }],
		[
			"operands anywhere",
			["x", "--all", "-", "y"],
			{ all: true, operands: ["x", "-", "y"] },
		],
		[
			"nothing but operands after --",
			["x", "--", "--all", "-f"],
			{ operands: ["x", "--all", "-f"] },
		],
	])("%s", async (_, words, want) =>
		expect(await read(words)).toEqual({ ...NOTHING, ...want }),
	);

	test.each<[string, string[], Record<string, string>, number]>([
		["the variable", [], { PORT: "2" }, 2],
		["the flag before its variable", ["--port", "3"], { PORT: "2" }, 3],
		["the fallback if the variable is empty", [], { PORT: "" }, 7],
		["the fallback if another flag keeps it out", ["-fx"], { PORT: "2" }, 7],
	])("%s", async (_, words, env, port) =>
		expect(await read(words, env)).toMatchObject({ port }),
	);

	test.each<[string, string[], number[]]>([
		["the variable of a list", [], [2]],
		["the flag before it", ["--level", "5"], [5]],
		["nothing if another flag keeps it out", ["-fx"], []],
		["nothing if an operand does", ["x"], []],
	])("%s", async (_, words, level) =>
		expect(await read(words, { LEVEL: "2" })).toMatchObject({ level }),
	);
});

test.each<[string[], Record<string, string>, string]>([
	[["--prot", "1"], {}, "unknown flag: --prot"],
	[["-x"], {}, "unknown flag: -x"],
	[["-ax"], {}, "unknown flag: -x"],
	[["--all=1"], {}, "--all takes no value: 1"],
	[["--file"], {}, "--file needs a value"],
	[["--file", "--all"], {}, "--file needs a value"],
	[["--file", "--port=1"], {}, "--file needs a value"],
	[["--file", "x", "-fy"], {}, "--file was given 2 times"],
	[["--port", "10"], {}, "--port: not a number from 1 to 9: 10"],
	[[], { PORT: "10" }, "PORT: not a number from 1 to 9: 10"],
	[["--height", "10"], {}, "--height: not a number from 1 to 9: 10"],
	[[], { LEVEL: "3" }, "LEVEL: not a number from 1 to 2: 3"],
])("%j with %j is an error of usage: %s", async (words, env, message) => {
	const reading = read(words, env);
	await expect(reading).rejects.toThrow(UsageError);
	await expect(reading).rejects.toThrow(message);
});

test.each([
	[["gc", "--val", "x"], "unknown flag: --val\nDid you mean --valid?"],
	[["gc", "--all"], "unknown flag: --all\nSee conntrack-flush gc --help."],
	[["gc", "--vald", "x"], "unknown flag: --vald\nDid you mean --valid?"],
	[["gc", "x"], "gc takes no operand: x\nSee conntrack-flush gc --help."],
	// a command without flags has none to suggest
	[
		["completion", "--foo"],
		"unknown flag: --foo\nSee conntrack-flush completion --help.",
	],
	// every object inherits these names, a table of flags too
	...["constructor", "__proto__", "toString", "hasOwnProperty"].map(
		(name): [string[], string] => [
			["gc", `--${name}`],
			`unknown flag: --${name}\nSee conntrack-flush gc --help.`,
		],
	),
])("%j: says what to type instead", async (argv, advice) => {
	const called = await type(...argv);
	expect([called.code, called.out, called.host.calls]).toEqual([2, "", []]);
	expect(called.err).toBe(`conntrack-flush: ${advice}\n`);
});
