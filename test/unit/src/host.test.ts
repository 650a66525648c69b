// Errors of the system, which are recognised by their shape.

import { expect, test } from "vitest";
import { isNotFound, isSysError } from "../../../src/host.ts";
import { sysError } from "../../support/fakehost.ts";

test.each<[string, unknown, boolean, boolean]>([
	["ENOENT", sysError("ENOENT", "open", "/x"), true, true],
	[
		"ENOTDIR: a file stands where the directory would be",
		sysError("ENOTDIR", "open", "/x/y"),
		true,
		true,
	],
	["EACCES", sysError("EACCES", "open", "/x"), true, false],
	["EIO", sysError("EIO", "read", "/x"), true, false],
	["an error without a syscall", new Error("ENOENT"), false, false],
	[
		"an error with a code alone",
		Object.assign(new Error("x"), { code: "ENOENT" }),
		false,
		false,
	],
	[
		"an object that is no error",
		{ code: "ENOENT", errno: 2, syscall: "open" },
		false,
		false,
	],
	["null", null, false, false],
	["undefined", undefined, false, false],
	["a text", "ENOENT", false, false],
])("%s", (_, e, isError, isMissing) => {
	expect(isSysError(e)).toBe(isError);
	expect(isNotFound(e)).toBe(isMissing);
});
