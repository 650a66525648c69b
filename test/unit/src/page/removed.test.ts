// The timeline: its lines, its end, and its words where there is nothing.

import { expect, test } from "vitest";
import { type Bucket, MOST_BUCKETS } from "../../../../src/page/history.ts";
import { removedSection } from "../../../../src/page/removed.ts";
import { EPOCH } from "../../../support/fakehost.ts";
import { emptyHours, textOf } from "../../../support/unit/pages.ts";

const bucket = (nth: number, removed: Record<string, number> = {}): Bucket => ({
	nth,
	at: EPOCH + nth * 120_000,
	entries: 1,
	counted: {},
	removed: new Map(Object.entries(removed)),
});
const shown = (...buckets: Bucket[]): string =>
	removedSection({ ...emptyHours(), buckets }).html;

test("the newest first, with the reason in words and by whom", () =>
	expect(
		textOf(
			shown(
				bucket(0, { "DEL\ndead-pod\nudp": 3 }),
				bucket(1),
				bucket(2, { "flush\nno-dnat\ntcp": 1, "x\nconstructor\nudp": 2 }),
			),
		),
	).toContain(
		"Removed entries: 6, since 2023-11-14 22:13:20 UTC. From (UTC) Entries Why By " +
			"22:17 1 no-dnat (tcp) bypassed the pod's rule flush " +
			"22:17 2 constructor (udp) x " +
			"22:13 3 dead-pod (udp) led to a pod that ended DEL ",
	));

test("words of the spool are text", () => {
	const html = shown(bucket(0, { "<i>\n<b>\n<u>": 1 }));
	expect(html).not.toMatch(/<[ibu]>/);
	expect(textOf(html)).toContain("<b> (<u>) <i>");
});

test("nothing yet, and since when", () =>
	expect(textOf(shown(bucket(0)))).toContain(
		"Nothing was removed since the agent started, 2023-11-14 22:13:20 UTC.",
	));

test("nothing in all the time that is remembered", () => {
	const buckets = Array.from({ length: MOST_BUCKETS }, (_, i) => bucket(i + 5));
	expect(textOf(shown(...buckets))).toContain(
		"Nothing was removed since 2023-11-14 22:23:20 UTC.",
	);
});

test("so many lines at most", () => {
	const buckets = Array.from({ length: 40 }, (_, i) =>
		bucket(i, { "DEL\ndead-pod\nudp": 1 }),
	);
	const html = shown(...buckets);
	expect([...html.matchAll(/scope="row"/g)]).toHaveLength(30);
	expect(html).toContain("And 10 older lines.");
});

test("where nobody counts, it says who does", () =>
	expect(textOf(removedSection(undefined).html)).toContain(
		"hands its counts to the agent alone (install --watch)",
	));
