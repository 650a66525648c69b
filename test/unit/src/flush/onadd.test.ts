// The coming and going of pods, against a table and records in memory.

import { describe, expect, test } from "vitest";
import type { Context } from "../../../../src/context.ts";
import type { Action } from "../../../../src/flush/flush.ts";
import { countStale, onAdd, othersThan } from "../../../../src/flush/onadd.ts";
import { onDel } from "../../../../src/flush/ondel.ts";
import { logger } from "../../../../src/log.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { writeRecord } from "../../../../src/state/store.ts";
import { BOOKS, spell } from "../../../support/book.ts";
import { type EntrySpec, errorMessage } from "../../../support/entries.ts";
import { type FakeHostOptions, fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
} from "../../../support/fakekernel.ts";
import { DNAT, mapping } from "../../../support/unit/flows.ts";

const DIR = "/run/flush";
const { H, H2, Q, N } = BOOKS.IPv4;
const ROUTES = ["127.0.0.0/8", `${H}/32`, `${H2}/32`, "fd03::1/128"].map(
	(prefix) => ({ prefix }),
);

const m = mapping("IPv4", "udp");
const POD: Attachment = {
	network: "net",
	containerID: "new",
	ifname: "eth0",
	pod: "ns/new",
	added: 10,
	mappings: [m],
	podTargets: [],
};
const other = (
	containerID: string,
	change: Partial<Attachment>,
): Attachment => ({ ...POD, containerID, pod: `ns/${containerID}`, ...change });

interface Flow {
	readonly orig: string;
	readonly reply?: string;
}
let ids = 0;
const flow = (f: Flow): EntrySpec => ({
	id: ++ids,
	orig: spell("IPv4", f.orig),
	...(f.reply && { reply: spell("IPv4", f.reply), status: DNAT }),
});

function setUp(
	entries: readonly EntrySpec[],
	records: readonly Attachment[] = [],
	options: FakeKernelOptions &
		Pick<FakeHostOptions, "fail" | "directoryMode"> = {},
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, entries, routes: ROUTES, ...options });
	const host = fakeHost({
		clock,
		netlink: kernel.netlink,
		...(options.fail && { fail: options.fail }),
		...(options.directoryMode !== undefined && {
			directories: [DIR],
			directoryMode: options.directoryMode,
		}),
	});
	const site: Context = {
		host,
		dataDir: DIR,
		log: logger(host, "info", undefined, {}),
		event: "DEL",
	};
	for (const a of records) writeRecord(host, DIR, a);
	const gone = (): string[] =>
		entries
			.filter((e) => !kernel.left().includes(e.id ?? 1))
			.map((e) => e.orig);
	return { kernel, host, site, gone };
}

const NETLINK_NETFILTER = 12;
const DELETE = 0x0102;
/** Longer than what names one IPv4 entry: bytes without the header. */
const FILTERED = 80;

const STALE = flow({ orig: "C:1 > H:8125", reply: "Q:5353 > C:1" });
const GAP = flow({ orig: "C:2 > H:8125" });
const MINE = flow({ orig: "C:3 > H:8125", reply: "P:5353 > C:3" });
const THEIRS = flow({ orig: "C:4 > H2:8125", reply: "N:5353 > C:4" });
const AWAY = flow({ orig: "N:5 > S:8125" });
const ALL = [STALE, GAP, MINE, THEIRS, AWAY];

describe("arrive", () => {
	test("records the attachment, removes what is stale, keeps the rest, and says so in one line", async () => {
		const neighbour = other("n", {
			mappings: [{ ...m, hostIP: H2, podIP: N }],
		});
		const { site, host, gone } = setUp(ALL, [neighbour]);
		await onAdd(site, POD);
		expect(gone()).toEqual([STALE.orig, GAP.orig]);
		expect([...host.files.keys()]).toContain(`${DIR}/net:new:eth0.json`);
		const lines = host.written(2).split("\n").slice(0, -1);
		expect(lines).toHaveLength(1);
		expect(lines[0]).toMatch(
			/^level=info msg=flushed .*deleted=2 kept=3 gone=0 .*reasons=other-pod:1,no-dnat:1 /,
		);
	});

	test("its own record does not make its hostIP another's", async () => {
		const own = {
			...POD,
			mappings: [m, { ...m, hostIP: H2, containerPort: 53 }],
		};
		const { site, gone } = setUp([THEIRS], [own]);
		await onAdd(site, own);
		expect(gone()).toEqual([THEIRS.orig]);
	});

	test("of two mappings of the pod on one port, an entry that is right for the narrower stays", async () => {
		const narrow = flow({ orig: "C:6 > H2:8125", reply: "P:53 > C:6" });
		const { site, gone } = setUp([narrow]);
		await onAdd(site, {
			...POD,
			mappings: [{ ...m, hostIP: H2, containerPort: 53 }, m],
		});
		expect(gone()).toEqual([]);
	});

	test("without mappings it is recorded, and no socket is opened", async () => {
		const { site, host, kernel } = setUp(ALL);
		await onAdd(site, { ...POD, mappings: [], podTargets: [m] });
		expect(host.files.size).toBe(1);
		expect(kernel.requests).toEqual([]);
		expect(host.written(2)).toBe("");
	});

	test("with a mapping of one address it asks neither routes nor records", async () => {
		const { site, host, kernel, gone } = setUp(ALL, [], {});
		await onAdd(site, { ...POD, mappings: [{ ...m, hostIP: H }] });
		expect(gone()).toEqual([STALE.orig, GAP.orig]);
		expect(kernel.requests.some((r) => r.protocol === 0)).toBe(false);
		expect(host.calls.filter((c) => c.startsWith("readDir"))).toEqual([]);
	});

	test.each(["mkdir", "writeFile", "rename"])(
		"goes on when the record fails: %s",
		async (call) => {
			const { site, host, gone } = setUp([STALE], [], {
				fail: (c) => (c === call ? "ENOSPC" : undefined),
			});
			await onAdd(site, POD);
			expect(gone()).toEqual([STALE.orig]);
			expect(host.written(2)).toMatch(
				/^level=warn msg="cannot record the attachment" .*ENOSPC/,
			);
		},
	);

	test.each([
		[0o755, 0],
		[0o700, 0],
		[0o777, 1],
		[0o770, 1],
		[0o1777, 1],
	])(
		"says of a directory of mode %o, which was there, that others can write to it: %i times",
		async (directoryMode, times) => {
			const { site, host } = setUp([STALE], [], { directoryMode });
			await onAdd(site, POD);
			const told = host.written(2).match(/level=warn msg="others can write/g);
			expect(told?.length ?? 0).toBe(times);
			expect(host.files.size).toBe(1);
		},
	);

	test("complains once of a directory that cannot be used", async () => {
		const { site, host, gone } = setUp([STALE], [], {
			fail: (call) =>
				/mkdir|readDir|readFile|unlink/.test(call) ? "ELOOP" : undefined,
		});
		await onAdd(site, POD);
		expect(gone()).toEqual([STALE.orig]);
		expect(host.written(2).match(/level=warn/g)).toHaveLength(1);
	});

	test("removes nothing when it cannot tell which addresses are the node's", async () => {
		const { site, host, gone } = setUp(ALL, [], {
			refuse: (protocol) => (protocol === 0 ? "EACCES" : undefined),
		});
		await onAdd(site, POD);
		expect(gone()).toEqual([]);
		expect(host.written(2)).toMatch(/^level=warn msg="cannot flush" /);
	});
});

describe("inspect", () => {
	test("counts, and changes neither table nor records", async () => {
		const { site, kernel, host } = setUp(ALL, [
			other("n", { mappings: [{ ...m, hostIP: H2, podIP: N }] }),
		]);
		const before = host.calls.length;
		const report = await countStale(site, POD);
		expect(report.reasons).toEqual(
			new Map([
				["other-pod", 1],
				["no-dnat", 1],
			]),
		);
		expect(kernel.left()).toHaveLength(ALL.length);
		expect(
			host.calls
				.slice(before)
				.filter((c) => /write|rename|unlink|mkdir/.test(c)),
		).toEqual([]);
	});
});

describe("leave", () => {
	const dying = { mappings: [m], podTargets: [] };

	test("removes what leads to the pod through its mapping, and nothing else", async () => {
		const { site, gone } = setUp(ALL);
		await onDel(site, dying, () => [], "delete");
		expect(gone()).toEqual([MINE.orig]);
	});

	test("retires it where the rule still stands", async () => {
		const { site, gone, kernel } = setUp(ALL);
		await onDel(site, dying, () => [], { retireSeconds: 2 });
		expect(gone()).toEqual([]);
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
		const { site, gone, kernel } = setUp([MINE]);
		await onDel(site, dying, () => live, "delete");
		expect(gone()).toEqual(want ? [MINE.orig] : []);
		if (!want) expect(kernel.requests).toHaveLength(1); // the count
	});

	describe("a successor has the address, and the port on one address of the node", () => {
		const narrow = other("s", { mappings: [{ ...m, hostIP: H2 }] });
		const theirs = flow({ orig: "C:10 > H2:8125", reply: "P:5353 > C:10" });
		/** A kernel that would flush by itself if it were asked to. */
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
			const { site, gone, kernel } = setUp([MINE, theirs], [], willing);
			const report = await onDel(site, dying, () => [narrow], action);
			const retired = [...kernel.retired.keys()];
			const left = gone().length > 0 ? gone() : retired;
			expect(left).toEqual([action === "delete" ? MINE.orig : MINE.id]);
			expect(report).toMatchObject({ kept: 1, error: undefined });
		});

		test("the kernel is not asked to flush, since it knows no exceptions", async () => {
			const { site } = setUp([MINE, theirs], [], willing);
			const report = await onDel(site, dying, () => [narrow], "delete");
			expect(report.how).toBe("filtered-dump");
			// as it is where no live pod has the address
			const alone = setUp([MINE, theirs], [], willing);
			expect(await onDel(alone.site, dying, () => [], "delete")).toMatchObject({
				how: "kernel-flush",
			});
		});
	});

	test("of a pod without mappings removes what any rule sends to it", async () => {
		const direct = flow({ orig: "C:7 > P:5353" });
		const out = flow({ orig: "P:8 > S:53" });
		const service = flow({ orig: "C:9 > V:80", reply: "P:5353 > C:9" });
		const { site, gone } = setUp([...ALL, direct, out, service]);
		await onDel(site, { mappings: [], podTargets: [m] }, () => [], "delete");
		expect(gone()).toEqual([MINE.orig, service.orig]);
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
		const { site, gone } = setUp([MINE]);
		await onDel(
			site,
			{ mappings: [], podTargets: [m] },
			() => [live],
			"delete",
		);
		expect(gone()).toHaveLength(want);
	});

	test("never throws: what fails is in the report and in the log", async () => {
		const { site, host } = setUp([MINE], [], {
			refuse: () => "EPROTONOSUPPORT",
		});
		const report = await onDel(site, dying, () => [], "delete");
		expect(report?.error).toMatchObject({ code: "EPROTONOSUPPORT" });
		expect(host.written(2)).toMatch(
			/^level=warn msg="cannot flush" .*EPROTONOSUPPORT/,
		);
	});
});

describe("othersThan", () => {
	test("gives all records but its own", () => {
		const { site } = setUp(
			[],
			[POD, other("a", {}), other("b", { ifname: "eth1" })],
		);
		expect(
			othersThan(site, POD, [""])
				.map((a) => a.containerID)
				.sort(),
		).toEqual(["a", "b"]);
	});

	test("takes what cannot be read for absent, and says so", () => {
		const { site, host } = setUp([], [POD], {
			fail: (c) => (c === "readDir" ? "EIO" : undefined),
		});
		expect(othersThan(site, POD, [""])).toEqual([]);
		expect(host.written(2)).toMatch(
			/^level=warn msg="cannot read the attachments" .*EIO/,
		);
	});
});
