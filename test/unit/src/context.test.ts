// A failure that a verb survives: it is logged, and the verb goes on.

import { expect, test } from "vitest";
import { attempt } from "../../../src/context.ts";
import type { Log } from "../../../src/log.ts";
import { sysError } from "../../support/fakehost.ts";

const lines: unknown[][] = [];
const log: Log = (...line) => void lines.push(line);

test("what succeeds is returned, and nothing is logged", () => {
	lines.length = 0;
	expect(attempt({ log }, "cannot read", () => 7)).toBe(7);
	expect(lines).toEqual([]);
});

test.each<[string, unknown, string]>([
	[
		"an error of the system",
		sysError("EIO", "read", "/run/x"),
		"SysError: read /run/x: EIO",
	],
	["an error of ours", new TypeError("no"), "TypeError: no"],
	["null, for which there was no memory", null, "out of memory"],
])("%s is logged as a warning, and the result is undefined", (_, e, words) => {
	lines.length = 0;
	const found = attempt({ log }, "cannot read", () => {
		throw e;
	});
	expect(found).toBeUndefined();
	expect(lines).toEqual([["warn", "cannot read", { error: words }]]);
});

test("another level is the caller's choice", () => {
	lines.length = 0;
	const fail = (): never => {
		throw new Error("no");
	};
	attempt({ log }, "cannot write", fail, "error");
	expect(lines[0]?.[0]).toBe("error");
});
