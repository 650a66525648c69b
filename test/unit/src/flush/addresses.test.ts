// The node's own addresses, from local tables in memory.

import { describe, expect, test } from "vitest";
import { localAddresses } from "../../../../src/flush/addresses.ts";
import { AF_INET, AF_INET6, type Family } from "../../../../src/net/ip.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import {
	concat,
	datagram,
	doneMessage,
	errorMessage,
	hex,
	message,
	type Route,
	routeMessage,
	u32,
} from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
	type Reply,
} from "../../../support/fakekernel.ts";
import { fault } from "../../../support/unit/exchanges.ts";

const GETLINK = 18;
const GETROUTE = 26;

const ROUTES: readonly Route[] = [
	{ prefix: "127.0.0.0/8", oif: 1 },
	{ prefix: "203.0.113.1/32", oif: 2 },
	{ prefix: "10.96.0.20/32", oif: 9 },
	{ prefix: "::1/128", oif: 1 },
	{ prefix: "fd03::1/128", oif: 2 },
	{ prefix: "fd96::20/128", oif: 9 },
];

function setUp(
	options: FakeKernelOptions,
	families: readonly Family[] = [AF_INET, AF_INET6],
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, routes: ROUTES, ...options });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	const work = localAddresses(host, families, new Deadline(host, 5000));
	return { kernel, work, clock };
}

describe("localAddresses", () => {
	test("reads the local table of each family once, after looking for kube-ipvs0", async () => {
		const { kernel, work } = setUp({});
		const locals = await work;
		expect(
			kernel.requests.map((r) => [r.protocol, r.type, r.payload[0]]),
		).toEqual([
			[0, GETLINK, 0],
			[0, GETROUTE, 2],
			[0, GETROUTE, 10],
		]);
		expect(kernel.open()).toBe(0);
		for (const ip of [
			"127.0.0.1",
			"203.0.113.1",
			"10.96.0.20",
			"::1",
			"fd03::1",
		])
			expect(locals.has(ip), ip).toBe(true);
	});

	test("asks only for the families that are wanted", async () => {
		const { kernel, work } = setUp({}, [AF_INET6]);
		const locals = await work;
		expect(kernel.requests.map((r) => r.payload[0])).toEqual([0, 10]);
		expect(locals.has("203.0.113.1")).toBe(false);
		expect(locals.has("fd03::1")).toBe(true);
	});

	test.each([
		["an address on kube-ipvs0 is a Service's", "10.96.0.20", false],
		["of either family", "fd96::20", false],
		["those of other interfaces stay", "203.0.113.1", true],
	])("where kube-proxy runs in IPVS mode: %s", async (_, ip, want) => {
		const { work } = setUp({ links: { "kube-ipvs0": 9 } });
		expect((await work).has(ip)).toBe(want);
	});

	test("a Service on kube-ipvs0 is not local through a wider local route either", async () => {
		const { work } = setUp({
			links: { "kube-ipvs0": 9 },
			routes: [{ prefix: "10.96.0.0/12", oif: 1 }, ...ROUTES],
		});
		const locals = await work;
		expect(locals.has("10.96.0.21")).toBe(true);
		expect(locals.has("10.96.0.20")).toBe(false);
	});

	test("routes of other tables do not count, whoever sends them", async () => {
		const { work } = setUp({
			routes: [{ prefix: "198.51.100.0/24", table: 254 }],
		});
		expect((await work).has("198.51.100.9")).toBe(false);
	});

	test("a namespace without a local table has no local addresses", async () => {
		const { work } = setUp({
			answer: ({ type, seq }) =>
				type === GETROUTE ? [errorMessage(2, seq)] : undefined,
		});
		expect((await work).has("127.0.0.1")).toBe(false);
	});

	test.each<[string, (seq: number) => Reply]>([
		[
			"NLM_F_DUMP_INTR",
			(seq) => message({ type: 3, flags: 0x12, seq }, u32(0)),
		],
		["ENOBUFS", () => "ENOBUFS"],
	])(
		"a table that changed meanwhile is read again: %s",
		async (_, interruption) => {
			const { work, kernel } = setUp({
				answer: ({ type, nth, seq }) =>
					type === GETROUTE && nth === 0
						? [routeMessage({ prefix: "127.0.0.0/8" }, seq), interruption(seq)]
						: undefined,
			});
			const locals = await work;
			expect(locals.has("203.0.113.1")).toBe(true);
			expect(kernel.requests.filter((r) => r.type === GETROUTE)).toHaveLength(
				3,
			);
		},
	);

	test.each<[string, number, (seq: number) => readonly Reply[], object]>([
		[
			"the link is refused",
			GETLINK,
			(seq) => [errorMessage(1, seq)],
			{ message: "look up kube-ipvs0: EPERM" },
		],
		[
			"the link is no link",
			GETLINK,
			(seq) => [message({ type: 3, seq })],
			{ name: "DecodeError" },
		],
		[
			"the routes are refused",
			GETROUTE,
			(seq) => [errorMessage(1, seq)],
			{ message: "read local addresses: EPERM" },
		],
		[
			"the routes end in an error",
			GETROUTE,
			(seq) => [doneMessage(seq, 12)],
			{ errno: 12 },
		],
		[
			"a route is cut",
			GETROUTE,
			(seq) => [routeMessage({ prefix: "127.0.0.0/8" }, seq).subarray(0, 27)],
			{ name: "DecodeError" },
		],
		[
			"a route is malformed",
			GETROUTE,
			(seq) => [
				datagram(concat(message({ type: 24, seq }, hex("02")))),
				doneMessage(seq),
			],
			{ name: "DecodeError" },
		],
		["nothing comes", GETROUTE, () => [], { name: "DeadlineError" }],
	])(
		"throws if %s, and leaves no socket open",
		async (_, asked, replies, want) => {
			const { work, kernel } = setUp({
				answer: ({ type, seq }) => (type === asked ? replies(seq) : undefined),
			});
			expect(await fault(work)).toMatchObject(want);
			expect(kernel.open()).toBe(0);
		},
	);
});
