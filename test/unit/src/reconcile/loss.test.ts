// What a loop believes of documents that lose backends.

import { expect, test } from "vitest";
import {
	type Believed,
	believe,
	NOTHING_YET,
} from "../../../../src/reconcile/loss.ts";
import type { Claim } from "../../../../src/reconcile/services.ts";

/** `53:1,2 54:? 55`: port 53 with two endpoints, 54 whose endpoints are not known, 55 without any. */
function claims(text: string): Claim[] {
	return text
		.split(" ")
		.filter(Boolean)
		.map((word) => {
			const [port, ends = ""] = word.split(":");
			return {
				family: 2,
				proto: 17,
				ip: "10.96.0.10",
				port: Number(port),
				name: undefined,
				isPartial: ends === "?",
				endpoints: new Map(
					ends
						.split(",")
						.filter((n) => n !== "" && n !== "?")
						.map((n) => [`10.88.0.${n}`, [5353]]),
				),
			};
		});
}
const show = (all: readonly Claim[]): string =>
	all
		.map(({ port, endpoints, isPartial }) => {
			const ends = [...endpoints.keys()].map((ip) => ip.split(".").at(-1));
			return [port, isPartial ? "?" : ends.sort().join()]
				.filter((x) => x !== "")
				.join(":");
		})
		.sort()
		.join(" ");

const FULL = "53:1,2,3,4 54:1,2,3,4";
test.each<[string, string[], string[], (string | undefined)[]]>([
	["the first document is believed", [FULL], [FULL], [undefined]],
	[
		"a quarter is believed at once",
		[FULL, "53:1,2 54:1,2,3,4"],
		[FULL, "53:1,2 54:1,2,3,4"],
		[undefined, undefined],
	],
	[
		"one alone is believed, whatever its part",
		["53:1", "53"],
		["53:1", "53"],
		[undefined, undefined],
	],
	[
		"more counts once more, and then is gone",
		[FULL, "53:1 54:1,2,3,4", "53:1 54:1,2,3,4"],
		[FULL, FULL, "53:1 54:1,2,3,4"],
		[undefined, "3/8", undefined],
	],
	[
		"Services that vanish are held with their endpoints",
		[FULL, "54:1,2,3,4", FULL],
		[FULL, FULL, FULL],
		[undefined, "4/8", undefined],
	],
	[
		"what comes back has to be missing twice again",
		[FULL, "53:1", FULL, "53:1", "53:1"],
		[FULL, FULL, FULL, FULL, "53:1"],
		[undefined, "7/8", undefined, "7/8", undefined],
	],
	[
		"of two losses one after another each is missing twice",
		[FULL, "54:1,2,3,4", "53:1,2,3,4", "53:1,2,3,4"],
		[FULL, FULL, FULL, "53:1,2,3,4"],
		[undefined, "4/8", "4/8", undefined],
	],
	[
		"what is new counts at once",
		[FULL, "55:9"],
		[FULL, `${FULL} 55:9`],
		[undefined, "8/8"],
	],
	[
		"endpoints that are not known are not missing",
		[FULL, "53:? 54:?"],
		[FULL, "53:? 54:?"],
		[undefined, undefined],
	],
	[
		"a Service whose endpoints are not known is a backend",
		["53:? 54:? 55:?", "53:?", "53:?"],
		["53:? 54:? 55:?", "53:? 54:? 55:?", "53:?"],
		[undefined, "2/3", undefined],
	],
	[
		"nothing at all is believed in the second document",
		[FULL, "", ""],
		[FULL, FULL, ""],
		[undefined, "8/8", undefined],
	],
])("%s", (_, documents, want, lacks) => {
	let before: Believed = NOTHING_YET;
	const seen = documents.map((text) => {
		before = believe(before, claims(text));
		return before;
	});
	expect(seen.map((b) => show(b.claims))).toEqual(want);
	expect(seen.map(({ lack }) => lack && `${lack.missing}/${lack.of}`)).toEqual(
		lacks,
	);
});
