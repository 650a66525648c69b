// Long texts in the directory of configurations, with the executable itself: its engine
// has little memory for regular expressions and little stack. No file keeps the others
// from being installed, checked and uninstalled.

import { statSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { undoAll } from "../support/undo.ts";
import { chainOf } from "./pains.ts";
import { BINARY, CONF, CONFLIST, createTree, PRISTINE } from "./tree.ts";

afterEach(undoAll);

const LONG = 764_000;
const list = (member: string): string =>
	PRISTINE.replace('"type": "flannel",', `"type": "flannel", ${member},`);

/** Texts of the network's own file. */
const PRIMARY: readonly (readonly [string, string])[] = [
	["a long string", list(`"x": "${"y".repeat(LONG)}"`)],
	["a string of quotes", list(`"x": "${'\\"'.repeat(LONG / 2)}"`)],
	["a string of backslashes", list(`"x": "${"\\\\".repeat(LONG / 2)}"`)],
	["much white space", list(`"x":${" \n".repeat(LONG / 2)}1`)],
	["3 MB", list(`"x": "${"y".repeat(3 << 20)}"`)],
	["many numbers", list(`"x": [${"1,".repeat(LONG / 2)}1]`)],
	["a long key", list(`"${"k".repeat(LONG)}": 1`)],
	["thousand levels", list(`"x": ${"[".repeat(1000)}${"]".repeat(1000)}`)],
	[
		"500 plugins",
		PRISTINE.replace(
			'    {\n      "type": "portmap"',
			`${'    { "type": "tuning" },\n'.repeat(500)}$&`,
		),
	],
];

/** Texts of a file beside it that is not loaded. */
const BESIDE: readonly (readonly [string, string])[] = [
	["a long string", `{"name":"n","plugins":"${"y".repeat(LONG)}"}`],
	["half a string", `{"name":"n","x":"${"y".repeat(LONG)}`],
	["white space", " ".repeat(LONG)],
	["levels without end", '{"a":'.repeat(LONG)],
	["20 MB", `{"name":"n","type":"x","y":"${"z".repeat(20 << 20)}"}`],
	["20 MB of escapes", `{"y":"${"\\u002d".repeat(3_500_000)}"}`],
];

describe("the network's own file", () => {
	test.each(PRIMARY)("%s", async (_, text) => {
		const tree = createTree({ [CONFLIST]: text });
		const plan = await tree.run(["install", "--dry-run"]);
		expect([plan.code, plan.stderr]).toEqual([0, ""]);
		const ran = await tree.run(["install", "--mode", "edit"]);
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		const chain = chainOf(tree.read(CONFLIST));
		expect(chain.slice(-3)).toEqual(["del", "portmap", "add"]);
		const checked = await tree.run(["install", "--check"]);
		expect([checked.code, checked.stderr]).toEqual([0, ""]);
		const gone = await tree.run(["uninstall", "--grace", "0"]);
		expect([gone.code, gone.stderr]).toEqual([0, ""]);
		expect(tree.read(CONFLIST) === text).toBe(true);
	});
});

describe("a file beside it", () => {
	test.each(BESIDE)("%s", async (_, text) => {
		const tree = createTree({
			[CONFLIST]: PRISTINE,
			[`${CONF}/99-other.conflist`]: text,
			[`${CONF}/cbr1/50-other.conf`]: text,
		});
		const ran = await tree.run(["install"]);
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		const gone = await tree.run(["uninstall", "--grace", "0"]);
		expect([gone.code, gone.stderr]).toEqual([0, ""]);
		expect(tree.read(CONFLIST)).toBe(PRISTINE);
		expect(() => statSync(tree.path(BINARY))).toThrow("ENOENT");
	});
});
