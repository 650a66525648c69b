// `uninstall`: its flags, its output and its exit codes. What becomes of the node has its
// tests in test/unit/src/install.

import { expect, test } from "vitest";
import {
	again,
	BINARY,
	call,
	changes,
	EDITED,
	FILE,
	NODE,
} from "../../../support/unit/installing.ts";

const TEXTFILE = "/metrics/a.prom";

test("a dry run prints what would change, and changes nothing", async () => {
	const called = await again("uninstall --dry-run", await call("install"));
	expect([called.code, called.err, changes(called)]).toEqual([0, "", []]);
	expect(called.out).toMatch(/^-.*conntrack-flush/m);
	expect(called.out.endsWith(`would remove ${BINARY}\n`)).toBe(true);
});

test("a file of metrics that a killed agent left is removed if it is named", async () => {
	const called = await call(`uninstall --textfile ${TEXTFILE}`, {
		files: { ...NODE, [TEXTFILE]: "" },
	});
	expect([called.code, called.out]).toEqual([0, `removed ${TEXTFILE}\n`]);
	expect(called.host.files.has(TEXTFILE)).toBe(false);
});

/** Puts our plugin items back while `uninstall` waits, until this time. */
async function putBack(words: string, untilMs: number) {
	const { host } = await call("install");
	const begun = host.clock.ms;
	return again(`uninstall ${words}`, {
		host: {
			...host,
			sleep(ms) {
				host.clock.ms += ms;
				if (host.clock.ms - begun < untilMs)
					host.writeFile(FILE, EDITED, 0o644);
			},
		},
	});
}

test("--wait ends while the executable is still named: exit 3, and it stays", async () => {
	const called = await putBack("--wait 10s", Number.POSITIVE_INFINITY);
	expect(called.code).toBe(3);
	expect(called.out).toContain(
		`waiting to remove ${BINARY}: ${FILE} still names it\n`,
	);
	expect(called.out).toContain(`kept ${BINARY}: ${FILE} still names it\n`);
	expect(called.host.files.has(BINARY)).toBe(true);
});

test("--wait sees the end of it: exit 0, and the executable is removed", async () => {
	const called = await putBack("--wait 60s", 12_000);
	expect(called.code).toBe(0);
	expect(called.out.match(/^waiting /gm)).toHaveLength(1);
	expect(called.out.endsWith(`removed ${BINARY}\n`)).toBe(true);
	expect(called.host.files.has(BINARY)).toBe(false);
});

test.each([
	["--wait soon", "--wait: not a duration such as 500ms or 1m30s: soon"],
	[
		"--textfile a.txt",
		"--textfile: not a name in .prom, which are all that node_exporter reads: a.txt",
	],
	["now", "uninstall takes no operand: now"],
])("%s: exit 2, and nothing is changed", async (words, message) => {
	const called = await again(`uninstall ${words}`, await call("install"));
	expect([called.code, called.out, changes(called)]).toEqual([2, "", []]);
	expect(called.err).toBe(
		`conntrack-flush: ${message}\nSee conntrack-flush uninstall --help.\n`,
	);
});
