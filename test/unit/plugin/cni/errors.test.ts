// Errors as the container runtime sees them: the codes of the specification, and words.

import { describe, expect, test } from "vitest";
import {
	CniError,
	errorDocument,
	inWords,
	isProblem,
} from "../../../../plugin/cni/errors.ts";
import type { Problem } from "../../../../plugin/cni/request.ts";
import { sysError } from "../../../support/fakehost.ts";

const show = (p: Problem): unknown[] => {
	const { code, message, details } = inWords(p);
	return [code, message, details];
};
const value = (name: string): string | undefined =>
	({ CNI_IFNAME: "a b", CNI_PATH: "" })[name];

describe("a problem", () => {
	test.each<[Problem, number, string, string]>([
		[
			{ is: "unknown command", command: "UPDATE", known: ["ADD", "DEL"] },
			4,
			"unknown CNI_COMMAND: UPDATE",
			"must be one of ADD, DEL",
		],
		[
			{
				is: "environment",
				command: "ADD",
				needed: ["CNI_IFNAME", "CNI_PATH"],
				wrong: ["CNI_IFNAME", "CNI_PATH"],
				value,
			},
			4,
			"missing CNI_PATH",
			"ADD needs CNI_IFNAME, CNI_PATH in its environment",
		],
		[
			{
				is: "environment",
				command: "ADD",
				needed: ["CNI_IFNAME"],
				wrong: ["CNI_IFNAME"],
				value,
			},
			4,
			'invalid CNI_IFNAME: "a b"',
			"must be at most 15 bytes, without white space, '/' or ':', and not . or ..",
		],
		[
			{ is: "unreadable stdin", cause: sysError("EIO", "read") },
			5,
			"cannot read the network configuration on stdin",
			"read: EIO",
		],
		[
			{ is: "unreadable stdin", cause: sysError("EFBIG", "read") },
			5,
			"cannot read the network configuration on stdin",
			"it is longer than 16 MB, more than any runtime sends",
		],
		[
			{ is: "unreadable stdin", cause: sysError("EILSEQ", "read") },
			6,
			"cannot parse the network configuration on stdin",
			"read: EILSEQ",
		],
		[
			{ is: "unreadable stdin", cause: null },
			6,
			"cannot parse the network configuration on stdin",
			"out of memory",
		],
		[
			{ is: "no object", text: "[1]" },
			6,
			"the network configuration on stdin is not a JSON object",
			"[1]",
		],
		[
			{ is: "version type", value: 7 },
			6,
			"invalid cniVersion: 7",
			"must be a string",
		],
		[
			{ is: "unsupported version", version: "9", supported: ["1.0.0"] },
			1,
			'incompatible cniVersion: "9"',
			"this plugin supports 1.0.0",
		],
		[
			{
				is: "old version",
				command: "GC",
				version: "1.0.0",
				since: "1.1.0",
			},
			1,
			"cniVersion 1.0.0 has no GC",
			"GC is there since 1.1.0",
		],
		[
			{ is: "name", value: undefined },
			7,
			"invalid name: undefined",
			"must be letters, digits, '_', '.' and '-', and begin with a letter or digit",
		],
		[
			{ is: "not chained" },
			7,
			"missing prevResult",
			"conntrack-flush is a chained plugin: list it after the plugin that makes the interface",
		],
		[
			{
				is: "value",
				where: "on",
				value: "x".repeat(300),
				must: "must be less",
			},
			7,
			`invalid on: "${"x".repeat(199)}…`,
			"must be less",
		],
	])("$is is told by code, message and details", (p, ...want) =>
		expect(show(p)).toEqual(want),
	);

	test.each<[unknown, boolean]>([
		[{ is: "not chained" }, true],
		[new CniError(7, "x"), false],
		[Object.assign(new Error("x"), { is: "not chained" }), false],
		[null, false],
		["not chained", false],
		[{}, false],
	])("%o is one: %s", (e, want) => expect(isProblem(e)).toBe(want));
});

describe("the error document", () => {
	test.each<[string, unknown, object]>([
		[
			"an error with details",
			new CniError(5, "cannot read", "EIO"),
			{ code: 5, msg: "cannot read", details: "EIO" },
		],
		[
			"an error without details",
			new CniError(100, "stale"),
			{ code: 100, msg: "stale" },
		],
		[
			"a problem",
			{ is: "not chained" },
			{ code: 7, msg: "missing prevResult", details: expect.anything() },
		],
		[
			"an error of ours that nobody expects, with its stack",
			new TypeError("no"),
			{
				code: 999,
				msg: "internal error",
				details: expect.stringMatching(/^no\n.*errors\.test\.ts/s),
			},
		],
		[
			"null, for which there was no memory",
			null,
			{ code: 999, msg: "internal error", details: "out of memory" },
		],
	])("of %s", (_, e, want) =>
		expect(JSON.parse(errorDocument("1.0.0", e))).toEqual({
			cniVersion: "1.0.0",
			...want,
		}),
	);

	test("the cause of an error stays with it", () => {
		const cause = new Error("x");
		expect(new CniError(50, "cannot", "", { cause }).cause).toBe(cause);
	});
});
