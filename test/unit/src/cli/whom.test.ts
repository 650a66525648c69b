// Whose entries would go, in words, and the question to a person.

import { describe, expect, test } from "vitest";
import { canAsk, isAgreed, Whom } from "../../../../src/cli/whom.ts";
import { entry } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const NAMES = new Map([["10.88.0.2", "ns/dns"]]);

/** Returns the words about so many entries that lead to each address. */
function told(counts: Readonly<Record<string, number>>): string {
	const whom = new Whom();
	for (const [ip, n] of Object.entries(counts))
		for (let i = 1; i <= n; i++)
			whom.add(
				entry({
					orig: `192.0.2.7:${i} > 203.0.113.1:53`,
					reply: `${ip}:53 > 192.0.2.7:${i}`,
				}),
			);
	return whom.words((ip) => NAMES.get(ip));
}

describe("tells", () => {
	test.each<[string, Record<string, number>, string]>([
		["nothing of none", {}, "0 entries"],
		[
			"whose an address is",
			{ "10.88.0.2": 1 },
			"1 entry: 1 to 10.88.0.2 (ns/dns)",
		],
		[
			"the most first",
			{ "10.88.0.2": 2, "192.0.2.1": 3 },
			"5 entries: 3 to 192.0.2.1, 2 to 10.88.0.2 (ns/dns)",
		],
		[
			"five at most",
			Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((n) => [`10.0.0.${n}`, n])),
			"28 entries: 7 to 10.0.0.7, 6 to 10.0.0.6, 5 to 10.0.0.5, 4 to 10.0.0.4, 3 to 10.0.0.3, and 3 more elsewhere",
		],
	])("%s", (_, counts, want) => expect(told(counts)).toBe(want));

	test("the number of all, though not every address is counted apart", () => {
		const counts = Object.fromEntries(
			Array.from({ length: 1100 }, (_, i) => [
				`10.0.${i >> 8}.${i & 255}`,
				i === 0 ? 2 : 1,
			]),
		);
		expect(told(counts)).toMatch(
			/^1101 entries: 2 to 10\.0\.0\.0, .*, and 1095 more elsewhere$/,
		);
	});
});

describe("asks", () => {
	test.each<[string, boolean]>([
		["y\n", true],
		["yes\n", true],
		["YES \n", true],
		["y", true],
		["n\n", false],
		["\n", false],
		["", false],
		["yess\n", false],
		["no\ny\n", false],
	])("%j: %s", (stdin, want) => {
		const host = fakeHost({ stdin });
		expect(isAgreed(host, "really?")).toBe(want);
		expect([host.written(1), host.written(2)]).toEqual(["", "really? [y/N] "]);
	});

	test.each<[readonly (0 | 1 | 2)[], boolean]>([
		[[0, 1, 2], true],
		[[0, 2], true],
		[[0, 1], false],
		[[1, 2], false],
		[[], false],
	])("if %j are the terminal: %s", (terminals, want) =>
		expect(canAsk(fakeHost({ columns: 80, terminals }))).toBe(want),
	);
});
