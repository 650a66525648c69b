// DEL and GC: the entries that lead to a pod that goes, against a table in memory.

import { describe, expect, test } from "vitest";
import type { Context } from "../../../../src/context.ts";
import { delSearch } from "../../../../src/flush/delsearch.ts";
import { flush } from "../../../../src/flush/flush.ts";
import { logReport, type Report } from "../../../../src/flush/report.ts";
import type { Action } from "../../../../src/flush/search.ts";
import { Shared } from "../../../../src/flush/shared.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import type { Attachment, PodTargets } from "../../../../src/policy/mapping.ts";
import { BOOKS } from "../../../support/book.ts";
import { errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import type { FakeKernelOptions } from "../../../support/fakekernel.ts";
import { natRules } from "../../../support/natrules.ts";
import {
	ALL,
	flow,
	MINE,
	mappingOfPod as m,
	other,
	setUpPods,
} from "../../../support/unit/flushes.ts";

const { H2, Q } = BOOKS.IPv4;
const NETLINK_NETFILTER = 12;
const DELETE = 0x0102;
/** A DELETE of one IPv4 entry is shorter than this, in bytes without the header. */
const FILTERED = 70;

/** Removes what leads to pods that go, or was begun by them. */
async function flushDead(
	context: Context,
	going: PodTargets,
	live: () => readonly Attachment[],
	action: Action,
): Promise<Report> {
	const { host, log } = context;
	const report = await flush(
		host,
		{ action, prepare: (shared) => delSearch(going, live(), shared, log) },
		log,
		new Deadline(host, 5000),
	);
	logReport(context, report);
	return report;
}

describe("what a DEL looks for", () => {
	const dying = { mappings: [m], podTargets: [] };

	test("removes what leads to the pod through its mapping, and nothing else", async () => {
		const { context, removed } = setUpPods(ALL);
		await flushDead(context, dying, () => [], "delete");
		expect(removed()).toEqual([MINE.orig]);
	});

	test("retires it where the rule still stands", async () => {
		const { context, removed, kernel } = setUpPods(ALL);
		await flushDead(context, dying, () => [], { retireSeconds: 2 });
		expect(removed()).toEqual([]);
		expect([...kernel.retired]).toEqual([[MINE.id, 2]]);
	});

	test.each<[string, Attachment[], boolean]>([
		["nobody has taken over", [], true],
		["a successor has the address and the mapping", [other("s", {})], false],
		[
			"a successor has the address, but another mapping",
			[other("s", { mappings: [{ ...m, hostPort: 53 }] })],
			true,
		],
		[
			"a successor has the mapping at another address",
			[other("s", { mappings: [{ ...m, podIP: Q }] })],
			true,
		],
	])("%s: removed %s", async (_, live, want) => {
		const { context, removed } = setUpPods([MINE]);
		await flushDead(context, dying, () => live, "delete");
		expect(removed()).toEqual(want ? [MINE.orig] : []);
	});

	describe("a successor has the address, and the port on one address of the node", () => {
		const narrow = other("s", { mappings: [{ ...m, hostIP: H2 }] });
		const theirs = flow({ orig: "C:10 > H2:8125", reply: "P:5353 > C:10" });
		/** A kernel that can flush with a filter. */
		const willing: FakeKernelOptions = {
			answer: (r) =>
				r.protocol === NETLINK_NETFILTER &&
				r.type === DELETE &&
				r.payload.length > FILTERED
					? [errorMessage(0, r.seq)]
					: undefined,
		};

		test.each<[string, Action]>([
			["deleted", "delete"],
			["retired", { retireSeconds: 2 }],
		])("what comes there stays, the rest is %s", async (_, action) => {
			const { context, removed, kernel } = setUpPods(
				[MINE, theirs],
				[],
				willing,
			);
			const report = await flushDead(context, dying, () => [narrow], action);
			const retired = [...kernel.retired.keys()];
			const left = removed().length > 0 ? removed() : retired;
			expect(left).toEqual([action === "delete" ? MINE.orig : MINE.id]);
			expect(report).toMatchObject({ kept: 1, error: undefined });
		});

		test("the kernel is not asked to flush, since it knows no exceptions", async () => {
			const { context } = setUpPods([MINE, theirs], [], willing);
			const report = await flushDead(context, dying, () => [narrow], "delete");
			expect(report.how).toBe("filtered-dump");
			// it is asked to if no live pod has the address
			const alone = setUpPods([MINE, theirs], [], willing);
			expect(
				await flushDead(alone.context, dying, () => [], "delete"),
			).toMatchObject({
				how: "kernel-flush",
			});
		});
	});

	describe("what the pod began from its hostPort", () => {
		const begun = flow({ orig: "P:8125 > S:41234", reply: "S:41234 > H:8125" });
		const to53 = flow({ orig: "P:8126 > S:53", reply: "S:53 > H:8126" });
		const theirs = flow({ orig: "N:9 > S:41234", reply: "S:41234 > H:8125" });
		const client = flow({ orig: "C:8125 > S:80" });
		const table = [...ALL, begun, to53, theirs, client];

		test("goes with what leads to the pod, and is counted by its own reason", async () => {
			const { context, removed } = setUpPods(table);
			const report = await flushDead(context, dying, () => [], "delete");
			expect(removed()).toEqual([MINE.orig, begun.orig]);
			expect(Object.fromEntries(report.reasons)).toEqual({
				"dead-pod": 1,
				"begun-by-pod": 1,
			});
			// of ALL, those that stay; what replies come to is not counted
			expect(report.kept).toBe(4);
		});

		test("is retired where the rule still stands, because the rule would send the peer to the pod again", async () => {
			const { context, removed, kernel } = setUpPods(table);
			await flushDead(context, dying, () => [], { retireSeconds: 2 });
			expect(removed()).toEqual([]);
			expect([...kernel.retired.keys()]).toEqual([MINE.id, begun.id]);
		});

		test.each<[string, Attachment[], boolean]>([
			[
				"a live pod has the address, but another mapping",
				[other("s", { mappings: [{ ...m, hostPort: 53 }] })],
				false,
			],
			[
				"a live pod has the address, without a mapping",
				[other("s", { mappings: [], podTargets: [m] })],
				false,
			],
			[
				"a live pod has the mapping at another address",
				[other("s", { mappings: [{ ...m, podIP: Q }] })],
				true,
			],
		])("%s: removed %s", async (_, live, want) => {
			const { context, removed } = setUpPods([begun]);
			await flushDead(context, dying, () => live, "delete");
			expect(removed()).toEqual(want ? [begun.orig] : []);
		});

		test("stays if the pod's ports are not known", async () => {
			const { context, removed } = setUpPods([begun]);
			const pod = { mappings: [], podTargets: [m] };
			await flushDead(context, pod, () => [], "delete");
			expect(removed()).toEqual([]);
		});

		test("is found in a large table, by one dump of the protocol or of all", async () => {
			const many = Array.from({ length: 5000 }, (_, n) =>
				flow({ orig: `C:${1000 + n} > S:53` }),
			);
			const { context, kernel } = setUpPods([...many, begun]);
			const report = await flushDead(context, dying, () => [], "delete");
			expect(kernel.left()).toEqual(many.map(({ id }) => id));
			expect(report.scanned.entries).toBe(5001);
		});
	});

	describe("a live attachment whose ports are not known", () => {
		const { podIP } = m;
		const target = { family: m.family, proto: m.proto, podIP };
		const vague = other("v", { mappings: [], vague: true });

		test.each<[string, Attachment, string[], boolean]>([
			[
				"has the address: what the rules lead there stays",
				{ ...vague, podTargets: [target] },
				["udp local:8125 > 10.88.0.2:5353"],
				false,
			],
			[
				"has the address: what the rules lead nowhere goes",
				{ ...vague, podTargets: [target] },
				["udp local:53 > 10.88.0.2:5353"],
				true,
			],
			[
				"has another address",
				{ ...vague, podTargets: [{ ...target, podIP: Q }] },
				["udp local:8125 > 10.88.0.2:5353"],
				true,
			],
		])("%s", async (_, live, lines, want) => {
			const { context, removed } = setUpPods([MINE], [], {
				rules: natRules(...lines),
			});
			await flushDead(context, dying, () => [live], "delete");
			expect(removed()).toEqual(want ? [MINE.orig] : []);
		});

		test("has the address, and the rules cannot be read: what leads there stays", async () => {
			const { context, removed } = setUpPods([MINE]);
			const live = { ...vague, podTargets: [target] };
			await flushDead(context, dying, () => [live], "delete");
			expect(removed()).toEqual([]);
		});
	});

	describe("of ports in a row", () => {
		const row = { ...m, hostPort: 8000, containerPort: 5228, count: 500 };
		const own = flow({ orig: "C:1 > H:8499", reply: "P:5727 > C:1" });
		const moved = flow({ orig: "C:2 > H:8499", reply: "P:5726 > C:2" });
		const outside = flow({ orig: "C:3 > H:8500", reply: "P:5728 > C:3" });
		const begun = flow({ orig: "P:8250 > S:1", reply: "S:1 > H:8250" });
		const going = { mappings: [row], podTargets: [] };
		const table = [...ALL, own, moved, outside, begun];

		test("removes what leads through one of them to its own port, and what it began", async () => {
			const { context, removed } = setUpPods(table);
			await flushDead(context, going, () => [], "delete");
			expect(removed()).toEqual([MINE.orig, own.orig, begun.orig]);
		});

		test("the living one of two owners keeps what is its own", async () => {
			const { context, removed } = setUpPods(table);
			const heir = other("s", { mappings: [{ ...row, count: 100 }] });
			await flushDead(context, going, () => [heir], "delete");
			// 8125 is no port of the heir, and whose the other is cannot be told
			expect(removed()).toEqual([MINE.orig, own.orig]);
		});
	});

	test("ten thousand mappings beside as many of others cost no more than both together", () => {
		const host = fakeHost();
		const many = (podIP: string) =>
			Array.from({ length: 10_000 }, (_, i) => ({
				...m,
				podIP,
				hostPort: 2 * i + 1,
			}));
		let looks = 0;
		/** Counts each look at an address. */
		const counted = many(Q).map((mapping) => ({
			...mapping,
			get podIP() {
				looks++;
				return Q;
			},
		}));
		const live = [other("a", { mappings: counted })];
		delSearch(
			{ mappings: many(m.podIP), podTargets: [] },
			live,
			new Shared(host, new Deadline(host, 5000)),
			() => {},
		);
		expect(looks).toBeLessThanOrEqual(2 * counted.length);
	});

	test("of a pod without mappings removes what any rule sends to it", async () => {
		const direct = flow({ orig: "C:7 > P:5353" });
		const out = flow({ orig: "P:8 > S:53" });
		const service = flow({ orig: "C:9 > V:80", reply: "P:5353 > C:9" });
		const { context, removed } = setUpPods([...ALL, direct, out, service]);
		await flushDead(
			context,
			{ mappings: [], podTargets: [m] },
			() => [],
			"delete",
		);
		expect(removed()).toEqual([MINE.orig, service.orig]);
	});

	test.each<[string, Attachment, number]>([
		["with the address by mapping", other("s", {}), 0],
		[
			"with the address as a pod",
			other("s", { mappings: [], podTargets: [m] }),
			0,
		],
		["with another address", other("s", { mappings: [{ ...m, podIP: Q }] }), 1],
	])("of a pod without mappings, a successor %s", async (_, live, want) => {
		const { context, removed } = setUpPods([MINE]);
		await flushDead(
			context,
			{ mappings: [], podTargets: [m] },
			() => [live],
			"delete",
		);
		expect(removed()).toHaveLength(want);
	});

	test("never throws: what fails is in the report and in the log", async () => {
		const { context, host } = setUpPods([MINE], [], {
			refuse: () => "EPROTONOSUPPORT",
		});
		const report = await flushDead(context, dying, () => [], "delete");
		expect(report?.error).toMatchObject({ code: "EPROTONOSUPPORT" });
		expect(host.written(2)).toMatch(
			/^level=warn msg="cannot flush" .*EPROTONOSUPPORT/,
		);
	});
});
