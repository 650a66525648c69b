// The answers to what no flag selects by.

import { expect, test } from "vitest";
import { refuse, refuseZone } from "../../../../src/cli/conntrackanswers.ts";
import { UsageError } from "../../../../src/cli/usage.ts";

/** Returns the commands of the answer, or undefined if there is none. */
function answer(
	given: Readonly<Record<string, string>>,
	words: readonly string[] = [],
	rest: readonly string[] = [],
): readonly string[] | undefined {
	try {
		refuse(new Map(Object.entries(given)), words, rest);
		return undefined;
	} catch (e) {
		if (e instanceof UsageError) return e.commands;
		throw e;
	}
}

test("what our words say needs no answer", () =>
	expect(
		answer({ "-s": "192.0.2.7", "-n": "203.0.113.1", "-p": "udp" }),
	).toBeUndefined());

test.each<[string, Record<string, string>, string]>([
	[
		"a mark",
		{ "-m": "0x10" },
		"list --all -o jsonl | jq -c 'select(.mark == 16)'",
	],
	["a mark with a mask", { "-m": "1/3" }, "list --all -o wide"],
	["a mark that is none", { "-m": "x" }, "list --all -o wide"],
	[
		"several status bits",
		{ "-u": "ASSURED,UNREPLIED" },
		`list --all -o jsonl | jq -c 'select((.status | index("ASSURED")) and (.status | index("SEEN_REPLY") | not))'`,
	],
	[
		"a status that would end the quotes",
		{ "-u": `x')"` },
		`list --all -o jsonl | jq -c 'select(.status | index("X"))'`,
	],
	[
		"a state that would end the quotes",
		{ "--state": "x'" },
		"list --all -o wide",
	],
	["a label", { "-l": "x" }, "list --all -o wide"],
	["a time", { "-t": "30" }, "list --all -o wide"],
	["NAT of any kind", { "-j": "192.0.2.7" }, "list --all -o wide"],
	["NAT of no address", { "-n": "" }, "list --all -o wide"],
	["a zone of one direction", { "--reply-zone": "9" }, "list --all --zone 9"],
	["a mask", { "--mask-dst": "255.0.0.0" }, "list --all"],
	["events", { "-e": "NEW" }, "list --all"],
])("%s is answered with a list", (_, given, want) =>
	expect(answer(given)).toEqual([want]),
);

test("the list has the other conditions, but nothing that is only for a removal", () =>
	expect(
		answer(
			{ "-m": "1" },
			["--from", "192.0.2.7", "--output", "json"],
			["-n", "--yes", "--host-ip", "203.0.113.1"],
		),
	).toEqual([
		"list --all --from 192.0.2.7 --host-ip 203.0.113.1 -o jsonl | jq -c 'select(.mark == 1)'",
	]));

test("a zone of a removal, unless it is the default one or none", () => {
	for (const words of ["flush --zone 0", "flush --zone=0 -n", "flush 53"])
		refuseZone(words.split(" "));
	expect(() => refuseZone(["flush", "-n", "--zone=9"])).toThrow(
		"zone 9 is here also that of one direction, which conntrack(8) leaves",
	);
});
