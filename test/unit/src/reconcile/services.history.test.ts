// The history of a loop: which claims of earlier documents still count in a pass.

import { describe, expect, test } from "vitest";
import {
	addVanished,
	type Claim,
	type History,
	NO_HISTORY,
	remember,
} from "../../../../src/reconcile/services.ts";
import { BOOKS } from "../../../support/book.ts";

const { V, P } = BOOKS.IPv4;

describe("from pass to pass", () => {
	const claim = (port: number): Claim => ({
		family: 2,
		proto: 17,
		ip: V,
		port,
		name: undefined,
		endpoints: new Map([[P, [5353]]]),
	});
	/** `53 54-`: a claim of port 53, and one of 54 without endpoints. */
	const show = (claims: readonly Claim[]): string =>
		claims
			.map(({ port, endpoints }) => `${port}${endpoints.size > 0 ? "" : "-"}`)
			.join(" ");
	const A = [claim(53)];
	const B = [claim(54)];
	const AB = [...A, ...B];
	test.each<[string, [doc: Claim[], done: boolean][], string[]]>([
		[
			"what stays is claimed as it is",
			[
				[AB, true],
				[AB, true],
			],
			["53 54", "53 54"],
		],
		[
			"what vanishes is claimed without endpoints, in two passes",
			[
				[AB, true],
				[A, true],
				[A, true],
				[A, true],
			],
			["53 54", "53 54-", "53 54-", "53"],
		],
		[
			"what comes again has its endpoints",
			[
				[AB, true],
				[A, true],
				[AB, true],
				[AB, true],
			],
			["53 54", "53 54-", "53 54", "53 54"],
		],
		[
			"a pass that failed is none",
			[
				[AB, true],
				[A, false],
				[A, true],
				[A, true],
				[A, true],
			],
			["53 54", "53 54-", "53 54-", "53 54-", "53"],
		],
		[
			"what came and vanished while passes failed is claimed too",
			[
				[A, false],
				[B, false],
				[B, true],
				[B, true],
				[B, true],
			],
			["53", "54 53-", "54 53-", "54 53-", "54"],
		],
		[
			"one that vanishes after another does not wait for it",
			[
				[AB, true],
				[A, true],
				[[claim(55)], true],
				[[claim(55)], true],
			],
			["53 54", "53 54-", "55 54- 53-", "55 53-"],
		],
	])("%s", (_, passes, want) => {
		let history: History = NO_HISTORY;
		const seen = passes.map(([now, done]) => {
			const claims = addVanished(history, now);
			history = remember(history, now, done);
			return show(claims);
		});
		expect(seen).toEqual(want);
	});
});
