// Reconciliation against the recorded attachments, with a table in memory.

import { describe, expect, test } from "vitest";
import type { Attachment, Mapping } from "../../../../src/policy/mapping.ts";
import {
	reconcile,
	reconcileAttachments,
} from "../../../../src/reconcile/reconcile.ts";
import { recorded } from "../../../../src/reconcile/recorded.ts";
import { deleteRecord, writeRecord } from "../../../../src/state/store.ts";
import { BOOKS } from "../../../support/book.ts";
import { errorMessage } from "../../../support/entries.ts";
import { recordsIn } from "../../../support/unit/calls.ts";
import {
	BOTH_NAT,
	DNAT,
	mapping,
	REPLIED,
} from "../../../support/unit/flows.ts";
import { attached, DIR, type Row, world } from "../../../support/unit/world.ts";

const { H2, Q, N } = BOOKS.IPv4;
const udp = mapping("IPv4", "udp");
const P = attached("p", udp);
/** The same hostPort, of one address of the node, to another pod. */
const ON_H2 = attached("n", { ...udp, hostIP: H2, podIP: N });

const to = (pod: string, n: number, dst = "H:8125"): Row => ({
	orig: `C:${n} > ${dst}`,
	reply: `${pod} > C:${n}`,
	status: DNAT,
});

describe("of the entries on a recorded hostPort", () => {
	test.each<[string, Attachment[], Row[], string[]]>([
		["what leads to the pod stays", [P], [to("P:5353", 1)], []],
		[
			"what leads there masqueraded stays",
			[P],
			[{ orig: "N:1 > H:8125", reply: "P:5353 > G:1", status: BOTH_NAT }],
			[],
		],
		[
			"through ports in a row each leads to its own",
			[
				attached("p", {
					...udp,
					hostPort: 8000,
					containerPort: 5228,
					count: 500,
				}),
			],
			[to("P:5353", 1), to("P:5354", 2), to("Q:1", 3), to("Q:1", 4, "H:8500")],
			["C:2 > H:8125", "C:3 > H:8125"],
		],
		[
			"what leads to a pod that is no more goes",
			[P],
			[to("Q:5353", 1)],
			["C:1 > H:8125"],
		],
		[
			"what leads to another port of the pod goes",
			[P],
			[to("P:53", 1)],
			["C:1 > H:8125"],
		],
		[
			"what was made while no rule was there goes",
			[P],
			[{ orig: "C:1 > H:8125" }],
			["C:1 > H:8125"],
		],
		[
			"what is in a zone goes with its zone",
			[P],
			[{ ...to("Q:5353", 1), zone: 7 }],
			["C:1 > H:8125"],
		],
		[
			"what passes by to another host stays",
			[P],
			[{ orig: "N:1 > S:8125" }, { orig: "P:2 > S:8125" }],
			[],
		],
		[
			"what leads to a Service on the same port stays",
			[P],
			[to("Q:53", 1, "V:8125")],
			[],
		],
		["another port's stay", [P], [to("Q:5353", 1, "H:8126")], []],
		[
			"another protocol's stay",
			[P],
			[{ ...to("Q:5353", 1), proto: "tcp" }],
			[],
		],
		[
			"a mapping of one address leaves the others alone",
			[ON_H2],
			[to("Q:5353", 1), to("Q:5353", 2, "H2:8125")],
			["C:2 > H2:8125"],
		],
		[
			"on an address that another mapping has too, each keeps its own: the older rule decides",
			[P, ON_H2],
			[
				to("N:5353", 1, "H2:8125"),
				to("P:5353", 2, "H2:8125"),
				to("Q:5353", 3, "H2:8125"),
			],
			["C:3 > H2:8125"],
		],
		[
			"of two pods with one hostPort, one going and one come, each keeps its own",
			[P, attached("q", { ...udp, podIP: Q })],
			[to("P:5353", 1), to("Q:5353", 2), to("N:5353", 3)],
			["C:3 > H:8125"],
		],
		[
			"of TCP only what a rule has sent elsewhere goes",
			[attached("p", mapping("IPv4", "tcp"))],
			[
				{ ...to("Q:5353", 1), proto: "tcp" },
				{ proto: "tcp", orig: "C:2 > H:8125" },
			],
			["tcp C:1 > H:8125"],
		],
		[
			"of SCTP also what no rule has sent, unless it is established",
			[attached("p", mapping("IPv4", "sctp"))],
			[
				{ ...to("Q:5353", 1), proto: "sctp" },
				{ proto: "sctp", orig: "C:2 > H:8125" },
				{ proto: "sctp", orig: "C:3 > H:8125", status: REPLIED },
			],
			["sctp C:1 > H:8125", "sctp C:2 > H:8125"],
		],
		[
			"IPv6 is judged by its own mapping",
			[P, attached("p6", mapping("IPv6", "udp"))],
			[
				{ ...to("Q:5353", 1), family: "IPv6" },
				{ ...to("P:5353", 2), family: "IPv6" },
				{ ...to("Q:5353", 3, "L:8125"), family: "IPv6" },
			],
			["C:1 > H:8125"],
		],
		["without records all stay", [], [to("Q:5353", 1)], []],
		[
			"a pod without mappings has no say",
			[{ ...attached("p"), podTargets: [udp] }],
			[to("Q:5353", 1)],
			[],
		],
	])("%s", async (_, records, rows, want) => {
		const { context, removed } = world(rows, records);
		const { deleted } = await reconcileAttachments(context);
		expect(removed()).toEqual(want);
		expect(deleted).toBe(want.length);
	});
});

test("what may be a pod's whose record cannot be read stays where no rules are known, and bypassing entries go", async () => {
	const { context, removed } = world(
		[to("P:5353", 1), to("Q:5353", 2), { orig: "C:3 > H:8125" }],
		[P],
		{ files: { [`${DIR}/net:broken:eth0.json`]: "{" } },
	);
	await reconcileAttachments(context);
	expect(removed()).toEqual(["C:3 > H:8125"]);
});

describe("a thousand mappings", () => {
	const many = Array.from(
		{ length: 1000 },
		(_, i): Mapping => ({
			...udp,
			hostPort: 10_000 + i,
		}),
	);
	test("are one pass over the table", async () => {
		const { context, kernel, removed } = world(
			[to("Q:5353", 1, "H:10999"), to("P:5353", 2, "H:10000")],
			many.map((m, i) => attached(`c${i}`, m)),
		);
		await reconcileAttachments(context);
		expect(removed()).toEqual(["C:1 > H:10999"]);
		expect(kernel.requests.filter((r) => r.type === 0x0101)).toHaveLength(1);
	});
});

describe("what happens while the table is read", () => {
	/** Reads two entries of a dead pod, 50 ms apart; `event` comes between. */
	const meanwhile = async (event: (w: ReturnType<typeof world>) => void) => {
		const rows = [to("Q:5353", 1), to("Q:5353", 2)];
		let calls = 0;
		const w: ReturnType<typeof world> = world(
			rows,
			// a port more, so that one whole dump costs less than two filtered ones
			[P, attached("x", { ...udp, hostPort: 1 })],
			{
				perDatagram: 1,
				recvMs: 50,
				answer: (request) => {
					if (request.type === 0x0101 && calls++ === 0) event(w);
					return undefined;
				},
			},
		);
		await reconcileAttachments(w.context);
		return w.removed();
	};
	test("nothing: the records are read once, and once for what a DEL could not finish", async () => {
		let host: ReturnType<typeof world>["host"] | undefined;
		await meanwhile((w) => {
			host = w.host;
		});
		const records = host?.calls.filter((c) => c.startsWith(`readFile ${DIR}`));
		expect(records).toHaveLength(2 * 2);
	});

	test.each<[string, (w: ReturnType<typeof world>) => void, string[]]>([
		["nothing: both go", () => {}, ["C:1 > H:8125", "C:2 > H:8125"]],
		[
			"the pod goes, its mapping has no say any more",
			({ host }) => deleteRecord(host, DIR, P),
			[],
		],
		[
			"the pod goes and another comes to the hostPort, to which the entries lead",
			({ host }) => {
				deleteRecord(host, DIR, P);
				writeRecord(host, DIR, attached("q", { ...udp, podIP: Q }));
			},
			[],
		],
		[
			"a pod of another port comes: both go",
			({ host }) =>
				writeRecord(host, DIR, attached("y", { ...udp, hostPort: 2 })),
			["C:1 > H:8125", "C:2 > H:8125"],
		],
	])("%s", async (_, event, want) => {
		expect(await meanwhile(event)).toEqual(want);
	});
});

test.each([
	// once more before each of the two goes
	["delete", 2 + 2],
	["count", 2],
] as const)(
	"a pass to %s reads the names of the records %i times",
	async (action, times) => {
		const rows = [to("Q:5353", 1), to("Q:5353", 2), to("P:5353", 3)];
		const others = [P, attached("x", { ...udp, hostPort: 1 })];
		const { context, host } = world(rows, others, {
			perDatagram: 1,
			recvMs: 50,
		});
		const report = await reconcile(context, [recorded(context)], action);
		expect(report.reasons).toEqual(new Map([["other-pod", 2]]));
		const looks = host.calls.filter((call) => call === `readDir ${DIR}`);
		expect(looks).toHaveLength(times);
	},
);

describe("the log", () => {
	test.each<[string, Row[], RegExp]>([
		["is silent when nothing was wrong", [to("P:5353", 1)], /^$/],
		[
			"has one line when something was",
			[to("P:5353", 1), to("Q:5353", 2)],
			/^level=info msg=flushed .*deleted=1 kept=1 gone=0 .*reasons=other-pod:1 .*\n$/,
		],
	])("%s", async (_, rows, want) => {
		const { context, host } = world(rows, [P]);
		await reconcileAttachments(context);
		expect(host.written(2)).toMatch(want);
	});

	test("says what failed", async () => {
		const { context, host, removed } = world([to("Q:5353", 1)], [P], {
			refuse: (protocol) => (protocol === 0 ? "EACCES" : undefined),
		});
		await reconcileAttachments(context);
		expect(removed()).toEqual([]);
		expect(host.written(2)).toMatch(/^level=warn msg="cannot flush" .*EACCES/);
	});
});

test("throws where the records cannot be read, and touches nothing", async () => {
	const { context, kernel } = world([to("Q:5353", 1)], [P], {
		fail: (call) => (call === "readDir" ? "EIO" : undefined),
	});
	await expect(reconcileAttachments(context)).rejects.toMatchObject({
		code: "EIO",
	});
	expect(kernel.requests).toEqual([]);
});

describe("what a DEL could not finish", () => {
	const UNFINISHED: Attachment = { ...P, unfinished: true };

	test("is finished, and its record forgotten", async () => {
		const w = world([to("P:5353", 1), to("Q:53", 2)], [UNFINISHED]);
		await reconcileAttachments(w.context);
		expect(w.removed()).toEqual(["C:1 > H:8125"]);
		expect(recordsIn(w.host)).toEqual([]);
	});

	test("is left to the next time where it fails again", async () => {
		const w = world([to("P:5353", 1)], [UNFINISHED], {
			answer: (r) => (r.protocol === 12 ? [errorMessage(1, r.seq)] : undefined),
		});
		await reconcileAttachments(w.context);
		expect(w.host.files.size).toBe(1);
		expect(w.host.written(2)).toContain("cannot finish what a DEL began");
	});

	test("has no say: what leads elsewhere is not stale for it", async () => {
		const w = world([to("Q:5353", 1)], [UNFINISHED]);
		await reconcileAttachments(w.context);
		expect(w.removed()).toEqual([]);
	});
});
