// A dump as a list: where it ends, and what it holds after the kernel interrupted it.

import { expect, test } from "vitest";
import { readAll } from "../../../../src/rules/dump.ts";
import { doneMessage } from "../../../support/entries.ts";
import type { Reply, Request } from "../../../support/fakekernel.ts";
import {
	fault,
	readValue,
	setUp,
	value,
	write,
} from "../../../support/unit/exchanges.ts";

/** Reads numbers, up to and with the one given. */
const numbers = (answer: (r: Request) => readonly Reply[], last?: number) =>
	readAll(
		setUp({ answer }).exchange,
		"read numbers",
		write,
		(b, m, found: number[]) => found[found.push(readValue(b, m)) - 1] === last,
	);

test.each<[string, (r: Request) => readonly Reply[], number[]]>([
	[
		"all of a dump",
		({ seq }) => [value(seq, 1), value(seq, 2), doneMessage(seq)],
		[1, 2],
	],
	["none of an empty dump", ({ seq }) => [doneMessage(seq)], []],
	[
		"a dump that began anew once, with what is there now",
		({ seq, nth }) =>
			nth === 0
				? [value(seq, 1), value(seq, 2), "ENOBUFS"]
				: [value(seq, 2), value(seq, 3), doneMessage(seq)],
		[2, 3],
	],
])("gives %s", async (_, answer, want) =>
	expect(await numbers(answer)).toEqual(want),
);

test("ends where visit says so", async () => {
	const answer = ({ seq }: Request) => [1, 2, 3].map((n) => value(seq, n));
	expect(await numbers(answer, 2)).toEqual([1, 2]);
});

test("throws what the dump throws", async () => {
	const lost = ({ seq }: Request) => [value(seq, 1), "ENOBUFS" as const];
	expect(await fault(numbers(lost))).toMatchObject({ code: "ENOBUFS" });
});
