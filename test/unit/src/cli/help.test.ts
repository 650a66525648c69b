// The help of every command: it fits a terminal, and its examples can be pasted.

import { describe, expect, test } from "vitest";
import {
	commandNames,
	flagsOf,
	type,
} from "../../../support/unit/commandline.ts";

const COMMANDS = await commandNames();

test("the commands are found: this test sees what it judges", async () => {
	for (const name of ["list", "flush", "gc", "completion", "man"])
		expect(COMMANDS).toContain(name);
	expect(await flagsOf("list")).toContain("--host-ip");
});

describe.each([[], ...COMMANDS.map((name) => [name])])(
	"%s --help",
	(...name) => {
		test("fits a terminal of 80 columns", async () => {
			const { out, host } = await type(...name, "--help");
			expect(host.calls).toEqual([]);
			expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
		});
	},
);

test.each(COMMANDS.map((name) => [name]))(
	"no example of %s is folded inside quotes, where a backslash is text",
	async (name) => {
		const { out } = await type(name, "--help");
		const [, examples = ""] = /\nExamples:\n([\s\S]*?)\n\n/.exec(out) ?? [];
		expect(examples).not.toBe("");
		const lines = examples.split("\n").filter((line) => !/^ {2}# /.test(line));
		let isQuoted = false;
		for (const line of lines) {
			if (line.split("'").length % 2 === 0) isQuoted = !isQuoted;
			expect(isQuoted && line.endsWith("\\"), line).toBe(false);
		}
	},
);

test("a flag is followed by its values, its fallback and its environment variable", async () => {
	const { out } = await type("sweep", "--help");
	const [, threshold = ""] =
		/\n {2}--threshold N\n((?: {6}.*\n)+)/.exec(out) ?? [];
	expect(threshold.replace(/\s+/g, " ")).toContain(
		"(default 3; environment variable CONNECTION_RENEWAL_THRESHOLD)",
	);
});
