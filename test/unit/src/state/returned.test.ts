// The lines about entries that came back.

import { expect, test } from "vitest";
import { noteReturned, readReturned } from "../../../../src/state/returned.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/run/cni/conntrack-flush";
const LINE = "udp 203.0.113.9:6000 > 203.0.113.1:8125, to 10.88.0.2:5353,";

test("what was noted is read, the oldest first", () => {
	const host = fakeHost({});
	host.mkdir(DIR, 0o700);
	noteReturned(host, DIR, LINE);
	noteReturned(host, DIR, "another");
	expect(readReturned(host, DIR)).toEqual([LINE, "another"]);
});

test("nothing was noted: there are none", () =>
	expect(readReturned(fakeHost({}), DIR)).toEqual([]));

test("the file does not grow without end", () => {
	const host = fakeHost({});
	host.mkdir(DIR, 0o700);
	for (let i = 0; i < 1000; i++) noteReturned(host, DIR, `${i} ${LINE}`);
	const lines = readReturned(host, DIR);
	expect(lines[0]).toBe(`0 ${LINE}`);
	expect(lines.join("\n").length).toBeLessThan(17 << 10);
});

test("a directory that refuses it fails nothing", () => {
	const host = fakeHost({
		fail: (name) => (name === "appendFile" ? "EROFS" : undefined),
	});
	expect(() => noteReturned(host, DIR, LINE)).not.toThrow();
});
