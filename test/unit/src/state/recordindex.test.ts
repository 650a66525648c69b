// The index of records answers as the directory does, and reads it once.

import { describe, expect, test } from "vitest";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { indexed } from "../../../../src/state/recordindex.ts";
import { everyRecord, writeRecord } from "../../../../src/state/store.ts";
import {
	HOST_IP_WORD,
	portWords,
	VAGUE_WORD,
} from "../../../../src/state/words.ts";
import { BOOKS } from "../../../support/book.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	mappingOfPod as m,
	other,
	POD,
	RECORDS,
} from "../../../support/unit/flushes.ts";

const { H2, N, Q } = BOOKS.IPv4;
const RECORDED: readonly Attachment[] = [
	POD,
	other("bound", { mappings: [{ ...m, hostIP: H2, podIP: N }] }),
	other("second", { mappings: [m, { ...m, hostPort: 53 }] }),
	other("pod", {
		mappings: [],
		podTargets: [{ family: m.family, proto: m.proto, podIP: Q }],
	}),
	other("gone", { unfinished: true }),
	other("row", { mappings: [{ ...m, hostPort: 100, count: 50 }] }),
	other("vague", {
		mappings: [],
		podTargets: [{ family: m.family, proto: m.proto, podIP: N }],
		vague: true,
	}),
];
const portWord = (hostPort: number): string =>
	portWords([{ ...m, hostPort }]).at(-1) ?? "";
const ROW = portWords([{ ...m, hostPort: 1, count: 9 }])[0] ?? "";
const WORDS = [portWord(8125), portWord(53), portWord(9), m.podIP, N, Q, ROW];

function setUp() {
	const host = fakeHost();
	for (const a of RECORDED) writeRecord(host, RECORDS, a);
	const asked: (readonly string[])[] = [];
	const records = indexed([...WORDS, HOST_IP_WORD, VAGUE_WORD], (words) => {
		asked.push(words);
		return everyRecord(host, RECORDS, words);
	});
	return { host, records, asked };
}

const names = (found: readonly Attachment[]): string[] =>
	found.map((a) => a.containerID).sort();

describe("the index", () => {
	test.each<[string, string[]]>([
		["one word", [portWord(8125)]],
		["a word that two records have", [portWord(53)]],
		["a word that none has", [portWord(9)]],
		["several", [portWord(53), N]],
		["an address of a pod without ports", [Q]],
		["those with a single address", [HOST_IP_WORD]],
		["those with ports", [ROW]],
		["those whose ports are not known", [VAGUE_WORD]],
		["nothing", []],
	])("answers as the directory: %s", (_, words) => {
		const { host, records } = setUp();
		const found = words.length === 0 ? [] : everyRecord(host, RECORDS, words);
		expect(names(records(words))).toEqual(names(found));
	});

	test("reads once, and only if it is asked", () => {
		const { records, asked } = setUp();
		expect(asked).toEqual([]);
		for (const word of WORDS) records([word]);
		expect(asked).toHaveLength(1);
	});

	test("reads anew for a word that was not foreseen", () => {
		const { records, asked } = setUp();
		records([m.podIP]);
		expect(records(["10.99.0.1"])).toEqual([]);
		expect(asked).toHaveLength(2);
	});
});
