// The words by which searches ask for records stand in the records' text.

import { expect, test } from "vitest";
import { recordOf } from "../../../../src/state/store.ts";
import { HOST_IP_WORD, portWord } from "../../../../src/state/words.ts";
import { BOOKS } from "../../../support/book.ts";
import { mappingOfPod, POD } from "../../../support/unit/flushes.ts";

const text = (a: typeof POD): string => JSON.stringify(recordOf(a));

test("a port's word is in the record of whom it is mapped to, and in no other", () => {
	expect(text(POD)).toContain(portWord(8125));
	expect(text(POD)).not.toContain(portWord(812));
	expect(text(POD)).not.toContain(portWord(5353));
});

test("the word of a single address is in the record of who has one", () => {
	const bound = { ...mappingOfPod, hostIP: BOOKS.IPv4.H2 };
	expect(text({ ...POD, mappings: [bound] })).toContain(HOST_IP_WORD);
	expect(text(POD)).not.toContain(HOST_IP_WORD);
});
