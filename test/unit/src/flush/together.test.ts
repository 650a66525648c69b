// Several requests in one pass: who gets which entry, and what each report says.

import { describe, expect, test } from "vitest";
import type { Entry } from "../../../../src/conntrack/entry.ts";
import { failureOf } from "../../../../src/flush/report.ts";
import type {
	Action,
	Confirm,
	Request,
	Search,
} from "../../../../src/flush/search.ts";
import { flushTogether } from "../../../../src/flush/together.ts";
import type { IP } from "../../../../src/net/ip.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernel,
	type FakeKernelOptions,
	fakeKernel,
} from "../../../support/fakekernel.ts";
import {
	FILTER,
	flow,
	GET,
	mappingOfPod,
	PORT,
	STALE,
	setUpPods,
} from "../../../support/unit/flushes.ts";
import { DELETE } from "../../../support/unit/tables.ts";

/** A DELETE of one IPv4 entry is shorter than this, in bytes without the header. */
const FILTERED = 70;
/** Entries of two hostPorts, each to a pod of its own. */
const TO = ["10.88.0.2", "10.88.0.9"] as const;
const ENTRIES = [8125, 53].flatMap((port, p) =>
	TO.map((_, n) =>
		flow({
			orig: `C:${1000 * p + n} > H:${port}`,
			reply: `${["P", "Q"][n]}:5353 > C:${1000 * p + n}`,
		}),
	),
);

/** Every entry of the port that leads there has to go. */
const leadingTo =
	(...pods: readonly IP[]) =>
	(e: Entry) =>
		pods.includes(e.reply.src) ? ("dead-pod" as const) : undefined;

const request = (
	hostPort: number | null,
	judge: Search["judge"],
	change: Partial<Search> & { readonly action?: Action } = {},
): Request => ({
	action: change.action ?? "delete",
	prepare: () => ({
		ports: [{ ...PORT, hostPort }],
		isCacheable: true,
		judge,
		...change,
	}),
});

async function run(
	requests: readonly Request[],
	options: FakeKernelOptions = {},
	files: Readonly<Record<string, string>> = {},
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, entries: ENTRIES, ...options });
	const host = fakeHost({ clock, netlink: kernel.netlink, files });
	const deadline = new Deadline(host, 5000);
	const reports = await flushTogether(host, requests, () => {}, deadline);
	expect(kernel.open(), "sockets left open").toBe(0);
	const left = ENTRIES.filter(({ id = 0 }) => kernel.left().includes(id));
	return { kernel, reports, left };
}

describe("requests of different ports", () => {
	test("are served by one dump, each by its own judge", async () => {
		const { reports, left, kernel } = await run([
			request(8125, leadingTo(TO[1])),
			request(53, leadingTo(TO[0])),
		]);
		expect(kernel.requests.filter((r) => r.type === GET)).toHaveLength(1);
		expect(reports.map((r) => r.deleted)).toEqual([1, 1]);
		expect(left).toEqual([ENTRIES[0], ENTRIES[3]]);
		for (const { shared, error, scanned } of reports)
			expect({ shared, error, entries: scanned.entries }).toEqual({
				shared: 2,
				error: undefined,
				entries: 4,
			});
	});

	test("keep together what all of them keep, which the first report counts", async () => {
		const { reports } = await run([
			request(8125, leadingTo(TO[1])),
			request(53, () => undefined),
		]);
		expect(reports.map((r) => r.kept)).toEqual([3, 0]);
	});

	test("delete and retire in one pass", async () => {
		const { reports, kernel } = await run([
			request(8125, leadingTo(TO[1]), { action: { retireSeconds: 2 } }),
			request(53, leadingTo(TO[1])),
		]);
		expect(reports.map((r) => [r.deleted, r.retired])).toEqual([
			[0, 1],
			[1, 0],
		]);
		expect([...kernel.retired]).toEqual([[ENTRIES[1]?.id, 2]]);
	});

	test("and one of every port of its protocol", async () => {
		const { reports, left } = await run([
			request(null, leadingTo(TO[0])),
			request(53, leadingTo(TO[1])),
		]);
		expect(reports.map((r) => r.deleted)).toEqual([2, 1]);
		expect(left).toEqual([ENTRIES[1]]);
	});
});

describe("an entry that several want", () => {
	const all = leadingTo(...TO);
	const retire = { action: { retireSeconds: 2 } } as const;

	test.each<[string, Request[], number[][]]>([
		[
			"is deleted rather than retired, whoever comes first",
			[request(8125, all, retire), request(8125, all)],
			[
				[0, 0],
				[2, 0],
			],
		],
		[
			"is removed by one that removes before it is counted by one that counts",
			[request(8125, all, { action: "count" }), request(8125, all)],
			[
				[0, 0],
				[2, 0],
			],
		],
		[
			"is the first's of two that want the same",
			[request(8125, all), request(8125, all)],
			[
				[2, 0],
				[0, 0],
			],
		],
	])("%s", async (_, requests, counts) => {
		const { reports } = await run(requests);
		expect(reports.map((r) => [r.deleted, r.retired])).toEqual(counts);
		expect(reports.map((r) => r.reasons.get("dead-pod") ?? 0)).toEqual(
			counts.map(([deleted = 0, retired = 0]) => deleted + retired),
		);
	});

	const sparing: Confirm = async () => [];
	const standing: Confirm = async (removals) => removals;
	test("is the next one's if the first's confirmation spares it, with that one's reason", async () => {
		const { reports, left } = await run([
			request(8125, all, { confirm: async () => sparing }),
			request(8125, () => "other-pod", { confirm: async () => standing }),
		]);
		expect(reports.map((r) => r.keptByRules)).toEqual([2, 0]);
		expect(reports.map((r) => [...r.reasons])).toEqual([
			[],
			[["other-pod", 2]],
		]);
		expect(left).toHaveLength(2);
	});

	test("stays if every one of them spares it", async () => {
		const spared = request(8125, all, { confirm: async () => sparing });
		const { reports, left } = await run([spared, spared]);
		expect(reports.map((r) => r.keptByRules)).toEqual([2, 2]);
		expect(left).toHaveLength(4);
	});
});

test("an entry that one wants for the port of its replies is of no kind in another's dump", async () => {
	/** A pod that goes, and others, ask one server; the replies to the first come to its hostPort. */
	const asked = (sport: number) =>
		flow({ orig: `P:${sport} > S:53`, reply: `S:53 > H:${sport}` });
	const entries = [5060, 40_001, 40_002].map(asked);
	const begun = (e: Entry) =>
		e.reply.dport === 5060 ? ("begun-by-pod" as const) : undefined;
	const going = request(5060, begun);
	const { kernel, reports } = await run(
		[
			request(53, () => undefined),
			{
				...going,
				prepare: () => ({
					ports: [
						{ ...PORT, hostPort: 5060 },
						{ ...PORT, hostPort: 5060, side: "reply" },
					],
					isCacheable: true,
					judge: begun,
				}),
			},
		],
		{ entries },
		// a dump for each port is cheaper than a scan
		{ "/proc/sys/net/netfilter/nf_conntrack_buckets": "16" },
	);
	expect(reports[0]?.how).toBe("filtered-dump");
	expect(reports.map((r) => r.deleted)).toEqual([0, 1]);
	expect(kernel.left()).toEqual(entries.slice(1).map(({ id }) => id));
});

describe("filters of the kernel", () => {
	const willing: FakeKernelOptions = {
		answer: (r) =>
			r.type === DELETE && r.payload.length > FILTERED
				? [errorMessage(0, r.seq)]
				: undefined,
	};
	const filtered = ({ requests }: FakeKernel): number =>
		requests.filter((r) => r.type === DELETE && r.payload.length > FILTERED)
			.length;

	test("are not used if one request has none", async () => {
		const { reports } = await run([
			request(8125, leadingTo(TO[1]), { filters: [FILTER] }),
			request(53, leadingTo(TO[1])),
		]);
		expect(reports.map((r) => [r.how, r.deleted])).toEqual([
			["scan", 1],
			["scan", 1],
		]);
	});

	test("are not used if one request retires", async () => {
		const { reports } = await run([
			request(8125, leadingTo(TO[1]), { filters: [FILTER] }),
			request(53, leadingTo(TO[1]), {
				filters: [FILTER],
				action: { retireSeconds: 2 },
			}),
		]);
		expect(reports[0]?.how).toBe("scan");
	});

	test("are used if all have some, and each counts what its own took", async () => {
		const other = { ...FILTER, origDport: 53 };
		const { reports, kernel } = await run(
			[
				request(8125, leadingTo(TO[1]), { filters: [FILTER] }),
				request(53, leadingTo(TO[1]), { filters: [other] }),
			],
			willing,
		);
		expect(reports.map((r) => r.how)).toEqual(["kernel-flush", "kernel-flush"]);
		expect(filtered(kernel)).toBe(2);
	});
});

describe("trouble", () => {
	test("of the pass is in every report", async () => {
		const { reports } = await run(
			[request(8125, leadingTo(TO[1])), request(53, leadingTo(TO[1]))],
			{ answer: ({ type }) => (type === GET ? [] : undefined) },
		);
		for (const { error } of reports)
			expect(String(error)).toMatch(/gave up after \d+ ms/);
	});

	test("of one who prepares is in its own report alone", async () => {
		const { reports, left } = await run([
			request(8125, leadingTo(TO[1])),
			{
				action: "delete",
				prepare: () => Promise.reject(new Error("no addresses")),
			},
		]);
		expect(reports.map(({ error }) => error && String(error))).toEqual([
			undefined,
			"Error: no addresses",
		]);
		expect(left).toHaveLength(3);
	});

	test("an empty table is not prepared for", async () => {
		const prepare = () => expect.fail("prepared");
		const { reports } = await run([{ action: "delete", prepare }], {
			entries: [],
		});
		expect(reports[0]).toMatchObject({ how: "nothing", error: undefined });
		expect(reports[0]?.shared).toBeUndefined();
	});
});

test("where the memory is used up, which may be said with null, every report has the failure", async () => {
	const { context, host } = setUpPods([STALE]);
	const judge = (): never => {
		throw null;
	};
	const request = {
		action: "delete",
		prepare: () => ({ ports: [mappingOfPod], judge }),
	} as const;
	const reports = await flushTogether(
		host,
		[request, request],
		context.log,
		new Deadline(host, 5000),
	);
	for (const report of reports)
		expect(String(failureOf(report))).toContain("out of memory");
});
