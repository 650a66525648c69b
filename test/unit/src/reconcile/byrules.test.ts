// Repair by the rules alone: nothing of these entries is recorded.

import { describe, expect, test } from "vitest";
import type { RuleScope } from "../../../../src/policy/published.ts";
import {
	type Repair,
	repairByRules,
} from "../../../../src/reconcile/byrules.ts";
import { RepairMemory } from "../../../../src/reconcile/memory.ts";
import { type NatRuleset, natRules } from "../../../support/natrules.ts";
import { DNAT } from "../../../support/unit/flows.ts";
import { type Row, type World, world } from "../../../support/unit/world.ts";

const to = (target: string, n: number, dst = "H:8125"): Row => ({
	orig: `C:${n} > ${dst}`,
	reply: `${target} > C:${n}`,
	status: DNAT,
});
const rule = (engine: string): string =>
	`udp local:8125 > 10.88.0.2:5353 ${engine}`;
const HEALTHY = to("P:5353", 1);
const OLD = to("Q:5353", 2);
const BEFORE: Row = { orig: "C:3 > H:8125" };

async function repaired(
	rows: readonly Row[],
	lines: readonly string[],
	change: Partial<Repair> = {},
) {
	const w = world(rows, [], { rules: natRules(...lines) });
	const told: string[] = [];
	const report = await repairByRules(w.context, {
		scope: "engines",
		action: "delete",
		memory: new RepairMemory(),
		spares: () => () => false,
		found: (e, reason, _, words) =>
			told.push(`${e.orig.sport} ${reason}: ${words}`),
		...change,
	});
	expect(w.kernel.open()).toBe(0);
	return { w, report, told };
}

describe("the rules of", () => {
	test.each<[string, RuleScope, boolean]>([
		["portmap", "engines", true],
		["netavark", "engines", true],
		["docker", "engines", true],
		["cri-o", "engines", true],
		["incus", "engines", true],
		["firewalld", "engines", false],
		["firewalld", "all", true],
		["hand", "engines", false],
		["hand", "all", true],
		["kube-proxy", "engines", false],
		["kube-proxy", "all", false],
	])("%s, of the scope %s, count: %s", async (engine, scope, count) => {
		const rows = [HEALTHY, OLD, BEFORE];
		const { w, report } = await repaired(rows, [rule(engine)], { scope });
		expect(w.removed()).toEqual(count ? [OLD.orig, BEFORE.orig] : []);
		expect(report.error).toBeUndefined();
		expect(report.deleted).toBe(count ? 2 : 0);
	});
});

test("each that goes is told of, with the reason and what the rules do", async () => {
	const rows = [HEALTHY, OLD, to("P:53", 4), BEFORE];
	const { told, report } = await repaired(rows, [rule("docker")]);
	const words =
		"the rules now send 203.0.113.1:8125 to 10.88.0.2:5353 (docker)";
	expect(told).toEqual([
		`2 other-pod: ${words}`,
		`4 other-port: ${words}`,
		`3 no-dnat: ${words}`,
	]);
	expect(report.reasons).toEqual(
		new Map([
			["other-pod", 1],
			["other-port", 1],
			["no-dnat", 1],
		]),
	);
});

test.each<[string, Row[], string[]]>([
	["of a port without a rule", [to("Q:53", 1, "H:8126")], []],
	["to an address that is not the node's", [to("Q:53", 1, "V:8125")], []],
	["of TCP", [{ ...OLD, proto: "tcp" }], []],
	["in a zone", [{ ...OLD, zone: 7 }], []],
	["that IPVS has translated", [{ ...OLD, status: [] }], []],
	[
		"of the node itself goes",
		[{ ...OLD, orig: "H:2 > H:8125" }],
		["H:2 > H:8125"],
	],
	[
		"of the node itself that is right",
		[{ ...HEALTHY, orig: "H:1 > H:8125" }],
		[],
	],
])("an entry %s", async (_, rows, want) => {
	const { w, report } = await repaired(rows, [rule("netavark")]);
	expect(report.error).toBeUndefined();
	expect(w.removed()).toEqual(want);
});

test("each client is asked for where a rule looks at it", async () => {
	const mine = "192.0.2.7 udp local:8125 > 10.88.0.9:5353 docker";
	const other: Row = { ...OLD, orig: "S:2 > H:8125" };
	const { w } = await repaired([OLD, other], [mine, rule("docker")]);
	expect(w.removed()).toEqual([other.orig]);
});

test("the action count leaves all, and counts", async () => {
	const { w, report } = await repaired([OLD, BEFORE], [rule("docker")], {
		action: "count",
	});
	expect(w.removed()).toEqual([]);
	expect([...report.reasons.values()]).toEqual([1, 1]);
});

test("what leads to a live pod stays, though a leftover rule stands before the pod's", async () => {
	const { w } = await repaired([OLD, BEFORE], [rule("portmap")], {
		spares: () => (e) => e.reply.src === "10.88.0.9",
	});
	expect(w.removed()).toEqual([BEFORE.orig]);
});

test("what is not meant stays", async () => {
	const { w } = await repaired([OLD, BEFORE], [rule("docker")], {
		isMeant: (e) => e.orig.sport === 3,
	});
	expect(w.removed()).toEqual([BEFORE.orig]);
});

test("without rules to be read it says so, and removes nothing", async () => {
	const w = world([OLD], []);
	const repair = {
		scope: "engines",
		action: "delete",
		memory: new RepairMemory(),
		spares: () => () => false,
	} as const;
	const report = await repairByRules(w.context, repair);
	expect(String(report.error)).toContain("shows no nat rules");
	expect(w.removed()).toEqual([]);
});

describe("in a loop", () => {
	const PASS = 2000;
	interface Loop {
		readonly w: World;
		readonly rules: NatRuleset;
		pass(lines: readonly string[]): Promise<string[]>;
	}
	function loop(rows: readonly Row[], answer = {}): Loop {
		const rules = natRules();
		const w = world(rows, [], { rules, ...answer });
		const memory = new RepairMemory();
		return {
			w,
			rules,
			async pass(lines) {
				if (`${lines}` !== `${rules.lines}`) rules.generation++;
				rules.lines = lines;
				const { error } = await repairByRules(w.context, {
					scope: "engines",
					action: "delete",
					memory,
					spares: () => () => false,
				});
				expect(error).toBeUndefined();
				w.host.clock.ms += PASS;
				return w.removed();
			},
		};
	}

	test("a rule that goes for good takes its entries with it, in the second pass", async () => {
		const { pass } = loop([HEALTHY]);
		expect(await pass([rule("docker")])).toEqual([]);
		expect(await pass([])).toEqual([]);
		expect(await pass([])).toEqual([HEALTHY.orig]);
	});

	test("a rule that comes back meanwhile does not", async () => {
		const { pass } = loop([HEALTHY]);
		await pass([rule("docker")]);
		await pass([]);
		await pass([rule("docker")]);
		expect(await pass([])).toEqual([]);
	});

	test("a frontend that no rule has ever claimed is nobody's", async () => {
		const { pass } = loop([OLD]);
		for (let n = 0; n < 3; n++) expect(await pass([])).toEqual([]);
	});

	test("an entry that comes back with the same target is reported and left", async () => {
		const { w, pass } = loop([OLD], {
			// the kernel says that it was deleted, and it is there again
			answer: (r: { type: number }) => (r.type === 0x0102 ? [] : undefined),
		});
		const deletes = () =>
			w.kernel.requests.filter(({ type }) => type === 0x0102).length;
		w.context.log("info", "begun", {});
		await pass([rule("docker")]).catch(() => {});
		const before = deletes();
		await pass([rule("docker")]).catch(() => {});
		await pass([rule("docker")]).catch(() => {});
		expect(before).toBeGreaterThan(0);
		expect(deletes()).toBe(before);
		expect(
			w.host
				.written(2)
				.match(/level=warn msg="came back after it was removed"/g),
		).toHaveLength(1);
	});
});
