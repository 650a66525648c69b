// The completion scripts: complete, and refused for a shell that there is none for. The
// shells themselves run them in test/cli.

import { describe, expect, test } from "vitest";
import {
	commandNames,
	flagsOf,
	type,
} from "../../../support/unit/commandline.ts";

const COMMANDS = await commandNames();

describe.each(["bash", "zsh", "fish"])("the completion of %s", (shell) => {
	test("knows every command and every flag", async () => {
		const { code, out, host } = await type("completion", shell);
		expect([code, host.calls]).toEqual([0, []]);
		for (const name of COMMANDS) {
			expect(out).toContain(name);
			for (const flag of await flagsOf(name))
				expect(out, `${name} ${flag}`).toContain(
					shell === "fish" ? `-l ${flag.slice(2)}` : flag,
				);
		}
	});
});

test.each([
	["completion"],
	["completion", "tcsh"],
	["completion", "bash", "zsh"],
])("%s %s %s: exit 2, and which shells there are", async (...argv) => {
	const { code, out, err, host } = await type(...argv);
	expect([code, out, host.calls]).toEqual([2, "", []]);
	expect(err).toMatch(
		/^conntrack-flush: completion needs one of bash, zsh, fish\n/,
	);
});

// every object inherits these names, a table of shells too
test.each([
	["bsh", "Did you mean bash?"],
	...["constructor", "__proto__", "toString", "hasOwnProperty"].map((name) => [
		name,
		"See conntrack-flush completion --help.",
	]),
])("%s is no shell of ours", async (shell, advice) => {
	const { code, out, err, host } = await type("completion", shell ?? "");
	expect([code, out, host.calls]).toEqual([2, "", []]);
	expect(err).toBe(
		`conntrack-flush: completion needs one of bash, zsh, fish\n${advice}\n`,
	);
});
