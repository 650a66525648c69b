// The error of an installer that refuses. What is refused, and when, is in the tests
// of the files that refuse.

import { expect, test } from "vitest";
import { explained, Refusal } from "../../../../src/install/refusal.ts";
import { sysError } from "../../../support/fakehost.ts";

test("a refusal says what is wrong, and on the next line what to do", () => {
	const refusal = new Refusal("a is b", "Use c.");
	expect([refusal.name, refusal.message]).toEqual([
		"Refusal",
		"a is b\nUse c.",
	]);
});

test.each(["EACCES", "EPERM"])(
	"%s becomes a refusal that says what a container needs",
	(code) => {
		const e = explained(sysError(code, "open", "/opt/cni/bin/x"));
		expect(e).toBeInstanceOf(Refusal);
		expect((e as Refusal).message).toMatch(
			/^open \/opt\/cni\/bin\/x.*\n.*DAC_OVERRIDE.*SELinux.*spc_t/,
		);
	},
);

test.each<[string, unknown]>([
	["another error of the system", sysError("ENOSPC", "write")],
	["an error of ours", new TypeError("x")],
	["a refusal", new Refusal("a", "B.")],
	["no error at all", "x"],
])("%s stays as it is", (_, e) => {
	expect(explained(e)).toBe(e);
});
