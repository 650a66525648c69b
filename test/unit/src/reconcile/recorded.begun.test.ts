// Reconciliation of entries that a pod began from its hostPort before it left: they go if
// libcni's cache proves that nobody has its address.

import { describe, expect, test } from "vitest";
import { IPPROTO_UDP } from "../../../../src/net/proto.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { reconcile } from "../../../../src/reconcile/reconcile.ts";
import { recorded } from "../../../../src/reconcile/recorded.ts";
import { BOOKS } from "../../../support/book.ts";
import { natRules } from "../../../support/natrules.ts";
import { DNAT, mapping } from "../../../support/unit/flows.ts";
import {
	attached,
	CACHE,
	cachedFile,
	DIR,
	type Row,
	world,
} from "../../../support/unit/world.ts";

const { Q } = BOOKS.IPv4;
const P = attached("p", mapping("IPv4", "udp"));
const BEGUN: Row = {
	orig: "Q:5353 > S:41234",
	reply: "S:41234 > H:8125",
	status: ["SRC_NAT"],
};
const LEFT = { [`${DIR}/departed`]: `[5,"ns/q",["${Q}"]]\n` };
const NOW = 3_600_000;

async function reconciled(
	rows: readonly Row[],
	cached: readonly Attachment[] | undefined,
	files: Readonly<Record<string, string>> = LEFT,
	records: readonly Attachment[] = [P],
) {
	const w = world(rows, records, {
		now: NOW,
		rules: natRules("udp local:8125 > 10.88.0.2:5353"),
		files: Object.assign(
			{},
			files,
			...(cached ?? []).map((a) => cachedFile(a)),
		),
	});
	const found: (string | undefined)[] = [];
	const cache = cached && { dir: CACHE, protocols: [IPPROTO_UDP] as const };
	const report = await reconcile(
		w.context,
		[recorded(w.context, cache)],
		"delete",
		(_, reason, owner) => found.push(`${reason} ${owner}`),
	);
	expect(report.error).toBeUndefined();
	return { removed: w.removed(), found, report };
}

test("they go, and the pod that has the port now is named", async () => {
	const { removed, found, report } = await reconciled([BEGUN], [P]);
	expect(removed).toEqual([BEGUN.orig]);
	expect(found).toEqual(["begun-by-pod ns/p"]);
	expect(report.reasons).toEqual(new Map([["begun-by-pod", 1]]));
});

test("beside what the pod's clients sent to the pod before it", async () => {
	const toOld: Row = {
		orig: "C:1 > H:8125",
		reply: "Q:5353 > C:1",
		status: DNAT,
	};
	const healthy: Row = {
		...toOld,
		orig: "C:2 > H:8125",
		reply: "P:5353 > C:2",
	};
	const { removed } = await reconciled([BEGUN, toOld, healthy], [P]);
	expect(removed).toEqual([BEGUN.orig, toOld.orig]);
});

describe("they stay", () => {
	const q = attached("q", { ...mapping("IPv4", "udp"), podIP: Q, hostPort: 1 });
	test.each<[string, Parameters<typeof reconciled>]>([
		[
			"if a pod without hostPorts has the address",
			[[BEGUN], [P], { ...LEFT, ...cachedFile(q, { plugin: "bridge" }) }],
		],
		["without libcni's cache", [[BEGUN], undefined]],
		["if the cache is empty", [[BEGUN], []]],
		[
			"if the cache does not know the pod that has the port",
			[[BEGUN], [attached("x", { ...mapping("IPv4", "udp"), hostPort: 2 })]],
		],
		["if the address has not left", [[BEGUN], [P], {}]],
		["if a pod has the address, which is cached", [[BEGUN], [P, q]]],
		[
			"if a pod has the address, whose ADD has not ended yet",
			[[BEGUN], [P], LEFT, [P, { ...q, added: NOW - 1 }]],
		],
		[
			"if their replies come to another port",
			[[{ ...BEGUN, reply: "S:41234 > H:8126" }], [P]],
		],
		[
			"if their replies come to an address of another machine",
			[[{ ...BEGUN, reply: "S:41234 > V:8125" }], [P]],
		],
	])("%s", async (_, args) => {
		expect((await reconciled(...args)).removed).toEqual([]);
	});
});
