// `install`: its flags, its output and its exit codes. What becomes of the node has its
// tests in test/unit/src/install.

import { describe, expect, test } from "vitest";
import {
	again,
	BINARY,
	call,
	changes,
	FILE,
	NODE,
} from "../../../support/unit/installing.ts";

describe("prints", () => {
	test("each step, and the mode with its reason", async () => {
		const { code, out, err } = await call("install");
		expect([code, err]).toEqual([0, ""]);
		expect(out).toBe(
			`installed ${BINARY}\nedit: the runtime's version is not known\nchanged ${FILE}\n`,
		);
	});

	test("as a dry run, what would change, and changes nothing", async () => {
		const called = await call("install --dry-run");
		expect([called.code, called.err, changes(called)]).toEqual([0, "", []]);
		expect(called.out).toContain(`would install ${BINARY}\n`);
		expect(called.out).toMatch(/^\+.*conntrack-flush/m);
	});

	test("with --mode print, what to add by hand, and changes nothing", async () => {
		const called = await call("install --mode print --proto tcp");
		expect([called.code, called.err, changes(called)]).toEqual([0, "", []]);
		expect(called.out).toContain('"conntrack-flush"');
		expect(called.out).toContain('"tcp"');
		expect(called.out).not.toContain("oneCPUPerFlow");
	});

	test.each(["print", "edit"])(
		"with --one-cpu-per-flow, the key, with --mode %s",
		async (mode) => {
			const called = await call(
				`install --mode ${mode} --one-cpu-per-flow${mode === "edit" ? " --dry-run" : ""}`,
			);
			expect([called.code, called.err, changes(called)]).toEqual([0, "", []]);
			expect(called.out).toMatch(/"oneCPUPerFlow": ?true/);
		},
	);
});

describe("--check", () => {
	test("says what is not in place, exit 3, and changes nothing", async () => {
		const called = await call("install --check");
		expect([called.code, called.err, changes(called)]).toEqual([3, "", []]);
		expect(called.out).toBe(
			`missing or another version: ${BINARY}\nto be changed: ${FILE}\n`,
		);
	});

	test("is silent if everything is in place: exit 0", async () => {
		const called = await again("install --check", await call("install"));
		expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
	});
});

test("without a configuration it refuses before it writes: exit 1", async () => {
	const { [FILE]: _, ...files } = NODE;
	const called = await call("install", {
		files,
		directories: ["/etc/cni/net.d"],
	});
	expect([called.code, called.out, changes(called)]).toEqual([1, "", []]);
	expect(called.err).toMatch(/there is no network configuration yet/);
});

test.each([
	["--interval 1s", "--interval is for install --watch, which stays"],
	[
		"--reconcile-interval 1m",
		"--reconcile-interval is for install --watch, which stays",
	],
	["--sweep", "--sweep is for install --watch, which stays"],
	[
		"--metrics-address [::]:1",
		"--metrics-address is for install --watch, which stays",
	],
	["--textfile a.prom", "--textfile is for install --watch, which stays"],
	["--watch --page", "--page is for --metrics-address"],
	["--watch --show-clients", "--show-clients is for --metrics-address"],
	["--dry-run --check", "--dry-run, --check and --watch exclude each other"],
	["--watch --check", "--dry-run, --check and --watch exclude each other"],
	["--watch --interval 9ms", "--interval: less than 10 ms: 9ms"],
])("%s: exit 2, and nothing is changed", async (words, message) => {
	const called = await call(`install ${words}`);
	expect([called.code, called.out, changes(called)]).toEqual([2, "", []]);
	expect(called.err).toBe(
		`conntrack-flush: ${message}\nSee conntrack-flush install --help.\n`,
	);
});
