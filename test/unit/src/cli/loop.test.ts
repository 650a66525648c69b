// Duties recur, each after its own time, until a signal comes.

import { expect, test } from "vitest";
import { type Duty, repeat } from "../../../../src/cli/loop.ts";
import { fakeHost } from "../../../support/fakehost.ts";

/** Runs duties, each with its name, its pause and the time of its work. Returns the runs with their times. */
async function ran(
	until: number,
	...duties: readonly (readonly [string, number, number?])[]
): Promise<string[]> {
	const lines: string[] = [];
	const clock = { ms: 0 };
	const host = fakeHost({
		clock,
		signal: () => (clock.ms > until ? "SIGTERM" : undefined),
	});
	await repeat(
		host,
		duties.map(
			([name, everyMs, work = 0]): Duty => ({
				everyMs,
				run() {
					lines.push(`${clock.ms} ${name}`);
					clock.ms += work;
				},
			}),
		),
	);
	return lines;
}

test.each<[string, number, [string, number, number?][], string[]]>([
	[
		"each duty at once, and then after its time",
		40,
		[
			["a", 20],
			["b", 30],
		],
		["0 a", "0 b", "20 a", "30 b", "40 a"],
	],
	[
		"a duty whose time never comes runs once",
		40,
		[
			["a", Number.POSITIVE_INFINITY],
			["b", 20],
		],
		["0 a", "0 b", "20 b", "40 b"],
	],
	[
		"the time counts from the end of a run",
		40,
		[["a", 10, 15]],
		["0 a", "25 a"],
	],
	[
		"none runs while another one does",
		40,
		[
			["a", 100, 25],
			["b", 10],
		],
		["0 a", "25 b", "35 b"],
	],
	[
		"a signal in the middle of a round ends it",
		10,
		[
			["a", 100, 20],
			["b", 10],
		],
		["0 a"],
	],
	["a signal that is there already: nothing runs", -1, [["a", 10]], []],
])("%s", async (_, until, duties, want) =>
	expect(await ran(until, ...duties)).toEqual(want),
);

test("what a duty throws ends the loop", async () => {
	const failing: Duty = {
		everyMs: 1,
		run() {
			throw new Error("broken");
		},
	};
	await expect(repeat(fakeHost(), [failing])).rejects.toThrow("broken");
});
