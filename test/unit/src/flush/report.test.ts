// The report of a flush: the line that is logged about it, the line for an agent, and
// the error that it comes to.

import { describe, expect, test } from "vitest";
import {
	failureOf,
	logReport,
	type Report,
	refusals,
	total,
} from "../../../../src/flush/report.ts";
import { logger } from "../../../../src/log.ts";
import { NetlinkError } from "../../../../src/netlink/nl.ts";
import { fakeHost, sysError } from "../../../support/fakehost.ts";
import { DIR, report, spooled } from "../../../support/unit/spooling.ts";

describe("the line in the log", () => {
	test.each<[string, Partial<Report>, string]>([
		[
			"has the counts, to whole milliseconds",
			{ deleted: 3, kept: 12, expired: 1, ms: 57.6 },
			"level=info msg=flushed how=scan deleted=3 kept=12 gone=1 scanned=0 ms=58",
		],
		[
			"has what was retired, refused and could not be decoded, if anything was",
			{
				retired: 2,
				scanned: { entries: 9, kept: 0, undecodable: 3 },
				failed: new Map([
					[16, 2],
					[1, 1],
				]),
			},
			"level=warn msg=flushed how=scan deleted=0 kept=0 gone=0 retired=2 scanned=9 undecodable=3 refused=EBUSY:2,EPERM:1 ms=1",
		],
		[
			"has what the rules have kept, if anything",
			{ kept: 7, keptByRules: 3 },
			"level=info msg=flushed how=scan deleted=0 kept=7 keptByRules=3 gone=0 scanned=0 ms=1",
		],
		[
			"has the reasons",
			{
				reasons: new Map([
					["no-dnat", 2],
					["asked", 1],
				]),
			},
			"level=info msg=flushed how=scan deleted=0 kept=0 gone=0 scanned=0 reasons=no-dnat:2,asked:1 ms=1",
		],
		[
			"claims nothing of the entries that a kernel flush looked at or deleted, but by how many the table shrank",
			{
				how: "kernel-flush",
				deleted: 5,
				kept: 7,
				expired: 8,
				reasons: new Map([["dead-pod", 5]]),
			},
			"level=info msg=flushed how=kernel-flush shrank=5 ms=1",
		],
		[
			"claims nothing at all if the table did not shrink at once",
			{ how: "kernel-flush", deleted: 0 },
			"level=info msg=flushed how=kernel-flush ms=1",
		],
		[
			"has the error that ended the flush early",
			{ error: sysError("ENOBUFS", "recvmsg") },
			'level=warn msg="cannot flush" how=scan deleted=0 kept=0 gone=0 scanned=0 ms=1 error="SysError: recvmsg: ENOBUFS"',
		],
		[
			"has null, which the engine throws without memory, in words",
			{ error: null },
			'level=warn msg="cannot flush" how=scan deleted=0 kept=0 gone=0 scanned=0 ms=1 error="out of memory"',
		],
	])("%s", (_, change, want) => {
		const host = fakeHost();
		const log = logger(host, "info", undefined, {});
		logReport({ host, dataDir: DIR, event: "DEL", log }, report(change));
		expect(host.written(2)).toBe(`${want}\n`);
	});
});

describe("the line for an agent", () => {
	test.each<[string, Partial<Report>, string]>([
		[
			"has every count",
			{
				how: "filtered-dump",
				deleted: 1,
				retired: 2,
				expired: 3,
				kept: 4,
				verdicts: new Map([["dead-pod/17", 6]]),
				failed: new Map([[16, 1]]),
			},
			'["DEL","filtered-dump",1,1,2,3,4,{"dead-pod/17":6},{"16":1},null]',
		],
		[
			"has durations to the microsecond",
			{ ms: 0.1234567 },
			'["DEL","scan",0.123,0,0,0,0,{},{},null]',
		],
		[
			"has the number of the kernel's error",
			{ error: new NetlinkError("dump", 1, undefined) },
			'["DEL","scan",1,0,0,0,0,{},{},1]',
		],
		[
			"has the name of the system's error",
			{ error: sysError("ENOBUFS", "recvmsg") },
			'["DEL","scan",1,0,0,0,0,{},{},"ENOBUFS"]',
		],
		[
			"has the name of another error",
			{ error: new RangeError("x") },
			'["DEL","scan",1,0,0,0,0,{},{},"RangeError"]',
		],
		[
			"has a word for what is no error",
			{ error: null },
			'["DEL","scan",1,0,0,0,0,{},{},"unknown"]',
		],
	])("%s", (_, change, want) => {
		expect(spooled(change)).toBe(`${want}\n`);
	});
});

describe("the failure", () => {
	const error = new RangeError("x");
	test.each<[string, Partial<Report>, unknown]>([
		["is none if all went well", { deleted: 3 }, undefined],
		["is the error that ended the flush early", { error }, error],
		[
			"is that error, whatever the kernel refused before",
			{ error, failed: new Map([[16, 2]]) },
			error,
		],
		[
			"is what the kernel refused, by errno",
			{
				failed: new Map([
					[16, 2],
					[1, 1],
				]),
			},
			new Error("the kernel refused to remove 3 (EBUSY:2,EPERM:1)"),
		],
	])("%s", (_, change, want) =>
		expect(failureOf(report(change))).toEqual(want),
	);
});

test("nothing refused has no words, and sums to 0", () => {
	expect(refusals(new Map())).toBe("");
	expect(total([])).toBe(0);
	expect(total(new Map([[16, 2]]).values())).toBe(2);
});
