// A table that a test of the sweep changes between samples, and its time.

import { expect } from "vitest";
import { everything } from "../../../src/sweep/scope.ts";
import { type Memory, type Rule, sweepOnce } from "../../../src/sweep/sweep.ts";
import { attr, be32, type EntrySpec, nest, u8 } from "../entries.ts";
import { fakeHost } from "../fakehost.ts";
import { fakeKernel } from "../fakekernel.ts";
import { ROUTES } from "./calls.ts";

export const FLOW = "192.0.2.7:40000 > 203.0.113.1:8080";

/** A TCP entry with its timer; state 1 is SYN_SENT. */
export const syn = (
	id: number,
	timeout: number,
	more: Partial<EntrySpec> = {},
	state = 1,
): EntrySpec => ({
	id,
	proto: "tcp",
	orig: FLOW.replace("40000", String(40000 + id)),
	...more,
	extra: [attr(7, be32(timeout)), nest(4, nest(1, attr(1, u8(state))))],
});

export const RULE: Rule = {
	scope: everything,
	threshold: 3,
	cap: 1000,
	dryRun: false,
};

/** Makes a memory, which the samples of a test share. */
export function samples(
	rule: Partial<Rule> = {},
	files: Record<string, string> = {},
) {
	const memory: Memory = new Map();
	const clock = { ms: 0 };
	return {
		memory,
		/** Takes a sample of these entries at a time in seconds. Returns the ids of those that were removed. */
		async at(seconds: number, ...entries: EntrySpec[]): Promise<number[]> {
			clock.ms = 1000 * seconds;
			const kernel = fakeKernel({ clock, entries, routes: ROUTES });
			const host = fakeHost({ clock, netlink: kernel.netlink, files });
			const found = await sweepOnce(host, memory, { ...RULE, ...rule });
			expect(kernel.open()).toBe(0);
			const left = kernel.left();
			const removed = entries
				.map((e) => e.id ?? 1)
				.filter((id) => !left.includes(id));
			if (!rule.dryRun) expect(found.outcome.done).toBe(removed.length);
			return rule.dryRun
				? found.swept.map((s) => s.entry.orig.sport - 40000)
				: removed;
		},
	};
}
