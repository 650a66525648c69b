// Where the text of a FILE comes from: a file, standard input, or a pipe by its name.

import { expect, test } from "vitest";
import {
	isStandardInput,
	isStream,
	readInput,
} from "../../../../src/cli/input.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const host = () =>
	fakeHost({
		stdin: "from stdin",
		files: { "/tmp/list": "from a file", "/dev/fd/63": "from a pipe" },
		stat: (path) => (path === "/dev/fd/63" ? { kind: "other" } : {}),
	});

test.each<[string, string, string, boolean, string[]]>([
	["a hyphen", "-", "from stdin", true, []],
	["standard input by its name", "/dev/stdin", "from stdin", true, []],
	[
		"what a shell makes of <(command)",
		"/dev/fd/63",
		"from a pipe",
		true,
		["stat /dev/fd/63", "openText /dev/fd/63"],
	],
	[
		"a file",
		"/tmp/list",
		"from a file",
		false,
		["stat /tmp/list", "readFile /tmp/list"],
	],
])("%s", (_, path, text, once, calls) => {
	const h = host();
	expect(readInput(h, path)).toBe(text);
	expect(h.calls).toEqual(calls);
	expect(isStream(h, path)).toBe(once);
});

test("a pipe that brings more than a document may have is refused", () => {
	const h = fakeHost({
		files: { "/dev/fd/63": "x".repeat((16 << 20) + 1) },
		stat: () => ({ kind: "other" }),
	});
	expect(() => readInput(h, "/dev/fd/63")).toThrow(
		"/dev/fd/63 has more than 16 MiB",
	);
});

test.each(["-", "/dev/stdin", "/tmp/list"])(
	"standard input or not: %s",
	(path) => expect(isStandardInput(path)).toBe(path !== "/tmp/list"),
);

test.each([readInput, isStream])("%o fails if the file is absent", (f) =>
	expect(() => f(host(), "/tmp/none")).toThrow(/ENOENT/),
);
