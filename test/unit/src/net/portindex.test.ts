// The index of items by port: single ports, ports in a row, and both at once.

import { describe, expect, test } from "vitest";
import {
	areMany,
	numbersOf,
	PortIndex,
} from "../../../../src/net/portindex.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../../../src/net/proto.ts";

function index(): PortIndex<string> {
	const found = new PortIndex<string>();
	found.add(IPPROTO_UDP, 1000, "single");
	found.addRow(IPPROTO_UDP, 1000, 3000, (port) => `row ${port}`);
	found.addRow(IPPROTO_UDP, 3999, 2, (port) => `short ${port}`);
	found.addRow(IPPROTO_TCP, 65_000, 536, (port) => `last ${port}`);
	return found;
}

describe("PortIndex", () => {
	test.each<[string, number, number, string[]]>([
		["before a row", IPPROTO_UDP, 999, []],
		[
			"a single port at the begin of a row",
			IPPROTO_UDP,
			1000,
			["single", "row 1000"],
		],
		["inside a row", IPPROTO_UDP, 2500, ["row 2500"]],
		[
			"at the end of a row and the begin of another",
			IPPROTO_UDP,
			3999,
			["row 3999", "short 3999"],
		],
		["at the end of the second", IPPROTO_UDP, 4000, ["short 4000"]],
		["behind both, in a block that they touch", IPPROTO_UDP, 4001, []],
		["the same number of another protocol", IPPROTO_TCP, 2500, []],
		["the last port", IPPROTO_TCP, 65_535, ["last 65535"]],
	])("gives what there is %s", (_, proto, port, want) =>
		expect(index().get(proto, port)).toEqual(want),
	);

	test("a row that ends with the last port does not reach into the next protocol", () => {
		const found = new PortIndex<string>();
		found.addRow(IPPROTO_TCP, 1, 65_535, () => "all");
		expect(found.get(IPPROTO_TCP + 1, 0)).toEqual([]);
		expect(found.get(IPPROTO_TCP, 65_535)).toEqual(["all"]);
		expect(found.get(IPPROTO_TCP, 0)).toEqual([]);
	});
});

test.each<[number, number[], boolean]>([
	[1, [2048], false],
	[2, [2048, 1], true],
	[3, [65_535], true],
])("%i rows of %j ports are many: %s", (_, counts, want) =>
	expect(areMany(counts.map((count) => ({ hostPort: 1, count })))).toBe(want),
);

test("the numbers of rows are those of all their ports, and null is one of them", () => {
	const rows = [{ hostPort: 7 }, { hostPort: 9, count: 3 }, { hostPort: null }];
	expect([...numbersOf(rows)]).toEqual([7, 9, 10, 11, null]);
});
