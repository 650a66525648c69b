// The healthy flows of test/support/unit/healthyrows.ts, judged by the predicate alone.

import { describe, expect, test } from "vitest";
import {
	deadOnDel,
	type Node,
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

describe.each(FAMILIES)("%s", (family) => {
	describe.each(PROTOS)("%s", (proto) => {
		const rows = HEALTHY.filter(
			({ only = family, protos = PROTOS }) =>
				only === family && protos.includes(proto),
		);
		test.each(rows)("$name", ({ flow, hostIP, ours, taken }) => {
			const m = mapping(family, proto, hostIP);
			const e = flowEntry(family, proto, flow);
			const node: Node = {
				isLocal,
				isServed: ({ orig }) =>
					taken !== undefined && orig.dst === BOOKS[family][taken],
			};
			expect(staleOnAdd(m, e, node)).toBeUndefined();
			expect(deadOnDel(m, e)).toBe(ours ? "dead-pod" : undefined);
		});
	});
});
