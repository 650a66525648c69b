// The plugin's own word that it cannot use conntrack.

import { expect, test } from "vitest";
import {
	forgetUnusable,
	noteUnusable,
	readUnusable,
	unusableFile,
} from "../../../../src/state/unusable.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/run/cni/conntrack-flush";

test("a reason that was noted is read until it is forgotten", () => {
	const host = fakeHost({});
	expect(readUnusable(host, DIR)).toBeUndefined();
	noteUnusable(host, DIR, "EPERM");
	expect(readUnusable(host, DIR)).toBe("EPERM");
	expect(host.stat(unusableFile(DIR)).mode).toBe(0o600);
	forgetUnusable(host, DIR);
	expect(readUnusable(host, DIR)).toBeUndefined();
});

test("of two who forget it, the second is told", () => {
	const host = fakeHost({ files: { [unusableFile(DIR)]: "EPERM\n" } });
	forgetUnusable(host, DIR);
	expect(() => forgetUnusable(host, DIR)).toThrow(/ENOENT/);
});

test("a file that cannot be read is none", () => {
	const host = fakeHost({
		files: { [unusableFile(DIR)]: "EPERM\n" },
		fail: (name) => (name === "readFile" ? "EACCES" : undefined),
	});
	expect(readUnusable(host, DIR)).toBeUndefined();
});
