// The healthy flows of test/support/unit/healthyrows.ts, judged by the predicate alone.

import { describe, expect, test } from "vitest";
import {
	deadOnDel,
	servedBy,
	staleOnAdd,
} from "../../../../src/policy/stale.ts";
import { BOOKS, isLocal } from "../../../support/book.ts";
import {
	FAMILIES,
	flowEntry,
	mapping,
	PROTOS,
} from "../../../support/unit/flows.ts";
import { HEALTHY } from "../../../support/unit/healthyrows.ts";
import { attached } from "../../../support/unit/world.ts";

describe.each(FAMILIES)("%s", (family) => {
	describe.each(PROTOS)("%s", (proto) => {
		const rows = HEALTHY.filter(
			({ only = family, protos = PROTOS }) =>
				only === family && protos.includes(proto),
		);
		test.each(rows)("$name", ({ flow, hostIP, ours, taken }) => {
			const m = mapping(family, proto, hostIP);
			const e = flowEntry(family, proto, flow);
			const found = staleOnAdd(m, e, isLocal);
			expect(deadOnDel(m, e)).toBe(ours ? "dead-pod" : undefined);
			expect(found).toBe(taken === undefined ? undefined : "other-pod");
			if (taken === undefined) return;
			// the rules have the last word; where they are not known, the record spares it
			const { [taken]: held, N } = BOOKS[family];
			const holder = attached("n", { ...m, hostIP: held, podIP: N });
			expect(servedBy([holder])(e)).toBe(true);
		});
	});
});
