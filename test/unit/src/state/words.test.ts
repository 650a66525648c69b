// The words by which searches ask for records stand in the records' text.

import { expect, test } from "vitest";
import type { PortRow } from "../../../../src/policy/mapping.ts";
import { recordOf } from "../../../../src/state/store.ts";
import {
	HOST_IP_WORD,
	portWords,
	VAGUE_WORD,
	wordsOfPorts,
} from "../../../../src/state/words.ts";
import { BOOKS } from "../../../support/book.ts";
import { mappingOfPod, POD } from "../../../support/unit/flushes.ts";

const text = (a: typeof POD): string => JSON.stringify(recordOf(a));

const asksFor = (mappings: readonly PortRow[], a: typeof POD): boolean =>
	portWords(mappings).some((word) => text(a).includes(word));
const at = (hostPort: number): PortRow => ({ ...mappingOfPod, hostPort });
const ROW = { ...at(8000), count: 1000 };
const MANY = Array.from({ length: 1000 }, (_, i) => at(2 * i + 1));

test.each<[string, PortRow[], PortRow[], boolean]>([
	["a port is asked for by who has it", [at(8125)], [at(8125)], true],
	["the begin of its number is another port", [at(812)], [at(8125)], false],
	["the pod's own port is another", [at(5353)], [at(8125)], false],
	["a port may be in the middle of a row", [at(8125)], [ROW], true],
	["a port of a row may be recorded alone", [ROW], [at(8125)], true],
	["one of many ports may be recorded", MANY, [at(777)], true],
	["who has no port has none of a row", [ROW], [], false],
])("%s", (_, asked, recorded, want) => {
	expect(asksFor(asked, { ...POD, mappings: recorded })).toBe(want);
	// the index of a burst knows the same words
	const words = wordsOfPorts(recorded);
	expect(portWords(asked).some((word) => words.includes(word))).toBe(want);
});

test("few words are looked for, however many ports there are", () =>
	expect(portWords(MANY)).toHaveLength(1));

test("the word of unknown ports is in the record of who has such", () => {
	expect(text({ ...POD, vague: true })).toContain(VAGUE_WORD);
	expect(text(POD)).not.toContain(VAGUE_WORD);
});

test("the word of a single address is in the record of who has one", () => {
	const bound = { ...mappingOfPod, hostIP: BOOKS.IPv4.H2 };
	expect(text({ ...POD, mappings: [bound] })).toContain(HOST_IP_WORD);
	expect(text(POD)).not.toContain(HOST_IP_WORD);
});
