// What the command line says of itself: help, manual page, completion, all from
// the same descriptions.

import { describe, expect, test } from "vitest";
import { flagName } from "../../../../src/cli/command.ts";
import { call } from "../../../support/unit/calls.ts";

async function say(...argv: string[]) {
	const called = await call("", {
		env: { CNI_COMMAND: undefined },
		host: { argv },
	});
	expect(called.host.calls).toEqual([]);
	return called;
}

const COMMANDS = [
	...(await say("--help")).out.matchAll(/^ {2}(\w+) {2,}[a-z]/gm),
].map(([, name = ""]) => name);

/** Every flag that the help of a command names. */
async function flagsOf(name: string): Promise<string[]> {
	const { out } = await say(name, "--help");
	return [...out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(
		([, flag = ""]) => flag,
	);
}

test("the commands are found: this test sees what it judges", async () => {
	for (const name of ["list", "flush", "gc", "completion", "man"])
		expect(COMMANDS).toContain(name);
	expect(await flagsOf("list")).toContain("--host-ip");
});

test.each([
	["hostPort", "--host-port"],
	["hostIP", "--host-ip"],
	["stale", "--stale"],
])("%s is typed %s", (key, flag) => expect(flagName(key)).toBe(flag));

describe.each([[], ...COMMANDS.map((name) => [name])])(
	"%s --help",
	(...name) => {
		test("fits a terminal of 80 columns", async () => {
			const { out } = await say(...name, "--help");
			expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
		});
	},
);

test.each([
	["completion"],
	["completion", "tcsh"],
	["completion", "bash", "zsh"],
])("%s %s %s: exit 2, and which shells there are", async (...argv) => {
	const { code, out, err } = await say(...argv);
	expect([code, out]).toEqual([2, ""]);
	expect(err).toMatch(
		/^conntrack-flush: completion needs one of bash, zsh, fish\n/,
	);
});

test("a command without flags has none to suggest", async () => {
	const { code, err } = await say("completion", "--foo");
	expect([code, err]).toEqual([
		2,
		"conntrack-flush: unknown flag: --foo\nSee conntrack-flush completion --help.\n",
	]);
});

describe.each(["bash", "zsh", "fish"])("the completion of %s", (shell) => {
	test("knows every command and every flag", async () => {
		const { code, out } = await say("completion", shell);
		expect(code).toBe(0);
		for (const name of COMMANDS) {
			expect(out).toContain(name);
			for (const flag of await flagsOf(name))
				expect(out, `${name} ${flag}`).toContain(
					shell === "fish" ? `-l ${flag.slice(2)}` : flag,
				);
		}
	});
});

describe("the manual page", () => {
	test("has every command and every flag", async () => {
		const { code, out } = await say("man");
		expect(code).toBe(0);
		const plain = out.replaceAll("\\-", "-");
		for (const name of COMMANDS) {
			expect(plain).toContain(`.SS "${name}`);
			for (const flag of await flagsOf(name))
				expect(plain, `${name} ${flag}`).toContain(`\\fB${flag}\\fR`);
		}
	});

	test("has no line that roff would take for a request", async () => {
		const { out } = await say("man");
		const requests = out.match(/^[.'].*/gm) ?? [];
		expect(
			requests.filter(
				(r) => !/^\.(TH|SH|SS|TP|PP|B|I|BR|RB|br|nf|fi|RS|RE)\b/.test(r),
			),
		).toEqual([]);
	});
});
