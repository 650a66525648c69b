// Helpers for the tests of exchanges: a made-up request whose answer is a number.

import { expect } from "vitest";
import { Deadline } from "../../../src/netlink/deadline.ts";
import { Exchange } from "../../../src/netlink/exchange.ts";
import { NETLINK_NETFILTER, type Writer } from "../../../src/netlink/nl.ts";
import type { Message, RecvBuffer } from "../../../src/netlink/reader.ts";
import { message, u32 } from "../entries.ts";
import { fakeHost } from "../fakehost.ts";
import { type FakeKernelOptions, fakeKernel } from "../fakekernel.ts";

export const TYPE = 0x0777;
export const ANSWER = 0x0778;

export function setUp(options: FakeKernelOptions, ms = 5000) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, ...options });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	const deadline = new Deadline(host, ms);
	const exchange = new Exchange(host, NETLINK_NETFILTER, deadline);
	return { clock, kernel, host, exchange };
}

export const write = (w: Writer, seq: number): void =>
	w.message(TYPE, 1, seq, () => {});
export const value = (seq: number, n: number): Uint8Array =>
	message({ type: ANSWER, seq }, u32(n));
export const readValue = (b: RecvBuffer, m: Message): number =>
	b.u32(m.start + 16);

/** Returns what was thrown. A test that expects an error fails without one. */
export async function fault(work: Promise<unknown>): Promise<unknown> {
	return work.then(
		(result) => expect.fail(`no error but ${JSON.stringify(result)}`),
		(e: unknown) => e,
	);
}
