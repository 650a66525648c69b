// The entries of groups of addresses: begun by them, and leading to them.

import { describe, expect, test } from "vitest";
import { GroupCounts } from "../../../../src/conntrack/groupcounts.ts";
import { ipBytes } from "../../../../src/net/ip.ts";

/** Counts entries that each say who began them and whom they lead to. */
function counted(
	groups: Readonly<Record<string, readonly string[]>>,
	...entries: readonly (readonly [string, string])[]
) {
	const counts = new GroupCounts(
		Object.entries(groups).map(([name, ips]) => ({ name, ips })),
	);
	for (const v4 of [true, false]) {
		const some = entries.filter(([ip]) => ip.includes(":") !== v4);
		const bytes = some.flatMap((ends) =>
			ends.flatMap((ip) => [...ipBytes(ip)]),
		);
		const words = v4 ? 1 : 4;
		const rows = some.flatMap((_, i) => [
			2 * i * words,
			9,
			(2 * i + 1) * words,
		]);
		const memory = new Int32Array(Uint8Array.from(bytes).buffer);
		counts.add(memory, v4, Int32Array.from(rows), some.length, 3, 0, 2);
	}
	return counts.top(9);
}

const PODS = {
	a: ["10.88.0.2", "fd88::2"],
	b: ["10.88.0.3"],
	idle: ["10.88.0.9"],
};

describe("a group has", () => {
	test.each<[string, [string, string][], object[]]>([
		[
			"what it began",
			[["10.88.0.2", "192.0.2.1"]],
			[{ name: "a", entries: 1, began: 1, leads: 0 }],
		],
		[
			"what leads to it",
			[["192.0.2.1", "10.88.0.3"]],
			[{ name: "b", entries: 1, began: 0, leads: 1 }],
		],
		[
			"what it sends to itself once",
			[["10.88.0.2", "10.88.0.2"]],
			[{ name: "a", entries: 1, began: 1, leads: 1 }],
		],
		[
			"what it sends to another, as the other has",
			[["10.88.0.2", "10.88.0.3"]],
			[
				{ name: "a", entries: 1, began: 1, leads: 0 },
				{ name: "b", entries: 1, began: 0, leads: 1 },
			],
		],
		[
			"both families",
			[
				["10.88.0.2", "192.0.2.1"],
				["fd88::2", "fd00::1"],
				["fd00::1", "fd88::2"],
			],
			[{ name: "a", entries: 3, began: 2, leads: 1 }],
		],
		[
			"nothing of an address that only ends alike",
			[
				["10.99.0.2", "192.0.2.1"],
				["fd99::2", "fd98::2"],
			],
			[],
		],
	])("%s", (_, entries, want) =>
		expect(counted(PODS, ...entries)).toEqual(want),
	);
});

test("the group with the most entries comes first", () =>
	expect(
		counted(
			PODS,
			["10.88.0.2", "10.0.0.1"],
			["10.88.0.3", "10.0.0.1"],
			["10.88.0.3", "10.0.0.2"],
		).map(({ name }) => name),
	).toEqual(["b", "a"]));
