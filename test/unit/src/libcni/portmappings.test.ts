// Port mappings in every shape that a runtime may send: portmap makes rules of the same ones.

import { describe, expect, test } from "vitest";
import {
	type ItemProblem,
	resolveMappings,
} from "../../../../src/libcni/portmappings.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
} from "../../../../src/net/proto.ts";

const EVERY = [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP] as const;
const P4 = "10.88.0.2";
const P6 = "fd88::2";
const ITEM = { hostPort: 8125, containerPort: 5353, protocol: "udp" };

function resolve(
	item: unknown,
	podIPs = [P4, P6],
	protocols: readonly (6 | 17 | 132)[] = EVERY,
) {
	const problems: ItemProblem[] = [];
	const found = resolveMappings([item], protocols, podIPs, (p) => {
		problems.push(p);
	});
	return { found, problems };
}

/** `family proto hostIP:hostPort > podIP:containerPort` */
function show(item: unknown, podIPs?: string[]): string[] {
	const { found, problems } = resolve(item, podIPs);
	if (problems.length > 0) throw problems[0];
	return found.map(
		(m) =>
			`${m.family} ${m.proto} ${m.hostIP}:${m.hostPort} > ${m.podIP}:${m.containerPort}`,
	);
}

describe("one item", () => {
	test.each<[string, unknown, string[]]>([
		[
			"a mapping for each family of the pod",
			ITEM,
			["2 17 null:8125 > 10.88.0.2:5353", "10 17 null:8125 > fd88::2:5353"],
		],
		[
			"as containerd writes it",
			{ HostPort: 53, ContainerPort: 53, Protocol: "udp", HostIP: "" },
			["2 17 null:53 > 10.88.0.2:53", "10 17 null:53 > fd88::2:53"],
		],
		[
			"in any letter case",
			{ HOSTPORT: 53, containerport: 54, pRoToCoL: "udp", hostip: "10.0.0.1" },
			["2 17 10.0.0.1:53 > 10.88.0.2:54"],
		],
		[
			"the last of keys that differ in case, as Go takes it",
			{
				hostPort: 1,
				HostPort: 2,
				containerPort: 3,
				protocol: "udp",
				hostIP: "10.0.0.1",
			},
			["2 17 10.0.0.1:2 > 10.88.0.2:3"],
		],
		[
			"with keys that nobody knows",
			{ ...ITEM, hostIP: "10.0.0.1", name: "dns", __proto: 1 },
			["2 17 10.0.0.1:8125 > 10.88.0.2:5353"],
		],
		[
			"the greatest ports",
			{ ...ITEM, hostPort: 65535, containerPort: 65535, hostIP: "10.0.0.1" },
			["2 17 10.0.0.1:65535 > 10.88.0.2:65535"],
		],
		[
			"the least ports",
			{ ...ITEM, hostPort: 1, containerPort: 1, hostIP: "10.0.0.1" },
			["2 17 10.0.0.1:1 > 10.88.0.2:1"],
		],
		["hostPort 0: not mapped", { ...ITEM, hostPort: 0 }, []],
		["no hostPort: not mapped", { containerPort: 53, protocol: "udp" }, []],
		["a null hostPort: not mapped", { ...ITEM, hostPort: null }, []],
		[
			"no protocol is TCP",
			{ hostPort: 1, containerPort: 2, hostIP: "10.0.0.1" },
			["2 6 10.0.0.1:1 > 10.88.0.2:2"],
		],
		[
			"an empty protocol is TCP",
			{ ...ITEM, protocol: "", hostIP: "10.0.0.1" },
			["2 6 10.0.0.1:8125 > 10.88.0.2:5353"],
		],
		[
			"a null protocol is TCP, as Go reads it",
			{ ...ITEM, protocol: null, hostIP: "10.0.0.1" },
			["2 6 10.0.0.1:8125 > 10.88.0.2:5353"],
		],
		[
			"a protocol in capitals",
			{ ...ITEM, protocol: "SCTP", hostIP: "10.0.0.1" },
			["2 132 10.0.0.1:8125 > 10.88.0.2:5353"],
		],
		["a protocol that portmap does not map", { ...ITEM, protocol: "icmp" }, []],
		[
			"a protocol by its number: portmap compares the name",
			{ ...ITEM, protocol: "17" },
			[],
		],
		["a protocol of Object's", { ...ITEM, protocol: "constructor" }, []],
		[
			"a prototype is no mapping",
			JSON.parse(
				'{"__proto__":{"hostport":53,"containerport":53,"protocol":"udp"},"containerPort":1}',
			),
			[],
		],
	])("%s", (_, item, want) => expect(show(item)).toEqual(want));

	const v4 = (ip: string | null) => [`2 17 ${ip}:8125 > 10.88.0.2:5353`];
	const v6 = (ip: string | null) => [`10 17 ${ip}:8125 > fd88::2:5353`];
	test.each<[unknown, string[]]>([
		["", [...v4(null), ...v6(null)]],
		[undefined, [...v4(null), ...v6(null)]],
		[null, [...v4(null), ...v6(null)]],
		["0.0.0.0", v4(null)],
		["::", v6(null)],
		["0:0:0:0:0:0:0:0", v6(null)],
		["::ffff:0.0.0.0", v4(null)],
		["203.0.113.1", v4("203.0.113.1")],
		["::ffff:203.0.113.1", v4("203.0.113.1")],
		["127.0.0.1", v4("127.0.0.1")],
		["FD03:0::1", v6("fd03::1")],
		["::1", v6("::1")],
	])("hostIP %j", (hostIP, want) =>
		expect(show({ ...ITEM, hostIP })).toEqual(want),
	);

	test.each<[string, string[], string[]]>([
		["IPv4 alone", [P4], v4(null)],
		["IPv6 alone", [P6], v6(null)],
		["no address", [], []],
	])("a pod with %s", (_, podIPs, want) =>
		expect(show(ITEM, podIPs)).toEqual(want),
	);

	test("of the other family than the pod's is no mapping", () =>
		expect(show({ ...ITEM, hostIP: "fd03::1" }, [P4])).toEqual([]));

	test.each([
		["udp", 2],
		["tcp", 0],
		["sctp", 0],
	])("of protocol %s where only UDP is handled: %i", (protocol, want) =>
		expect(
			resolve({ ...ITEM, protocol }, [P4, P6], [IPPROTO_UDP]).found,
		).toHaveLength(want),
	);
});

describe("an item that is no port mapping is left out and reported", () => {
	test.each<[unknown, string]>([
		[[], "portMappings[0]: []"],
		[null, "portMappings[0]: null"],
		[7, "portMappings[0]: 7"],
		["8125:53", 'portMappings[0]: "8125:53"'],
		[true, "portMappings[0]: true"],
		[{ ...ITEM, hostPort: "8125" }, 'portMappings[0].hostPort: "8125"'],
		[{ ...ITEM, hostPort: 1.5 }, "portMappings[0].hostPort: 1.5"],
		[{ ...ITEM, hostPort: [8125] }, "portMappings[0].hostPort: [8125]"],
		[{ ...ITEM, containerPort: "x" }, 'portMappings[0].containerPort: "x"'],
		[{ ...ITEM, protocol: 17 }, "portMappings[0].protocol: 17"],
		[{ ...ITEM, hostIP: 7 }, "portMappings[0].hostIP: 7"],
	])("as of a wrong type: %j", (item, message) =>
		report(item, message, "type"),
	);

	test.each<[unknown, string]>([
		[{ ...ITEM, hostPort: 70000 }, "portMappings[0].hostPort: 70000"],
		[{ ...ITEM, hostPort: -1 }, "portMappings[0].hostPort: -1"],
		[{ ...ITEM, HostPort: 65536 }, "portMappings[0].hostPort: 65536"],
		[{ ...ITEM, containerPort: 0 }, "portMappings[0].containerPort: 0"],
		[{ ...ITEM, containerPort: null }, "portMappings[0].containerPort: 0"],
		[{ ...ITEM, containerPort: 65536 }, "portMappings[0].containerPort: 65536"],
		[{ ...ITEM, hostIP: "localhost" }, 'portMappings[0].hostIP: "localhost"'],
		[{ ...ITEM, hostIP: "1.2.3" }, 'portMappings[0].hostIP: "1.2.3"'],
		[{ ...ITEM, hostIP: "010.0.0.1" }, 'portMappings[0].hostIP: "010.0.0.1"'],
		[{ ...ITEM, hostIP: "10.0.0.1/8" }, 'portMappings[0].hostIP: "10.0.0.1/8"'],
		[
			{ ...ITEM, hostIP: "fe80::1%eth0" },
			'portMappings[0].hostIP: "fe80::1%eth0"',
		],
	])("as one that has no rule: %j", (item, message) =>
		report(item, message, "value"),
	);

	function report(item: unknown, message: string, kind: string): void {
		const { found, problems } = resolve(item);
		expect(found).toEqual([]);
		expect(
			problems.map((p) => [p.kind, `${p.where}: ${JSON.stringify(p.value)}`]),
		).toEqual([[kind, message]]);
		expect(problems[0]?.must).toMatch(/^must be/);
	}

	test.each([
		{ ...ITEM, protocol: "icmp", hostPort: "x" },
		{ ...ITEM, hostPort: 0, containerPort: "x", hostIP: 7 },
	])("unless it maps no port of a handled protocol: %j", (item) =>
		expect(resolve(item)).toEqual({ found: [], problems: [] }),
	);

	test("and the others are taken", () => {
		const problems: string[] = [];
		const found = resolveMappings(
			[ITEM, null, { ...ITEM, hostPort: 53 }, { ...ITEM, hostPort: -1 }],
			EVERY,
			[P4],
			({ where, value }) => {
				problems.push(`${where}: ${JSON.stringify(value)}`);
			},
		);
		expect(found.map((m) => m.hostPort)).toEqual([8125, 53]);
		expect(problems).toEqual([
			"portMappings[1]: null",
			"portMappings[3].hostPort: -1",
		]);
	});

	test("what `onProblem` throws ends it", () => {
		expect(() =>
			resolveMappings([null], EVERY, [P4], ({ where }) => {
				throw new Error(where);
			}),
		).toThrow("portMappings[0]");
	});
});

test("1000 mappings stay in order", () => {
	const items = Array.from({ length: 1000 }, (_, i) => ({
		...ITEM,
		hostPort: 1 + i,
	}));
	const found = resolveMappings(items, EVERY, [P4, P6], () =>
		expect.fail("problem"),
	);
	expect(found).toHaveLength(2000);
	expect(found.at(-1)).toMatchObject({ hostPort: 1000, podIP: P6 });
});
