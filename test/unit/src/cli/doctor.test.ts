// `doctor`: how findings are printed, and the exit codes. The checks themselves have their
// tests in test/unit/src/doctor.

import { expect, test } from "vitest";
import type { Finding } from "../../../../src/doctor/finding.ts";
import {
	CONF_DIR,
	doctor,
	list,
	PORTMAP,
} from "../../../support/unit/checkup.ts";

/** A conflist that does not list the plugin. */
const WITHOUT = { files: { [`${CONF_DIR}/05.conflist`]: list(PORTMAP) } };

test.each<[string, Parameters<typeof doctor>[0], number]>([
	["no finding", {}, 0],
	[
		"a warning",
		{ fail: (_, path) => (path === CONF_DIR ? "EACCES" : undefined) },
		0,
	],
	["a failed check", WITHOUT, 3],
	["a failed check, as JSON", { ...WITHOUT, flags: ["-o", "json"] }, 3],
	["a format that there is not", { flags: ["-o", "yaml"] }, 2],
	["a flag of install", { flags: ["--mode", "edit"] }, 2],
	["no finding, for node-problem-detector", { flags: ["--npd"] }, 0],
	[
		"a failed check, for node-problem-detector",
		{ ...WITHOUT, flags: ["--npd"] },
		1,
	],
])("the exit code with %s", async (_, options, code) =>
	expect((await doctor(options)).code).toBe(code),
);

test("the advice stands below its finding, in lines of 80 columns where there is no terminal", async () => {
	const { out } = await doctor(WITHOUT);
	const [, advice = ""] =
		/^fail {2}conflist: .*\n((?: {6}.*\n)+)/m.exec(out) ?? [];
	expect(advice).not.toBe("");
	for (const line of advice.trimEnd().split("\n"))
		expect(line.length).toBeLessThan(80);
});

test("JSON has what the text has", async () => {
	const { out: text } = await doctor(WITHOUT);
	const { out: json } = await doctor({ ...WITHOUT, flags: ["--output=json"] });
	const findings: readonly Finding[] = JSON.parse(json);
	expect(
		findings.map((f) => `${f.status.padEnd(6)}${f.check}: ${f.found}`),
	).toEqual(text.split("\n").filter((line) => /^\w/.test(line)));
	expect(findings.find((f) => f.status === "fail")?.advice).toMatch(/\S/);
});

test("for node-problem-detector it prints one line of at most 80 characters", async () => {
	const { out } = await doctor({ ...WITHOUT, flags: ["--npd"] });
	expect(out).toMatch(/^conflist: .{1,70}\n$/);
});
