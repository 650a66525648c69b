// The ways from the kernel's hooks to a chain, and where they are broken.

import { expect, test } from "vitest";
import { Callers } from "../../../../src/rules/callers.ts";
import type {
	BaseChain,
	ChainID,
	NatRule,
} from "../../../../src/rules/model.ts";

const chain = (name: string): ChainID => ({
	backend: "nft",
	family: 2,
	table: "nat",
	chain: name,
});
const rule = (
	from: string,
	to: string,
	is: "jump" | "goto" = "jump",
): NatRule => ({
	...chain(from),
	handle: 1,
	steps: [{ is, chain: to }],
});
const PREROUTING: BaseChain = {
	...chain("PREROUTING"),
	hook: "prerouting",
	priority: -100,
	policy: "accept",
};

test.each<[string, readonly NatRule[], string | undefined]>([
	["the hook calls it", [rule("PREROUTING", "c")], undefined],
	["by goto", [rule("PREROUTING", "c", "goto")], undefined],
	["through another", [rule("PREROUTING", "b"), rule("b", "c")], undefined],
	["nothing calls it", [rule("PREROUTING", "b")], "c"],
	["nothing calls its caller", [rule("b", "c")], "b"],
	[
		"one of two callers is called",
		[rule("a", "c"), rule("b", "c"), rule("PREROUTING", "b")],
		undefined,
	],
	["two call each other", [rule("b", "c"), rule("c", "b")], "b"],
])("%s", (_, rules, gap) => {
	const callers = new Callers();
	callers.addBase(PREROUTING);
	for (const r of rules) callers.add(r);
	expect(callers.gapBefore(chain("c"))?.chain).toBe(gap);
});

test("a chain of the same name in another table is another chain", () => {
	const callers = new Callers();
	callers.addBase(PREROUTING);
	callers.add(rule("PREROUTING", "c"));
	const other = { ...chain("c"), family: 10 };
	expect(callers.gapBefore(other)).toEqual(other);
});
