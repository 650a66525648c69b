// The loop of the repair by the rules: when it makes a pass.

import { expect, test } from "vitest";
import { POLL_MS, repairer } from "../../../../src/reconcile/repair.ts";
import { natRules } from "../../../support/natrules.ts";
import { DNAT } from "../../../support/unit/flows.ts";
import { CACHE, type Row, world } from "../../../support/unit/world.ts";

const RULE = "udp local:8125 > 10.88.0.2:5353 docker";
const OLD: Row = { orig: "C:1 > H:8125", reply: "Q:5353 > C:1", status: DNAT };

function loop(rows: readonly Row[], recvMs = 0) {
	const rules = natRules(RULE);
	const w = world(rows, [], { rules, recvMs, now: 60_000 });
	const turn = repairer(w.context, "engines", { dir: CACHE, protocols: [17] });
	/** Polls so many times, and returns in which of them a pass was made. */
	const poll = async (times: number): Promise<number[]> => {
		const passes: number[] = [];
		for (let n = 0; n < times; n++) {
			if (await turn()) passes.push(n);
			w.host.clock.ms += POLL_MS;
		}
		return passes;
	};
	return { w, rules, poll, turn };
}

test("rules that have changed are looked at once they are settled", async () => {
	const { w, rules, poll } = loop([OLD]);
	await poll(2);
	expect(w.removed()).toEqual([OLD.orig]);
	expect(await poll(4)).toEqual([]);
	rules.generation++;
	expect(await poll(4)).toEqual([1]);
});

test("rules that go on changing are waited for", async () => {
	const { w, rules, turn } = loop([OLD]);
	let passes = 0;
	for (let n = 0; n < 8; n++) {
		rules.generation++;
		if (await turn()) passes++;
		w.host.clock.ms += 100;
	}
	expect(passes).toBeLessThanOrEqual(1);
	w.host.clock.ms += 100;
	await turn();
	expect(w.removed()).toEqual([OLD.orig]);
});

test("without a change it looks every ten seconds", async () => {
	const { poll } = loop([]);
	const passes = await poll(120);
	expect(passes.length).toBeGreaterThanOrEqual(3);
	expect(passes.length).toBeLessThanOrEqual(5);
});

test("passes that take long are rare: two percent of the time", async () => {
	const healthy: Row = { ...OLD, reply: "P:5353 > C:1" };
	const { w, rules, turn } = loop([healthy], 20);
	const { clock } = w.host;
	const begun = clock.ms;
	const took: number[] = [];
	// the first minute's part may be taken at once
	while (clock.ms - begun < 600_000) {
		// the rules never rest for long
		if (took.length % 2 === 0) rules.generation++;
		const before = clock.ms;
		if (await turn()) took.push(clock.ms - before);
		clock.ms += POLL_MS;
	}
	const spent = took.reduce((sum, ms) => sum + ms, 0);
	expect(took.length).toBeGreaterThan(5);
	expect(Math.min(...took)).toBeGreaterThan(100);
	expect(spent / (clock.ms - begun)).toBeLessThan(0.025);
});

test("leaves no socket open", async () => {
	const { w, poll } = loop([OLD]);
	await poll(3);
	expect(w.kernel.open()).toBe(0);
});
