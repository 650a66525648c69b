// What the tests of the conntrack table share.

import { Conntrack } from "../../../src/conntrack/table.ts";
import { Deadline } from "../../../src/netlink/exchange.ts";
import type { EntrySpec } from "../entries.ts";
import { fakeHost } from "../fakehost.ts";
import { type FakeKernelOptions, fakeKernel } from "../fakekernel.ts";

/** DELETE and NEW, NFNL_SUBSYS_CTNETLINK << 8 */
export const DELETE = 0x0102;
export const NEW = 0x0100;

export function setUp(options: FakeKernelOptions = {}) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, ...options });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	const table = new Conntrack(host, new Deadline(host, 5000));
	return { clock, kernel, table };
}

/** Entries to the pod before, one per client port. */
export function flows(n: number, more: Partial<EntrySpec> = {}): EntrySpec[] {
	return Array.from({ length: n }, (_, i) => ({
		orig: `192.0.2.7:${10_000 + i} > 203.0.113.1:8125`,
		reply: `10.88.0.9:5353 > 192.0.2.7:${10_000 + i}`,
		status: ["DST_NAT"],
		id: 1000 + i,
		...more,
	}));
}
