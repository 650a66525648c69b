// What a verb asked, as a request: an ADD's and a DEL's searches.

import { describe, expect, test } from "vitest";
import type { Ask } from "../../../../src/flush/ask.ts";
import { flushAlone } from "../../../../src/flush/request.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { BOOKS } from "../../../support/book.ts";
import {
	ALL,
	GAP,
	MINE,
	mappingOfPod,
	other,
	POD,
	STALE,
	setUpPods,
} from "../../../support/unit/flushes.ts";

/** Has the entry that came to the node's other address. */
const NEIGHBOUR = other("n", {
	mappings: [{ ...mappingOfPod, hostIP: BOOKS.IPv4.H2, podIP: BOOKS.IPv4.N }],
});

const perform = async (
	verb: Ask["verb"],
	action: Ask["action"],
	...records: Parameters<typeof other>[]
) => {
	const recorded = records.map((args) => other(...args));
	const { context, removed, kernel } = setUpPods(ALL, [NEIGHBOUR, ...recorded]);
	const ask = { verb, action, attachment: POD };
	const report = await flushAlone(
		context,
		ask,
		new Deadline(context.host, 5000),
	);
	expect(report.error).toBeUndefined();
	return { removed: removed(), retired: [...kernel.retired], report };
};

describe("the request", () => {
	test("of an ADD removes what keeps traffic from the pod", async () => {
		const { removed } = await perform("ADD", "delete");
		expect(removed).toEqual([STALE.orig, GAP.orig]);
	});

	test("of a CHECK counts the same", async () => {
		const { removed, report } = await perform("ADD", "count");
		expect(removed).toEqual([]);
		expect(report.reasons.size).toBe(2);
	});

	test("of a DEL removes what leads to the pod", async () => {
		const { removed } = await perform("DEL", "delete");
		expect(removed).toEqual([MINE.orig]);
	});

	test("of a DEL may retire it", async () => {
		const { removed, retired } = await perform("DEL", { retireSeconds: 2 });
		expect(removed).toEqual([]);
		expect(retired).toEqual([[MINE.id, 2]]);
	});

	test("of a DEL spares what a later attachment has, and not what an earlier one had", async () => {
		const later = await perform("DEL", "delete", ["s", { added: 11 }]);
		expect(later.removed).toEqual([]);
		const earlier = await perform("DEL", "delete", ["s", { added: 9 }]);
		expect(earlier.removed).toEqual([MINE.orig]);
	});
});
