// The spool, as verbs write it: a line for each flush, where an agent collects.

import { describe, expect, test } from "vitest";
import { appendToSpool, type SpoolLine } from "../../../../src/state/spool.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { DIR, SPOOL } from "../../../support/unit/spooling.ts";

const LINE: SpoolLine = [
	"DEL",
	"scan",
	0.5,
	1,
	2,
	3,
	4,
	{ "dead-pod/17": 6 },
	{ 16: 1 },
	null,
];
const TEXT = '["DEL","scan",0.5,1,2,3,4,{"dead-pod/17":6},{"16":1},null]\n';

describe("the spool", () => {
	test("is not there where nobody counts", () => {
		const host = fakeHost({ directories: [DIR] });
		appendToSpool(host, DIR, LINE);
		expect([...host.files]).toEqual([]);
	});

	test("has a line for each flush, and is the owner's alone", () => {
		const host = fakeHost({ directories: [`${DIR}/metrics`] });
		appendToSpool(host, DIR, LINE);
		appendToSpool(host, DIR, LINE);
		expect([...host.files]).toEqual([[SPOOL, TEXT + TEXT]]);
		expect(host.stat(SPOOL).mode).toBe(0o600);
	});

	test("that cannot be written is no error", () => {
		const host = fakeHost({
			directories: [`${DIR}/metrics`],
			fail: (call) => (call === "appendFile" ? "ENOSPC" : undefined),
		});
		appendToSpool(host, DIR, LINE);
		expect(host.calls).toEqual([`appendFile ${SPOOL}`]);
	});

	test("does not grow for ever where the agent has gone", () => {
		const host = fakeHost({ files: { [SPOOL]: "x".repeat(512 * 1024) } });
		appendToSpool(host, DIR, LINE);
		expect([...host.files]).toEqual([]);
		appendToSpool(host, DIR, LINE);
		expect(host.files.get(SPOOL)).toBe(TEXT);
	});
});
