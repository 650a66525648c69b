// Reconciliation with libcni's cache beside the records: pods that came and went
// while the plugin was not in the chain.

import { describe, expect, test } from "vitest";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../../../src/net/proto.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import {
	reconcile,
	reconcileAttachments,
} from "../../../../src/reconcile/reconcile.ts";
import { recorded } from "../../../../src/reconcile/recorded.ts";
import { recordedAttachments } from "../../../../src/state/inventory.ts";
import type { CacheSource } from "../../../../src/state/liveness.ts";
import { BOOKS } from "../../../support/book.ts";
import { DNAT, mapping } from "../../../support/unit/flows.ts";
import {
	attached,
	CACHE,
	cachedFile,
	DIR,
	type Row,
	type World,
	world,
} from "../../../support/unit/world.ts";

const { H2, N, Q } = BOOKS.IPv4;
const udp = mapping("IPv4", "udp");
const tcp = mapping("IPv4", "tcp");
/** A pod that was there before, and one that has come to its hostPort. */
const OLD = attached("old", udp);
const NEW = attached("new", { ...udp, podIP: Q });
const OTHER = attached("other", { ...udp, hostPort: 1, podIP: N });

const to = (pod: string, n: number, dst = "H:8125"): Row => ({
	orig: `C:${n} > ${dst}`,
	reply: `${pod} > C:${n}`,
	status: DNAT,
});
const HOUR = 3_600_000;
const USED: CacheSource = { dir: CACHE, protocols: [IPPROTO_UDP] };

function files(...cached: readonly Attachment[]): Record<string, string> {
	return Object.assign({}, ...cached.map((a) => cachedFile(a)));
}

async function reconciled(
	rows: readonly Row[],
	records: readonly Attachment[],
	cached: Readonly<Record<string, string>>,
	now = HOUR,
	use = USED,
): Promise<World> {
	const w = world(rows, records, { files: cached, now });
	await reconcileAttachments(w.context, use);
	return w;
}

const ids = ({ host }: World): string[] =>
	recordedAttachments(host, DIR).map(({ containerID }) => containerID);

describe("a pod that was there before the plugin", () => {
	test.each<[string, Row[], Record<string, string>, string[]]>([
		[
			"what was made while no rule was there goes",
			[{ orig: "C:1 > H:8125" }],
			files(OLD),
			["C:1 > H:8125"],
		],
		[
			"what leads to the pod before it goes",
			[to("Q:5353", 1), to("P:5353", 2)],
			files(OLD),
			["C:1 > H:8125"],
		],
		[
			"what leads to another that is cached stays",
			[to("Q:5353", 1), to("P:5353", 2), to("N:5353", 3)],
			files(OLD, NEW),
			["C:3 > H:8125"],
		],
		[
			"delegated by Multus, which has a cache of its own",
			[{ orig: "C:1 > H:8125" }],
			cachedFile(OLD, { dir: `${CACHE}/multus/results` }),
			["C:1 > H:8125"],
		],
		[
			"a mapping of one address leaves the others alone",
			[{ orig: "C:1 > H:8125" }, { orig: "C:2 > H2:8125" }],
			files(attached("old", { ...udp, hostIP: H2 })),
			["C:2 > H2:8125"],
		],
		[
			"in both families, each goes by its own address",
			[
				{ orig: "C:1 > H:8125", family: "IPv6" },
				{ ...to("P:5353", 2), family: "IPv6" },
				to("P:5353", 3),
			],
			files(attached("old", udp, mapping("IPv6", "udp"))),
			["C:1 > H:8125"],
		],
		[
			"without portmap nobody has made rules: it has no say",
			[{ orig: "C:1 > H:8125" }],
			cachedFile(OLD, { plugin: "bandwidth" }),
			[],
		],
		[
			"of protocols that are not handled nothing goes",
			[
				{ ...to("Q:5353", 1), proto: "tcp" },
				{ proto: "tcp", orig: "C:2 > H:8125" },
			],
			files(attached("old", tcp)),
			[],
		],
		[
			"half of a file, and what is none of libcni's, are passed over",
			[{ orig: "C:1 > H:8125" }, to("Q:5353", 2, "H:1")],
			{
				...files(OTHER),
				[`${CACHE}/results/net-old-eth0`]:
					Object.values(files(OLD))[0]?.slice(0, 100) ?? "",
				[`${CACHE}/results/x`]: "[null]",
			},
			["C:2 > H:1"],
		],
	])("%s", async (_, rows, cached, want) => {
		expect((await reconciled(rows, [], cached)).removed()).toEqual(want);
	});

	test("handles the protocols that the plugin items in the chain do", async () => {
		const rows: Row[] = [{ ...to("Q:5353", 1), proto: "tcp" }];
		const use: CacheSource = { ...USED, protocols: [IPPROTO_TCP] };
		const w = await reconciled(
			rows,
			[],
			files(attached("old", tcp)),
			HOUR,
			use,
		);
		expect(w.removed()).toEqual(["tcp C:1 > H:8125"]);
	});
});

describe("a recorded pod whose DEL came while the plugin was not in the chain", () => {
	test("has no say: the one that came after it keeps its entries, and what leads to the dead one goes", async () => {
		const rows = [to("Q:5353", 1), to("P:5353", 2)];
		const w = await reconciled(rows, [OLD], files(NEW));
		expect(w.removed()).toEqual(["C:2 > H:8125"]);
		expect(ids(w)).toEqual([]);
		expect(w.host.written(2)).toContain(
			'msg="gone without us" network=net containerID=old ifname=eth0 pod=ns/old',
		);
	});

	test("has no say also where nobody has come to its port", async () => {
		const rows: Row[] = [{ orig: "C:1 > H:8125" }, to("P:5353", 2)];
		const w = await reconciled(rows, [OLD], files(OTHER));
		expect(w.removed()).toEqual(["C:2 > H:8125"]);
		expect(ids(w)).toEqual([]);
	});

	test("one that came after it has its very address: what leads there stays", async () => {
		const w = await reconciled(
			[to("P:5353", 1)],
			[OLD],
			files(attached("new", udp)),
		);
		expect(w.removed()).toEqual([]);
		expect(ids(w)).toEqual([]);
	});

	test.each<[string, Attachment[], Record<string, string>, number]>([
		["in the cache", [OLD], files(OLD, OTHER), HOUR],
		["in Multus's cache", [OLD], multus(OLD, OTHER), HOUR],
		[
			"of a file that cannot be read",
			[OLD],
			{ ...files(OTHER), [`${CACHE}/results/net-old-eth0`]: "" },
			HOUR,
		],
		["no cache", [OLD], {}, HOUR],
		["an empty cache", [OLD], { [`${CACHE}/x`]: "" }, HOUR],
		[
			"a cache of other networks",
			[OLD],
			files({ ...OTHER, network: "podman" }),
			HOUR,
		],
		["a chain that may not have returned yet", [OLD], files(OTHER), 200_000],
	])("%s: it counts", async (_, records, cached, now) => {
		const w = await reconciled(
			[to("N:5353", 1), to("P:5353", 2)],
			records,
			cached,
			now,
		);
		expect(w.removed()).toEqual(["C:1 > H:8125"]);
		expect(ids(w)).toEqual(["old"]);
	});
});

test("a pod whose DEL has come has no say, though the chain has failed after us and its file is there", async () => {
	const rows: Row[] = [to("P:5353", 1), { orig: "C:2 > H:8125" }];
	const left = { ...OLD, unfinished: true };
	const w = world(rows, [left, NEW], { files: files(OLD, NEW), now: HOUR });
	await reconcile(w.context, [recorded(w.context, USED)], "delete");
	// both are judged by the one that is there
	expect(w.removed()).toEqual(["C:1 > H:8125", "C:2 > H:8125"]);
});

test("the mappings that containerd caches for a pod's loopback interface are none", async () => {
	const port = { ...udp, containerPort: udp.hostPort };
	const lo = { ...port, podIP: "127.0.0.1" };
	const loopback = cachedFile(
		{ ...attached("new", lo), network: "cni-loopback", ifname: "lo" },
		{ plugin: "loopback" },
	);
	const rows: Row[] = [{ orig: "127.0.0.1:1 > 127.0.0.1:8125" }];
	const w = await reconciled(rows, [attached("new", port)], loopback);
	expect(w.removed()).toHaveLength(1);
});

test("an entry to what is cached stays, though a record says otherwise", async () => {
	// the record is of another network, so that nothing tells that its pod is dead
	const record = { ...OLD, network: "before" };
	const w = await reconciled(
		[to("Q:5353", 1), to("N:5353", 2)],
		[record],
		files(NEW),
	);
	expect(w.removed()).toEqual(["C:2 > H:8125"]);
});

test("a pod that is added while the table is read is seen", async () => {
	let asked = 0;
	const w = world([to("Q:5353", 1), to("Q:5353", 2)], [OLD, OTHER], {
		perDatagram: 1,
		recvMs: 50,
		now: HOUR,
		files: files(OLD, OTHER),
		answer: ({ type }) => {
			if (type === 0x0101 && asked++ === 0)
				for (const [path, text] of Object.entries(files(NEW)))
					w.host.writeFile(path, text, 0o600);
			return undefined;
		},
	});
	await reconcileAttachments(w.context, USED);
	expect(w.removed()).toEqual([]);
});

test("without the cache nothing of it is read", async () => {
	const w = world([to("Q:5353", 1)], [OLD], { files: files(NEW), now: HOUR });
	await reconcileAttachments(w.context);
	expect(w.removed()).toEqual(["C:1 > H:8125"]);
	expect(w.host.calls.filter((c) => c.includes(CACHE))).toEqual([]);
});

function multus(...cached: readonly Attachment[]): Record<string, string> {
	const dir = `${CACHE}/multus/results`;
	return Object.assign({}, ...cached.map((a) => cachedFile(a, { dir })));
}

describe("what a DEL could not finish", () => {
	const UNFINISHED: Attachment = { ...OLD, unfinished: true };

	test("is finished", async () => {
		const w = await reconciled([to("P:5353", 1)], [UNFINISHED], files(OTHER));
		expect(w.removed()).toEqual(["C:1 > H:8125"]);
		expect(ids(w)).toEqual([]);
		expect(w.host.files.has(`${DIR}/net:old:eth0.json`)).toBe(false);
	});

	test("spares a pod that has its address and was never recorded", async () => {
		const heir = attached("heir", udp);
		const w = await reconciled([to("P:5353", 1)], [UNFINISHED], files(heir));
		expect(w.removed()).toEqual([]);
		expect(w.host.files.has(`${DIR}/net:old:eth0.json`)).toBe(false);
	});
});

test("where nothing has ended, each record and each file of the cache is read once", async () => {
	const w = await reconciled([{ orig: "C:1 > H:9" }], [OLD], files(OLD, OTHER));
	const reads = w.host.calls.filter((call) =>
		/^readFile .*(eth0|json)$/.test(call),
	);
	expect(reads.toSorted()).toEqual([...new Set(reads)].toSorted());
	expect(reads).toHaveLength(3);
});
