// The executable in the directory of the plugins: it is replaced whole, and only if
// it is another.

import { describe, expect, test } from "vitest";
import {
	compare,
	copyInto,
	pathIn,
	removeFrom,
} from "../../../../src/install/binary.ts";
import { type FakeHost, fakeHost } from "../../../support/fakehost.ts";
import { BIN, BINARY, SELF } from "../../../support/unit/installing.ts";

const TEMPORARY = `${BIN}/.conntrack-flush.conntrack-flush-new`;

/** Returns a node whose plugins' directory holds the file, if a text is given. */
function nodeWith(text?: string, mode = 0o755): FakeHost {
	const host = fakeHost({
		files: { [SELF]: "executable", [`${BIN}/bridge`]: "" },
	});
	if (text !== undefined) host.writeFile(BINARY, text, mode);
	return host;
}

test("its name is the type in a configuration", () => {
	expect(pathIn(BIN)).toBe(BINARY);
});

describe.each<[string, string | undefined, number, string, string]>([
	["no file", undefined, 0, "none", "installed"],
	["the same bytes", "executable", 0o755, "same", "unchanged"],
	["another size", "executable and more", 0o755, "other", "replaced"],
	["another first byte", "Executable", 0o755, "other", "replaced"],
	[
		"another last byte, beyond the last whole word",
		"executablE",
		0o755,
		"other",
		"replaced",
	],
	[
		"the same bytes that nobody may run",
		"executable",
		0o644,
		"other",
		"replaced",
	],
])("%s", (_, text, mode, found, copied) => {
	test(`is ${found}`, () => {
		expect(compare(nodeWith(text, mode), BINARY)).toBe(found);
	});

	test(`is ${copied}, and can be run then`, () => {
		const host = nodeWith(text, mode);
		expect(copyInto(host, BIN)).toBe(copied);
		expect(host.files.get(BINARY)).toBe("executable");
		expect(host.stat(BINARY).mode).toBe(0o755);
		expect(
			host.calls.filter((c) => /^(copy|write).*\/conntrack-flush$/.test(c)),
		)
			// written by this test alone: the installer opens only a temporary
			.toHaveLength(text === undefined ? 0 : 1);
	});
});

test("a file that cannot be read is an error, not another executable", () => {
	const host = fakeHost({
		files: { [SELF]: "executable", [BINARY]: "executable" },
		fail: (call) => (call === "stat" ? "EIO" : undefined),
	});
	expect(() => compare(host, BINARY)).toThrow(/EIO/);
});

test("what a killed call has left goes, even if the executable is the same", () => {
	const host = nodeWith("executable");
	host.writeFile(TEMPORARY, "half", 0o600);
	expect(copyInto(host, BIN)).toBe("unchanged");
	expect(host.files.has(TEMPORARY)).toBe(false);
});

test.each([
	["executable", true],
	[undefined, false],
])("removal of %j says %j, and takes temporaries too", (text, want) => {
	const host = nodeWith(text);
	host.writeFile(TEMPORARY, "half", 0o600);
	expect(removeFrom(host, BIN)).toBe(want);
	expect([...host.files.keys()]).toEqual([SELF, `${BIN}/bridge`]);
});
