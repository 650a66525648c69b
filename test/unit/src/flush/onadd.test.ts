// ADD and CHECK: the records and the entries of a pod that comes, against a table and
// records in memory.

import { describe, expect, test } from "vitest";
import { countStale, onAdd } from "../../../../src/flush/onadd.ts";
import { BOOKS } from "../../../support/book.ts";
import {
	ALL,
	flow,
	GAP,
	mappingOfPod as m,
	other,
	POD,
	RECORDS,
	STALE,
	setUpPods,
	THEIRS,
} from "../../../support/unit/flushes.ts";

const DIR = RECORDS;
const { H, H2, N } = BOOKS.IPv4;
describe("onAdd", () => {
	test("records the attachment, removes what is stale, keeps the rest, and says so in one line", async () => {
		const neighbour = other("n", {
			mappings: [{ ...m, hostIP: H2, podIP: N }],
		});
		const { context, host, removed } = setUpPods(ALL, [neighbour]);
		await onAdd(context, POD);
		expect(removed()).toEqual([STALE.orig, GAP.orig]);
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
		const { context, removed } = setUpPods([THEIRS], [own]);
		await onAdd(context, own);
		expect(removed()).toEqual([THEIRS.orig]);
	});

	test("of two mappings of the pod on one port, an entry that is right for the narrower stays", async () => {
		const narrow = flow({ orig: "C:6 > H2:8125", reply: "P:53 > C:6" });
		const { context, removed } = setUpPods([narrow]);
		await onAdd(context, {
			...POD,
			mappings: [{ ...m, hostIP: H2, containerPort: 53 }, m],
		});
		expect(removed()).toEqual([]);
	});

	test("without mappings it is recorded, and no socket is opened", async () => {
		const { context, host, kernel } = setUpPods(ALL);
		await onAdd(context, { ...POD, mappings: [], podTargets: [m] });
		expect(host.files.size).toBe(1);
		expect(kernel.requests).toEqual([]);
		expect(host.written(2)).toBe("");
	});

	test("with a mapping of one address it asks neither routes nor records", async () => {
		const { context, host, kernel, removed } = setUpPods(ALL, [], {});
		await onAdd(context, { ...POD, mappings: [{ ...m, hostIP: H }] });
		expect(removed()).toEqual([STALE.orig, GAP.orig]);
		expect(kernel.requests.some((r) => r.protocol === 0)).toBe(false);
		expect(host.calls.filter((c) => c.startsWith("readDir"))).toEqual([]);
	});

	test.each(["mkdir", "writeFile", "rename"])(
		"goes on when the record fails: %s",
		async (call) => {
			const { context, host, removed } = setUpPods([STALE], [], {
				fail: (c) => (c === call ? "ENOSPC" : undefined),
			});
			await onAdd(context, POD);
			expect(removed()).toEqual([STALE.orig]);
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
			const { context, host } = setUpPods([STALE], [], { directoryMode });
			await onAdd(context, POD);
			const told = host.written(2).match(/level=warn msg="others can write/g);
			expect(told?.length ?? 0).toBe(times);
			expect(host.files.size).toBe(1);
		},
	);

	test("complains once of a directory that cannot be used", async () => {
		const { context, host, removed } = setUpPods([STALE], [], {
			fail: (call) =>
				/mkdir|readDir|readFile|unlink/.test(call) ? "ELOOP" : undefined,
		});
		await onAdd(context, POD);
		expect(removed()).toEqual([STALE.orig]);
		expect(host.written(2).match(/level=warn/g)).toHaveLength(1);
	});

	test("removes nothing when it cannot tell which addresses are the node's", async () => {
		const { context, host, removed } = setUpPods(ALL, [], {
			refuse: (protocol) => (protocol === 0 ? "EACCES" : undefined),
		});
		await onAdd(context, POD);
		expect(removed()).toEqual([]);
		expect(host.written(2)).toMatch(/^level=warn msg="cannot flush" /);
	});
});

describe("countStale", () => {
	test("counts, and changes neither table nor records", async () => {
		const { context, kernel, host } = setUpPods(ALL, [
			other("n", { mappings: [{ ...m, hostIP: H2, podIP: N }] }),
		]);
		const before = host.calls.length;
		const report = await countStale(context, POD);
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
