// What verbs left: noted, listed, and forgotten when it has been done.

import { describe, expect, test } from "vitest";
import {
	leave,
	leftBehind,
	leftDir,
	takeUp,
} from "../../../../src/state/left.ts";
import { writeRecord } from "../../../../src/state/store.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { RECORDS as DIR, POD } from "../../../support/unit/flushes.ts";

const NAME = "net:new:eth0.json";

describe("what is left", () => {
	test("has the name of the record, once", () => {
		const host = fakeHost();
		leave(host, DIR, POD);
		leave(host, DIR, POD);
		expect(leftBehind(host, DIR)).toEqual([NAME]);
		expect(host.files.get(`${leftDir(DIR)}/${NAME}`)).toBe("");
	});

	test.each<[string, (host: ReturnType<typeof fakeHost>) => void, string[]]>([
		["a pod that is there", (host) => writeRecord(host, DIR, POD), []],
		["a pod that has gone", () => {}, []],
		[
			"a DEL that is still unfinished",
			(host) => writeRecord(host, DIR, { ...POD, unfinished: true }),
			[NAME],
		],
	])("of %s", (_, prepare, want) => {
		const host = fakeHost();
		leave(host, DIR, POD);
		prepare(host);
		takeUp(host, DIR, leftBehind(host, DIR));
		takeUp(host, DIR, [NAME]);
		expect(leftBehind(host, DIR)).toEqual(want);
	});

	test("is nothing where the directory cannot be used", () => {
		const host = fakeHost({ fail: () => "EROFS" });
		leave(host, DIR, POD);
		takeUp(host, DIR, [NAME]);
		expect(leftBehind(host, DIR)).toEqual([]);
	});
});
