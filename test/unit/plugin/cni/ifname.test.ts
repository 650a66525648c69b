// The names of interfaces that are not obviously right. The rows of a request with a
// wrong one are in protocol.test.ts.

import { describe, expect, test } from "vitest";
import { isInterfaceName } from "../../../../plugin/cni/ifname.ts";
import { CONF, call } from "../../../support/unit/calls.ts";

describe("an interface's name that libcni takes", () => {
	test.each([
		"eth0.100",
		"veth1@if2",
		"-",
		"%s",
		"fifteen-letters",
		"\u00e4".repeat(7),
		"a\u200bb", // not Go's idea of space
		"a\ufeffb", // JavaScript's, not Go's
		"\ufffd".repeat(15), // 15 bytes that are no UTF-8
	])("is right: %j", async (name) => {
		expect(isInterfaceName(name)).toBe(true);
		for (const verb of ["ADD", "DEL", "CHECK"]) {
			const called = await call(verb, {
				conf: { ...CONF, runtimeConfig: {} },
				env: { CNI_IFNAME: name },
			});
			expect([called.code, called.err]).toEqual([0, ""]);
		}
	});
});

describe("an interface's name that libcni refuses", () => {
	test.each([
		"",
		".",
		"..",
		"a/b",
		"a:b",
		"a b",
		"a\tb",
		"a\nb",
		"a\u0085b",
		"a\u00a0b",
		"a\u1680b",
		"a\u200ab",
		"a\u2028b",
		"a\u202fb",
		"a\u205fb",
		"a\u3000b",
		"sixteen-letters-",
		"\u00e4".repeat(8), // 16 bytes
		"\u{1f600}".repeat(4), // 16 bytes
		"\ufffd".repeat(16),
	])("is wrong: %j", (name) => expect(isInterfaceName(name)).toBe(false));
});
