// What a repair by the rules remembers from pass to pass.

import { describe, expect, test } from "vitest";
import {
	RepairMemory,
	tupleInWords,
} from "../../../../src/reconcile/memory.ts";
import { entry } from "../../../support/entries.ts";

const to = (target: string, client = 1) =>
	entry({
		orig: `192.0.2.7:${client} > 203.0.113.1:8125`,
		reply: `${target} > 192.0.2.7:${client}`,
	});
const E = to("10.88.0.9:5353");

describe("a frontend without a rule", () => {
	test("is lost two seconds after it was first seen so", () => {
		const memory = new RepairMemory();
		memory.noteClaim(E);
		expect(memory.isWaiting).toBe(false);
		expect(memory.hasLostRule(E, 0)).toBe(false);
		expect(memory.isWaiting).toBe(true);
		expect(memory.hasLostRule(E, 1999)).toBe(false);
		expect(memory.hasLostRule(E, 2000)).toBe(true);
	});

	test("is not lost if no rule ever claimed it", () => {
		const memory = new RepairMemory();
		expect(memory.hasLostRule(E, 0)).toBe(false);
		expect(memory.hasLostRule(E, 5000)).toBe(false);
		expect(memory.isWaiting).toBe(false);
	});

	test("is not lost if a rule has come back meanwhile", () => {
		const memory = new RepairMemory();
		memory.noteClaim(E);
		memory.hasLostRule(E, 0);
		memory.noteClaim(E);
		expect(memory.isWaiting).toBe(false);
		expect(memory.hasLostRule(E, 2000)).toBe(false);
	});
});

describe("an entry that comes back", () => {
	test.each<[string, string, string, number, boolean]>([
		["under the same rules, as it was", "10.88.0.9:5353", "a", 1, true],
		["and leads elsewhere", "10.88.0.8:5353", "a", 1, false],
		["under rules that say something else", "10.88.0.9:5353", "b", 1, false],
		["under rules that have changed", "10.88.0.9:5353", "a", 2, false],
	])("%s", (_, target, rules, generation, want) => {
		const memory = new RepairMemory();
		memory.noteRemoval(E, "a", 1);
		expect(memory.hasComeBack(to(target), rules, generation)).toBe(want);
	});

	test("is tried three times, however often the rules change", () => {
		const memory = new RepairMemory();
		for (let n = 1; n <= 3; n++) {
			expect(memory.hasComeBack(E, "a", n)).toBe(false);
			memory.noteRemoval(E, "a", n);
		}
		expect(memory.hasComeBack(E, "a", 4)).toBe(true);
	});

	test("of another client is another", () => {
		const memory = new RepairMemory();
		memory.noteRemoval(E, "a", 1);
		expect(memory.hasComeBack(to("10.88.0.9:5353", 2), "a", 1)).toBe(false);
	});

	test("is new once for its frontend", () => {
		const memory = new RepairMemory();
		expect(memory.isNewReturn(E)).toBe(true);
		expect(memory.isNewReturn(to("10.88.0.9:5353", 2))).toBe(false);
	});
});

test("a tuple is told as list prints it", () =>
	expect(tupleInWords(E)).toBe("udp 192.0.2.7:1 > 203.0.113.1:8125"));
