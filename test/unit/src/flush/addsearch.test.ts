// What ADD and CHECK look for, against a table and records in memory.

import { describe, expect, test } from "vitest";
import { countStale, onAdd } from "../../../../src/flush/onadd.ts";
import { recordOf } from "../../../../src/state/store.ts";
import { BOOKS } from "../../../support/book.ts";
import type { EntrySpec } from "../../../support/entries.ts";
import { natRules } from "../../../support/natrules.ts";
import {
	ALL,
	AWAY,
	flow,
	GAP,
	MINE,
	mappingOfPod as m,
	other,
	POD,
	RECORDS,
	STALE,
	setUpPods,
	THEIRS,
} from "../../../support/unit/flushes.ts";
import { cachedFile } from "../../../support/unit/world.ts";

const DIR = RECORDS;
const { H, H2, N } = BOOKS.IPv4;
const target = { family: m.family, proto: m.proto, podIP: N };
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
			/^level=info msg=flushed .*deleted=2 kept=3 keptByRules=1 gone=0 .*reasons=other-pod:1,no-dnat:1 /,
		);
	});

	test("an entry that an earlier pod's DEL has retired is not right, though it leads to the pod", async () => {
		const to = (
			client: string,
			status: NonNullable<EntrySpec["status"]>,
		): EntrySpec => ({
			...flow({ orig: `C:${client} > H:8125`, reply: `P:5353 > C:${client}` }),
			status,
		});
		const retired = to("7", ["DST_NAT", "FIXED_TIMEOUT"]);
		const lasting = to("8", ["DST_NAT"]);
		const { context, host, removed } = setUpPods([retired, lasting]);
		await onAdd(context, POD);
		expect(removed()).toEqual([retired.orig]);
		expect(host.written(2)).toContain("reasons=retired:1");
	});

	describe("a flow that a dead pod began from the hostPort", () => {
		const begun = flow({ orig: "Q:8125 > S:41234", reply: "S:41234 > H:8125" });
		const gone = other("gone", {
			mappings: [{ ...m, podIP: BOOKS.IPv4.Q }],
			unfinished: true,
		});
		const neighbour = other("n", { mappings: [{ ...m, podIP: N }] });
		const heir = other("heir", {
			mappings: [{ ...m, hostPort: 53, podIP: BOOKS.IPv4.Q }],
		});
		const knows = (...cached: (typeof gone)[]) => ({
			files: Object.assign({}, ...cached.map((c) => cachedFile(c))),
		});
		test.each<
			[
				string,
				readonly (typeof gone)[],
				Parameters<typeof setUpPods>[2],
				boolean,
			]
		>([
			[
				"goes if libcni knows nobody with the address",
				[gone],
				knows(neighbour),
				true,
			],
			[
				"stays if libcni knows a pod with it",
				[gone],
				knows(neighbour, heir),
				false,
			],
			[
				"stays if a living pod is recorded with it",
				[gone, heir],
				knows(neighbour),
				false,
			],
			[
				"stays if libcni's cache knows nothing of this network",
				[gone],
				{},
				false,
			],
			[
				"stays if no record says that the pod is dead",
				[],
				knows(neighbour),
				false,
			],
		])("%s", async (_, records, options, goes) => {
			const { context, host, removed } = setUpPods([begun], records, options);
			await onAdd(context, POD);
			expect(removed()).toEqual(goes ? [begun.orig] : []);
			if (goes) expect(host.written(2)).toContain("reasons=begun-by-pod:1");
		});
	});

	test("a pod's own flow from the hostPort stays: who began it may live", async () => {
		const begun = flow({ orig: "Q:8125 > S:41234", reply: "S:41234 > H:8125" });
		const { context, removed } = setUpPods([begun]);
		await onAdd(context, POD);
		expect(removed()).toEqual([]);
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

	test("with a mapping of one address and nothing stale it asks neither routes nor rules", async () => {
		const { context, kernel, removed } = setUpPods([MINE, THEIRS, AWAY]);
		await onAdd(context, { ...POD, mappings: [{ ...m, hostIP: H }] });
		expect(removed()).toEqual([]);
		expect(kernel.requests.some((r) => r.protocol === 0)).toBe(false);
		expect(kernel.requests.some((r) => r.type >> 8 === 10)).toBe(false);
	});

	describe("a pod whose record cannot be read", () => {
		const theirs = other("n", {
			mappings: [{ ...m, hostIP: H2, podIP: N }],
		});
		const FILE = `${DIR}/net:n:eth0.json`;
		const whole = JSON.stringify(recordOf(theirs));
		const bare = flow({ orig: "C:5 > H2:8125" });
		test.each<[string, string, string | undefined]>([
			["because it is cut", whole.slice(0, -1), undefined],
			[
				"because it is of a later version",
				`{"version":2,"x":${whole}}`,
				undefined,
			],
			["because the file is too long", whole, "EFBIG"],
			["because the disk fails", whole, "EIO"],
		])(
			"%s: what may be its own stays where no rules are known, and bypassing entries go",
			async (_, text, code) => {
				const { context, removed } = setUpPods([THEIRS, bare], [], {
					files: { [FILE]: text },
					fail: (call, path) =>
						call === "readFile" && path === FILE ? code : undefined,
				});
				await onAdd(context, POD);
				expect(removed()).toEqual([bare.orig]);
			},
		);

		test("the rules decide as ever", async () => {
			const { context, removed } = setUpPods([THEIRS], [], {
				files: { [FILE]: "{" },
				rules: natRules("udp local:8125 > 10.88.0.2:5353"),
			});
			await onAdd(context, POD);
			expect(removed()).toEqual([THEIRS.orig]);
		});

		test("its ports are too many for a record: what leads to its address stays, and nothing else", async () => {
			const vague = {
				...theirs,
				mappings: [],
				podTargets: [target],
				vague: true,
			};
			const { context, removed } = setUpPods([THEIRS, STALE], [vague]);
			await onAdd(context, POD);
			expect(removed()).toEqual([STALE.orig]);
		});

		test("a pod that began an entry may have its address", async () => {
			const begun = flow({
				orig: "Q:8125 > S:41234",
				reply: "S:41234 > H:8125",
			});
			const gone = other("gone", {
				mappings: [{ ...m, podIP: BOOKS.IPv4.Q }],
				unfinished: true,
			});
			const neighbour = cachedFile(theirs);
			const want: [Record<string, string>, string[]][] = [
				[neighbour, [begun.orig]],
				[{ ...neighbour, [FILE]: `{"podIP":"${BOOKS.IPv4.Q}"` }, []],
				// nor is its file in libcni's cache
				[{ ...neighbour, "/var/lib/cni/results/net-x-eth0": "{" }, []],
			];
			for (const [files, goes] of want) {
				const { context, removed } = setUpPods([begun], [gone], { files });
				await onAdd(context, POD);
				expect(removed()).toEqual(goes);
			}
		});
	});

	describe("of ports in a row", () => {
		const ROW = { ...m, hostPort: 8000, containerPort: 5228, count: 500 };
		const right = flow({ orig: "C:1 > H:8100", reply: "P:5328 > C:1" });
		const wrong = flow({ orig: "C:2 > H:8100", reply: "P:5329 > C:2" });
		const elsewhere = flow({ orig: "C:3 > H:8499", reply: "Q:5727 > C:3" });
		const outside = flow({ orig: "C:4 > H:8500", reply: "Q:5728 > C:4" });
		const table = [right, wrong, elsewhere, outside];

		test("each port leads to its own port of the pod", async () => {
			const { context, removed, host } = setUpPods(table);
			await onAdd(context, { ...POD, mappings: [ROW] });
			expect(removed()).toEqual([wrong.orig, elsewhere.orig]);
			expect(host.written(2)).toContain("reasons=other-port:1,other-pod:1");
		});

		test("each port is asked of the rules", async () => {
			const { context, removed } = setUpPods(table, [], {
				rules: natRules(
					"udp local:8100 > 10.88.0.2:5328",
					"udp local:8499 > 10.88.0.9:5727",
				),
			});
			await onAdd(context, { ...POD, mappings: [ROW] });
			expect(removed()).toEqual([wrong.orig]);
		});

		test("the rules of thousands are read in parts, and each has its say", async () => {
			const row = {
				...m,
				hostPort: 10_000,
				containerPort: 10_000,
				count: 5000,
			};
			const ports = [10_000, 10_001, 14_998, 14_999];
			// of each port more than are confirmed at once
			const table = ports.flatMap((port) =>
				Array.from({ length: 1100 }, (_, i) =>
					flow({
						orig: `C:${i + 1} > H:${port}`,
						reply: `Q:${port} > C:${i + 1}`,
					}),
				),
			);
			// every other port is another's by the rules
			const lines = ports.map(
				(port) => `udp local:${port} > 10.88.0.${port % 2 ? 9 : 2}:${port}`,
			);
			const { context, removed } = setUpPods(table, [], {
				rules: natRules(...lines),
			});
			await onAdd(context, { ...POD, mappings: [row] });
			expect(removed()).toEqual(
				table.map(({ orig }) => orig).filter((orig) => /(000|998)$/.test(orig)),
			);
		});

		test("a dead pod's port may be one of them", async () => {
			const begun = flow({
				orig: "Q:8200 > S:41234",
				reply: "S:41234 > H:8200",
			});
			const gone = other("gone", {
				mappings: [{ ...ROW, podIP: BOOKS.IPv4.Q }],
				unfinished: true,
			});
			const neighbour = other("n", { mappings: [{ ...m, podIP: N }] });
			for (const mappings of [[ROW], [{ ...m, hostPort: 8200 }]]) {
				const { context, removed } = setUpPods([begun], [gone], {
					files: cachedFile(neighbour),
				});
				await onAdd(context, { ...POD, mappings });
				expect(removed()).toEqual([begun.orig]);
			}
		});
	});

	describe("the rules decide", () => {
		const OURS = "udp local:8125 > 10.88.0.2:5353";
		const NEIGHBOURS = "udp 203.0.113.10:8125 > 10.88.0.3:5353";
		const SERVICE = "udp 203.0.113.1:8125 > 10.88.0.9:5353 kube-proxy";
		const RETIRED: EntrySpec = {
			...flow({ orig: "C:9 > H:8125", reply: "P:5353 > C:9" }),
			status: ["DST_NAT", "FIXED_TIMEOUT"],
		};
		const [S, G, T, R] = [STALE, GAP, THEIRS, RETIRED].map((e) => e.orig);
		test.each<[string, readonly string[], (string | undefined)[]]>([
			["ours alone", [OURS], [S, G, T, R]],
			["a neighbour's before ours", [NEIGHBOURS, OURS], [S, G, R]],
			["a neighbour's after ours", [OURS, NEIGHBOURS], [S, G, T, R]],
			["a Service's before ours", [SERVICE, OURS], [T, R]],
			["a Service's after ours", [OURS, SERVICE], [S, G, T, R]],
			["none: the retired ends anyway", [], [R]],
		])("%s", async (_, lines, want) => {
			// records are no proof: one that is wrong changes nothing
			const neighbour = other("n", {
				mappings: [{ ...m, hostIP: H2, podIP: N }],
			});
			const rules = natRules(...lines);
			for (const records of [[], [neighbour]]) {
				const { context, host, removed } = setUpPods(
					[...ALL, RETIRED],
					records,
					{ rules },
				);
				await onAdd(context, POD);
				expect(removed()).toEqual(want);
				const kept = 4 - want.length;
				if (kept > 0) expect(host.written(2)).toContain(`keptByRules=${kept} `);
				else expect(host.written(2)).not.toContain("keptByRules");
			}
		});

		test("of two mappings of the pod on one port, the rule of the narrower is asked", async () => {
			const narrow = flow({ orig: "C:6 > H2:8125", reply: "P:53 > C:6" });
			const wide = flow({ orig: "C:7 > H2:8125", reply: "P:5353 > C:7" });
			const { context, removed } = setUpPods([narrow, wide], [], {
				rules: natRules("udp 203.0.113.10:8125 > 10.88.0.2:53", OURS),
			});
			await onAdd(context, {
				...POD,
				mappings: [{ ...m, hostIP: H2, containerPort: 53 }, m],
			});
			expect(removed()).toEqual([wide.orig]);
		});

		test("a record that says otherwise changes nothing", async () => {
			const rules = natRules(OURS);
			const neighbour = other("n", {
				mappings: [{ ...m, hostIP: H2, podIP: N }],
			});
			const { context, removed } = setUpPods(ALL, [neighbour], { rules });
			await onAdd(context, POD);
			expect(removed()).toContain(THEIRS.orig);
		});

		test("removes nothing if the memory does not suffice for the rules: the records alone must not decide", async () => {
			const { context, host, removed } = setUpPods(ALL, [], {
				rules: natRules(OURS),
				answer(r) {
					// as the engine does
					if (r.type === 0x0a10) throw null;
					return undefined;
				},
			});
			await onAdd(context, POD);
			expect(removed()).toEqual([]);
			expect(host.written(2)).toMatch(
				/^level=warn msg="cannot flush" .*error="out of memory"/,
			);
		});

		test("removes nothing more once the time is up", async () => {
			const { context, host, removed } = setUpPods(ALL, [], {
				rules: natRules(OURS),
				answer: (r) => (r.type === 0x0a10 ? [] : undefined),
			});
			await onAdd(context, POD);
			expect(removed()).toEqual([]);
			expect(host.written(2)).toMatch(
				/^level=warn msg="cannot flush" .*DeadlineError/,
			);
		});
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
				.filter((c) => /write|rename|unlink|mkdir/.test(c))
				// where verbs that come at once would wait
				.filter((c) => c !== `mkdir ${DIR}/queue`),
		).toEqual([]);
	});
});
