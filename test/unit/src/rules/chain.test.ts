// The walk through chains: how a packet leaves them, and that the walk always ends.

import { describe, expect, test } from "vitest";
import { endsOf } from "../../../../src/rules/chain.ts";
import type { Step } from "../../../../src/rules/model.ts";
import { hex } from "../../../support/entries.ts";
import {
	chainNamed,
	type KnownSet,
	knowing,
} from "../../../support/unit/knowing.ts";
import { outcomesInWords, packetIn } from "../../../support/unit/rulesets.ts";

const P = packetIn("udp 192.0.2.7 > 203.0.113.1:8125");
const YES: Step = { is: "match", matches: () => "yes" };
const NO: Step = { is: "match", matches: () => "no" };
const MAYBE: Step = { is: "match", matches: () => "maybe" };
const ACCEPT: Step = { is: "accept" };
const DROP: Step = { is: "drop" };
const RETURN: Step = { is: "return" };
const UNCLEAR: Step = { is: "unclear" };
const jump = (chain: string): Step => ({ is: "jump", chain });
const goto = (chain: string): Step => ({ is: "goto", chain });
const to = (last: number): Step => ({
	is: "send",
	target: {
		addresses: {
			min: Uint8Array.of(10, 0, 0, last),
			max: Uint8Array.of(10, 0, 0, last),
		},
		ports: undefined,
	},
});
const constant = (at: number, bytes: string): Step => ({
	is: "constant",
	to: at,
	bytes: hex(bytes),
});
const unknown = (at: number): Step => ({ is: "unknown", to: at, length: 4 });
const nat = (
	address: [number, number] | undefined,
	ports?: [number, number],
	family = 2,
): Step => ({
	is: "nat",
	family,
	address: address && { min: address[0], max: address[1] },
	ports: ports && { min: ports[0], max: ports[1] },
});
const lookup = (
	set: string,
	at: number | undefined,
	isInverted = false,
): Step => ({ is: "lookup", set, from: 0, to: at, isInverted });

type Chains = Readonly<Record<string, readonly (readonly Step[])[]>>;

/** The ends of chain `a`: the outcomes, and `accepts` and `falls`. */
function ends(
	chains: Chains,
	sets: Readonly<Record<string, KnownSet>> = {},
	p = P,
): string {
	const { outcomes, accepts, falls } = endsOf(
		knowing(chains, sets),
		chainNamed("a"),
		p,
		new Map(),
	);
	return [
		outcomesInWords([...outcomes]),
		accepts && "accepts",
		falls && "falls",
	]
		.filter(Boolean)
		.join(" ");
}

describe("verdicts", () => {
	test.each<[string, Chains, string]>([
		["an empty chain", { a: [] }, "falls"],
		["a rule that matches", { a: [[YES, to(1)], [to(2)]] }, "10.0.0.1"],
		["a rule that does not match", { a: [[NO, to(1)], [to(2)]] }, "10.0.0.2"],
		[
			"a rule that may match",
			{ a: [[MAYBE, to(1)], [to(2)]] },
			"10.0.0.1 10.0.0.2",
		],
		[
			"a rule that may match, and then nothing",
			{ a: [[MAYBE, to(1)]] },
			"10.0.0.1 falls",
		],
		["a rule without a verdict", { a: [[YES], [to(2)]] }, "10.0.0.2"],
		["accept", { a: [[ACCEPT], [to(2)]] }, "accepts"],
		[
			"accept in a chain that was called",
			{ a: [[jump("b")], [to(2)]], b: [[ACCEPT]] },
			"accepts",
		],
		["drop", { a: [[DROP], [to(2)]] }, "dropped"],
		["return", { a: [[RETURN], [to(2)]] }, "falls"],
		[
			"return to the caller",
			{ a: [[jump("b")], [to(2)]], b: [[RETURN], [to(1)]] },
			"10.0.0.2",
		],
		["the end of a chain", { a: [[jump("b")], [to(2)]], b: [] }, "10.0.0.2"],
		["goto does not come back", { a: [[goto("b")], [to(2)]], b: [] }, "falls"],
		[
			"goto in a chain that was called",
			{ a: [[jump("b")], [to(2)]], b: [[goto("c")], [to(1)]], c: [] },
			"10.0.0.2",
		],
		[
			"a verdict that is not understood",
			{ a: [[UNCLEAR], [to(2)]] },
			"10.0.0.2 unknown",
		],
		[
			"expressions after a verdict",
			{ a: [[MAYBE, ACCEPT, to(1)], [to(2)]] },
			"10.0.0.2 accepts",
		],
	])("%s", (_, chains, want) => expect(ends(chains)).toBe(want));
});

describe("targets in registers", () => {
	const A = constant(0, "0a000001");
	const B = constant(16, "0a000005");
	const rows: [string, readonly Step[], string][] = [
		["an address", [A, nat([0, 0])], "10.0.0.1"],
		[
			"an address and a port",
			[A, constant(4, "1f90"), nat([0, 0], [4, 4])],
			"10.0.0.1:8080",
		],
		[
			"ranges",
			[A, B, constant(4, "0050"), constant(8, "0051"), nat([0, 16], [4, 8])],
			"10.0.0.1-10.0.0.5:80-81",
		],
		["a range in the wrong order", [A, B, nat([16, 0])], "unknown"],
		[
			"ports in the wrong order",
			[A, constant(4, "0051"), constant(8, "0050"), nat([0, 0], [4, 8])],
			"unknown",
		],
		["an address that is not known", [unknown(0), nat([0, 0])], "unknown"],
		[
			"a port that is not known",
			[A, unknown(4), nat([0, 0], [4, 4])],
			"unknown",
		],
		[
			"a port alone",
			[constant(4, "1f90"), nat(undefined, [4, 4])],
			"203.0.113.1:8080",
		],
		[
			"the node's own address",
			[{ is: "redirect", ports: undefined }],
			"itself",
		],
		[
			"a port of the node itself",
			[constant(4, "1f90"), { is: "redirect", ports: { min: 4, max: 4 } }],
			"itself:8080",
		],
		[
			"a port of the node that is not known",
			[unknown(4), { is: "redirect", ports: { min: 4, max: 4 } }],
			"unknown",
		],
		[
			"an address of the other family",
			[A, nat([0, 0], undefined, 10)],
			"falls",
		],
		["an address of both families", [A, nat([0, 0], undefined, 1)], "10.0.0.1"],
	];
	test.each(rows)("%s", (_, steps, want) =>
		expect(ends({ a: [steps] })).toBe(want),
	);

	// each word of the address is drawn by itself (find_best_ips_proto)
	test.each([
		[
			"in the last word",
			"fd000000 00000000 00000000 00000009",
			"fd00::1-fd00::9",
		],
		["before the last word", "fd000000 00000000 00000001 00000009", "unknown"],
	])("a range of IPv6 that differs %s", (_, max, want) => {
		const steps = [
			constant(0, "fd000000 00000000 00000000 00000001"),
			constant(16, max),
			nat([0, 16], undefined, 10),
		];
		expect(
			ends({ a: [steps] }, {}, packetIn("udp fd07::7 > [fd03::1]:8125")),
		).toBe(want);
	});
});

describe("lookups", () => {
	const one = { key: hex("0001") };
	const rows: [string, readonly Step[], KnownSet, string][] = [
		[
			"a key of the set",
			[constant(0, "0001"), lookup("s", undefined), to(1)],
			{ elements: [one] },
			"10.0.0.1",
		],
		[
			"another key",
			[constant(0, "0002"), lookup("s", undefined), to(1)],
			{ elements: [one] },
			"falls",
		],
		[
			"a key of the set, inverted",
			[constant(0, "0001"), lookup("s", undefined, true), to(1)],
			{ elements: [one] },
			"falls",
		],
		[
			"another key, inverted",
			[constant(0, "0002"), lookup("s", undefined, true), to(1)],
			{ elements: [one] },
			"10.0.0.1",
		],
		[
			"a key that is not known",
			[unknown(0), lookup("s", undefined), to(1)],
			{ elements: [one] },
			"10.0.0.1 falls",
		],
		[
			"a set that changes, inverted",
			[constant(0, "0001"), lookup("s", undefined, true), to(1)],
			{ elements: [], shape: { changes: true } },
			"10.0.0.1 falls",
		],
		[
			"a map's data",
			[constant(0, "0001"), lookup("s", 16), nat([16, 16])],
			{ elements: [{ ...one, data: hex("0a000007") }] },
			"10.0.0.7",
		],
		[
			"a map's data, each in its own branch",
			[unknown(0), lookup("s", 16), nat([16, 16])],
			{
				elements: [
					{ ...one, data: hex("0a000007") },
					{ key: hex("0002"), data: hex("0a000008") },
				],
			},
			"10.0.0.7 10.0.0.8 falls",
		],
		[
			"a map's verdict",
			[constant(0, "0001"), lookup("s", -1)],
			{ elements: [{ ...one, data: DROP as never }] },
			"dropped",
		],
		[
			"a map's verdict to go on",
			[constant(0, "0001"), lookup("s", -1), to(1)],
			{ elements: [one] },
			"10.0.0.1",
		],
		[
			"a map of which packets learn",
			[constant(0, "0001"), lookup("s", 16), nat([16, 16])],
			{ elements: [], shape: { changes: true, grows: true } },
			"unknown falls",
		],
	];
	test.each(rows)("%s", (_, steps, set, want) =>
		expect(ends({ a: [steps] }, { s: set })).toBe(want),
	);
});

describe("the walk ends", () => {
	test("where chains call each other in a circle", () =>
		expect(
			ends({ a: [[jump("b")], [to(1)]], b: [[MAYBE, to(2)], [jump("a")]] }),
		).toBe("10.0.0.2"));
	test("where each chain is called many times", () => {
		const chains: Record<string, Step[][]> = { z: [[MAYBE, to(1)]] };
		const names = ["a", ...Array.from({ length: 40 }, (_, i) => `c${i}`), "z"];
		for (const [i, name] of names.slice(0, -1).entries())
			chains[name] = Array.from({ length: 9 }, () => [
				MAYBE,
				jump(names[i + 1] ?? ""),
			]);
		expect(ends(chains)).toBe("10.0.0.1 falls");
	});
	test("where lookups of keys that are not known follow each other", () => {
		const elements = Array.from({ length: 200 }, (_, i) => ({
			key: Uint8Array.of(0, i),
			data: Uint8Array.of(10, 0, 0, i),
		}));
		const steps = [
			unknown(0),
			lookup("s", 16),
			lookup("s", 20),
			lookup("s", 24),
			nat([24, 24]),
		];
		expect(ends({ a: [steps] }, { s: { elements } })).toContain("unknown");
	});
});

test("a chain does the same from wherever it is called", () => {
	const known = knowing({ a: [[jump("b")]], b: [[MAYBE, to(1)]] });
	const memory = new Map();
	const inner = endsOf(known, chainNamed("b"), P, memory);
	const outer = endsOf(known, chainNamed("a"), P, memory);
	expect([...outer.outcomes]).toEqual([...inner.outcomes]);
	expect(memory.size).toBe(2);
});
