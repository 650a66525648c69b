// What the tests of the flush share: a table, a request, and the report.

import { expect } from "vitest";
import type { Entry } from "../../../src/conntrack/entry.ts";
import type { FlushFilter } from "../../../src/conntrack/messages.ts";
import { flush, type Request, type Search } from "../../../src/flush/flush.ts";
import { AF_INET } from "../../../src/net/ip.ts";
import { IPPROTO_UDP } from "../../../src/net/proto.ts";
import { fakeHost } from "../fakehost.ts";
import { type FakeKernelOptions, fakeKernel } from "../fakekernel.ts";
import { flows } from "./tables.ts";

export const GET = 0x0101;
export const GET_STATS = 0x0105;
export const PORT = {
	family: AF_INET,
	proto: IPPROTO_UDP,
	hostPort: 8125,
} as const;
export const FILTER: FlushFilter = {
	proto: IPPROTO_UDP,
	origDport: 8125,
	origDst: undefined,
	replySrc: "10.88.0.9",
	replySport: 5353,
};

/** Everything that leads to 10.88.0.9 has to go. */
export const judge = (e: Entry) =>
	e.reply.src === "10.88.0.9" ? "dead-pod" : undefined;

export async function run(
	kernelOptions: FakeKernelOptions,
	given: Partial<Request & Search> = {},
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, ...kernelOptions });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	const search: Search = { ports: [PORT], judge, ...given };
	const request: Request = {
		prepare: () => search,
		action: "delete",
		...given,
	};
	const logged: string[] = [];
	const report = await flush(host, request, (_, msg) => logged.push(msg));
	expect(kernel.open(), "sockets left open").toBe(0);
	const types = kernel.requests.map((r) => r.type);
	return { kernel, report, types, clock, error: report.error };
}

export const healthy = flows(3, { reply: "10.88.0.2:5353 > 192.0.2.7:1" });
