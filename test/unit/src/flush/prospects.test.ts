// The prospects of entries for a look at the table.

import { expect, test } from "vitest";
import { openProspects } from "../../../../src/flush/prospects.ts";
import { Deadline, DeadlineError } from "../../../../src/netlink/deadline.ts";
import { mayLeadTo } from "../../../../src/policy/ruling.ts";
import { entry } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
} from "../../../support/fakekernel.ts";
import { natRules } from "../../../support/natrules.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { ROUTES } from "../../../support/unit/world.ts";

const E = entry({ orig: "192.0.2.7:1 > 203.0.113.1:8125" });

function open(options: FakeKernelOptions = {}) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, routes: ROUTES, ...options });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	const warnings: string[] = [];
	const prospects = openProspects(
		host,
		new Deadline(host, 5000),
		[mapping("IPv4", "udp")],
		(why) => warnings.push(why),
	);
	return { prospects, kernel, warnings };
}

test("say where the rules lead, and are read when the first is asked for", async () => {
	const { prospects, kernel, warnings } = open({
		rules: natRules("udp local:8125 > 10.88.0.2:5353"),
	});
	expect(kernel.requests).toEqual([]);
	const found = await prospects.of(E);
	expect(found && mayLeadTo(found, "10.88.0.2", 5353)).toBe(true);
	prospects.close();
	expect(kernel.open()).toBe(0);
	expect(warnings).toEqual([]);
});

test("are none where the rules cannot be read, which is told once", async () => {
	const { prospects, warnings, kernel } = open();
	expect(await prospects.of(E)).toBeUndefined();
	expect(await prospects.of(E)).toBeUndefined();
	expect(warnings).toEqual(["Error: this kernel shows no nat rules"]);
	prospects.close();
	expect(kernel.open()).toBe(0);
});

test("a deadline is the caller's", async () => {
	const { prospects } = open({
		rules: natRules(),
		answer: (r) => (r.type === 0x0a10 ? [] : undefined),
	});
	await expect(prospects.of(E)).rejects.toThrow(DeadlineError);
});

test("what was never asked for is closed", () =>
	expect(() => open().prospects.close()).not.toThrow());
