// The way of finding entries that is chosen, by what each costs in the kernel.

import { describe, expect, test } from "vitest";
import type {
	DumpFilter,
	FlushFilter,
} from "../../../../src/conntrack/messages.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../../../src/net/proto.ts";
import { costs, plan, type Situation } from "../../../../src/policy/plan.ts";

const FILTER: FlushFilter = {
	proto: IPPROTO_UDP,
	origDport: 8125,
	origDst: undefined,
	replySrc: "10.88.0.2",
	replySport: 5353,
};
const ports = (n: number): DumpFilter[] =>
	Array.from({ length: n }, (_, i) => ({
		family: AF_INET,
		proto: IPPROTO_UDP,
		hostPort: 8000 + i,
	}));
/** Each port on both sides of an entry. */
const both = (n: number): DumpFilter[] =>
	ports(n).flatMap((p) => [p, { ...p, side: "reply" }]);
const filters = (n: number): FlushFilter[] =>
	ports(n).map(({ hostPort }) => ({ ...FILTER, origDport: hostPort ?? 0 }));

/** A node of more than 4 GB whose table is all in one namespace. */
function situation(
	entries: number,
	nPorts: number,
	given: Partial<Situation> = {},
): Situation {
	return {
		entries,
		everywhere: entries,
		buckets: 262_144,
		ports: ports(nPorts),
		filters: undefined,
		...given,
	};
}

describe("plan", () => {
	test.each<[string, Situation, ReturnType<typeof plan>["how"]]>([
		["a few entries, one port", situation(10, 1), "filtered-dump"],
		[
			"some thousands of entries, one port: the answer is small",
			situation(20_000, 1),
			"filtered-dump",
		],
		[
			"a few entries, a row of ports: no dump is for some of them",
			situation(10, 1, {
				ports: ports(1).map((p) => ({ ...p, count: 2 })),
			}),
			"scan",
		],
		[
			"some thousands of entries, many ports: one walk for all",
			situation(20_000, 20),
			"scan",
		],
		[
			"a large table: a dump of one port would stall the machine",
			situation(262_144, 1),
			"scan",
		],
		[
			"a large table, half of it of the protocol: its entries fill datagrams soon",
			situation(262_144, 1, { share: () => 0.5 }),
			"filtered-dump",
		],
		[
			"as large, one entry in 400 of the protocol: 16 ms without a datagram",
			situation(262_144, 1, { share: () => 1 / 400 }),
			"scan",
		],
		[
			"a million, one entry in 50 of the protocol",
			situation(1_000_000, 1, { share: () => 0.02 }),
			"filtered-dump",
		],
		[
			"nothing of the protocol in the sample",
			situation(262_144, 1, { share: () => 0 }),
			"scan",
		],
		[
			"all of the protocol, in both families: two walks cost more than they save",
			situation(262_144, 0, {
				ports: [
					...ports(1),
					{ ...(ports(1)[0] as DumpFilter), family: AF_INET6 },
				],
				share: () => 0.5,
			}),
			"scan",
		],
		[
			"a tenth of the protocol in a table that is mostly of other namespaces",
			situation(20_000, 1, { everywhere: 1_000_000, share: () => 0.1 }),
			"scan",
		],
		[
			"some thousands of entries, many ports, half of the protocol",
			situation(20_000, 20, { share: () => 0.5 }),
			"filtered-dump",
		],
		[
			"a small table among large ones of other namespaces, which stall it as well",
			situation(1000, 1, { everywhere: 262_144 }),
			"scan",
		],
		[
			"a large table, DEL of one mapping",
			situation(262_144, 1, { filters: filters(1) }),
			"kernel-flush",
		],
		[
			"a few entries, DEL of 16 mappings: the kernel passes empty buckets quickly",
			situation(3000, 16, { filters: filters(16) }),
			"scan",
		],
		[
			"a few entries, DEL of 4 mappings",
			situation(3000, 4, { filters: filters(4) }),
			"kernel-flush",
		],
		[
			"a large table, DEL of 100 mappings: 100 walks cost more than one",
			situation(262_144, 100, { filters: filters(100) }),
			"scan",
		],
		[
			"a few entries, DEL of one mapping",
			situation(10, 1, { filters: filters(1) }),
			"kernel-flush",
		],
		[
			"all ports of a protocol",
			situation(20_000, 0, {
				ports: [{ family: AF_INET, proto: IPPROTO_UDP, hostPort: null }],
			}),
			"scan",
		],
		[
			"all ports of one protocol besides a port",
			situation(20_000, 0, {
				ports: [
					...ports(1),
					{ family: AF_INET, proto: IPPROTO_TCP, hostPort: null },
				],
			}),
			"scan",
		],
	])("%s", (_, given, want) => {
		expect(plan(given).how).toBe(want);
	});

	test("asks for every distinct port once, families and protocols apart", () => {
		const twice = [
			...ports(1),
			...ports(1),
			{ ...(ports(1)[0] as DumpFilter), hostPort: 53 },
		];
		const given = situation(20_000, 0, {
			ports: [
				...twice,
				{ family: AF_INET6, proto: IPPROTO_UDP, hostPort: 53 },
				{ family: AF_INET, proto: IPPROTO_TCP, hostPort: 53 },
			],
			buckets: 1024,
		});
		const chosen = plan(given);
		expect(chosen.how).toBe("filtered-dump");
		if (chosen.how !== "filtered-dump") return;
		expect(chosen.dumps.map((d) => [d.family, d.proto, d.hostPort])).toEqual([
			[2, 17, 8000],
			[2, 17, 53],
			[10, 17, 53],
			[2, 6, 53],
		]);
	});

	test.each<[string, Situation, ReturnType<typeof plan>["how"]]>([
		["a few entries", situation(50, 0, { ports: both(1) }), "scan"],
		[
			"thousands of entries: two small answers",
			situation(20_000, 0, { ports: both(1) }),
			"filtered-dump",
		],
		[
			"a large table: a dump of one port would stall the machine",
			situation(262_144, 0, { ports: both(1) }),
			"scan",
		],
		[
			"a large table, DEL of one mapping: two walks in the kernel",
			situation(262_144, 0, { ports: both(1), filters: filters(2) }),
			"kernel-flush",
		],
	])("of both sides of an entry, %s", (_, given, want) => {
		expect(plan(given).how).toBe(want);
	});

	test("dumps the two sides of a port apart, and a protocol once for both", () => {
		const dumpsOf = (given: Situation) => {
			const chosen = plan(given);
			return chosen.how === "filtered-dump" ? chosen.dumps : [];
		};
		const port = { family: AF_INET, proto: IPPROTO_UDP, hostPort: 8000 };
		expect(dumpsOf(situation(20_000, 0, { ports: both(1) }))).toEqual([
			port,
			{ ...port, side: "reply" },
		]);
		const large = { ports: both(1), share: () => 0.5 };
		expect(dumpsOf(situation(262_144, 0, large))).toEqual([
			{ ...port, hostPort: null },
		]);
	});

	test("hands the filters on as they came", () => {
		const given = situation(1000, 1, { filters: filters(1) });
		expect(plan(given)).toEqual({ how: "kernel-flush", filters: filters(1) });
	});
});

describe("costs", () => {
	test.each([0, 1, 1000, 65_536, 1_000_000])(
		"with %i entries: more of anything never costs less",
		(entries) => {
			const base = costs(situation(entries, 2, { filters: filters(2) }));
			const more: Partial<Situation>[] = [
				{ entries: entries + 1000, everywhere: entries + 1000 },
				{ everywhere: entries + 100_000 },
				{ buckets: 524_288 },
				{ ports: ports(3), filters: filters(3) },
			];
			for (const change of more) {
				const grown = costs(
					situation(entries, 2, { filters: filters(2), ...change }),
				);
				for (const way of [
					"kernel-flush",
					"port-dumps",
					"protocol-dumps",
					"scan",
				] as const)
					expect(grown[way]).toBeGreaterThanOrEqual(base[way]);
			}
		},
	);

	test("what cannot be done has no price", () => {
		expect(costs(situation(1000, 1))["kernel-flush"]).toBe(Infinity);
		expect(costs(situation(1000, 1))["protocol-dumps"]).toBe(Infinity);
		expect(costs(situation(262_144, 1))["port-dumps"]).toBe(Infinity);
	});

	// milliseconds of CPU with 262144 buckets, Linux 6.18
	test.each([
		[65_536, "scan", 103],
		[262_144, "scan", 359],
		[1_000_000, "scan", 1540],
		[262_144, "kernel-flush", 63],
		[1_000_000, "kernel-flush", 296],
	] as const)(
		"with %i entries a %s is within a factor of 1.5 of the %i ms measured",
		(entries, way, ms) => {
			const found = costs(situation(entries, 1, { filters: filters(1) }))[way];
			expect(found / ms).toBeGreaterThan(1 / 1.5);
			expect(found / ms).toBeLessThan(1.5);
		},
	);
});
