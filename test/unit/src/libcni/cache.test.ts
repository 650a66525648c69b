// libcni's cache, and that its reading agrees with the plugin's: a pod must look the same
// whether its ADD is recorded or its file is cached.

import { describe, expect, test } from "vitest";
import { readCache } from "../../../../src/libcni/cache.ts";
import { resolveMappings } from "../../../../src/libcni/portmappings.ts";
import { podIPsIn } from "../../../../src/libcni/result.ts";
import { PROTOCOLS } from "../../../../src/net/proto.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	cachedConfig,
	readCachedFile,
} from "../../../support/unit/cachedfile.ts";

const DIR = "/var/lib/cni/results";
/** The result for a pod with two addresses of IPv4, one of IPv6, and an address of the bridge. */
const RESULT = {
	interfaces: [{ name: "cni0" }, { name: "eth0", sandbox: "/run/netns/x" }],
	ips: [
		{ interface: 0, address: "10.88.0.1/16" },
		{ interface: 1, address: "10.88.0.2/16" },
		{ address: "10.88.0.3/16" },
		{ interface: 1, address: "fd00::2/64" },
	],
};

const read = (members: object) =>
	readCachedFile({ result: RESULT, ...members });

test("the addresses of a pod's loopback interface, which containerd has cached too, tell no pods apart", () => {
	const result = {
		interfaces: [{ name: "lo", sandbox: "/run/netns/x" }],
		ips: [{ interface: 0, address: "127.0.0.1/8" }],
	};
	expect(read({ ifName: "lo", result })).toMatchObject({ ips: [] });
	expect(read({})?.ips).toContain("10.88.0.2");
});

describe("a port mapping", () => {
	const v4 = "udp 8125 any > 10.88.0.2:53";
	const v6 = "udp 8125 any > fd00::2:53";
	const WHOLE = { hostPort: 8125, containerPort: 53, protocol: "udp" };
	test.each<[string, unknown, string[]]>([
		["for the first address of each family", WHOLE, [v4, v6]],
		[
			"as containerd writes it",
			{ HostPort: 8125, ContainerPort: 53, Protocol: "UDP", HostIP: "" },
			[v4, v6],
		],
		["of all of IPv4", { ...WHOLE, hostIP: "0.0.0.0" }, [v4]],
		["of all of IPv6", { ...WHOLE, hostIP: "::" }, [v6]],
		[
			"of one address",
			{ ...WHOLE, hostIP: "192.0.2.1" },
			["udp 8125 192.0.2.1 > 10.88.0.2:53"],
		],
		[
			"without a protocol",
			{ ...WHOLE, protocol: undefined, hostIP: "0.0.0.0" },
			["tcp 8125 any > 10.88.0.2:53"],
		],
		["without a hostPort", { ...WHOLE, hostPort: 0 }, []],
		["of a port that is none", { ...WHOLE, containerPort: "53" }, []],
		["of an address that is none", { ...WHOLE, hostIP: "x" }, []],
		["of another protocol", { ...WHOLE, protocol: "icmp" }, []],
		["that is none", null, []],
	])("%s", (_, item, want) => {
		const found = read({ capabilityArgs: { portMappings: [item] } });
		const names: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp" };
		expect(
			found?.mappings.map(
				(m) =>
					`${names[m.proto]} ${m.hostPort} ${m.hostIP ?? "any"} > ${m.podIP}:${m.containerPort}`,
			),
		).toEqual(want);
	});
});

test.each(["", "x", "xx"])(
	"portmap in its configuration is found (%j before it)",
	(pad) => {
		const item = { hostPort: 8125, containerPort: 53, hostIP: "0.0.0.0" };
		const capabilityArgs = { portMappings: [item] };
		const count = (type: string) =>
			read({ capabilityArgs, config: cachedConfig(type, pad) })?.mappings
				.length;
		expect(count("portmap")).toBe(1);
		expect(count("portmapper")).toBe(0);
	},
);

test("the pod's name", () => {
	const cniArgs = [
		["IgnoreUnknown", "1"],
		["K8S_POD_NAMESPACE", "ns"],
		["K8S_POD_NAME", "pod"],
	];
	expect(read({ cniArgs })?.pod).toBe("ns/pod");
	expect(read({})?.pod).toBeUndefined();
});

test("the result of an old version", () => {
	const result = { ip4: { ip: "10.88.0.2/16" }, ip6: { ip: "fd00::2/64" } };
	expect(read({ result })?.ips).toEqual(["10.88.0.2", "fd00::2"]);
});

test.each<[string, object, string | undefined]>([
	["by itself", { netns: "/run/netns/y" }, "/run/netns/y"],
	["in the result, before libcni 1.2", {}, "/run/netns/x"],
	["in the result, if it is empty", { netns: "" }, "/run/netns/x"],
	["nowhere", { result: { ips: RESULT.ips } }, undefined],
])("the path of the network namespace is cached %s", (_, members, want) =>
	expect(read(members)?.netns).toBe(want),
);

test("there may be none", () => {
	expect(readCache(fakeHost(), DIR)).toEqual([]);
});

describe("the plugin and the cache read the same port mappings", () => {
	const ITEM = { hostPort: 8125, containerPort: 53, protocol: "udp" };
	const both = (items: readonly unknown[], result: object) => ({
		plugin: resolveMappings(
			items,
			Object.values(PROTOCOLS),
			podIPsIn(result, "eth0"),
			() => {},
		),
		cache: readCachedFile({ result, capabilityArgs: { portMappings: items } })
			?.mappings,
	});
	const V4 = { ips: [{ address: "10.88.0.2/16" }] };

	test.each<[string, readonly unknown[], number]>([
		["whole", [ITEM], 2],
		["none", [], 0],
		["null among them", [null, ITEM, null], 2],
		["what is no object among them", ["8125:53", 7, [], ITEM], 2],
		[
			"in the spelling of Go",
			[{ HostPort: 8125, ContainerPort: 53, Protocol: "UDP", HostIP: "" }],
			2,
		],
		[
			"in lower case",
			[
				{
					hostport: 8125,
					containerport: 53,
					protocol: "udp",
					hostip: "0.0.0.0",
				},
			],
			1,
		],
		[
			"with keys that differ in case alone",
			[{ hostPort: 1, HostPort: 8125, containerPort: 53, protocol: "udp" }],
			2,
		],
		[
			"with members that are null",
			[{ hostPort: 8125, containerPort: 53, protocol: null, hostIP: null }],
			2,
		],
		[
			"with a numeric string for the hostPort",
			[{ ...ITEM, hostPort: "8125" }],
			0,
		],
		[
			"with a numeric string for the containerPort",
			[{ ...ITEM, containerPort: "53" }],
			0,
		],
		["with a hostPort of 0", [{ ...ITEM, hostPort: 0 }], 0],
		["with a hostPort out of range", [{ ...ITEM, hostPort: 70000 }], 0],
		["with the hostIP of one family", [{ ...ITEM, hostIP: "203.0.113.1" }], 1],
		["with the wildcard of one family", [{ ...ITEM, hostIP: "::" }], 1],
		["with a hostIP that is no address", [{ ...ITEM, hostIP: "localhost" }], 0],
		["of another protocol", [{ ...ITEM, protocol: "icmp" }], 0],
	])("%s", (_, items, want) => {
		const { plugin, cache } = both(items, RESULT);
		expect(plugin).toHaveLength(want);
		expect(cache).toEqual(plugin);
	});

	test.each<[string, object, number]>([
		["without a result's addresses", {}, 0],
		["in one family, of the other family's hostIP", V4, 0],
		[
			"at an address behind a null",
			{ ips: [null, { address: "fd88::2/64" }] },
			1,
		],
		[
			"at an address whose interface is a text",
			{
				interfaces: [{ name: "cni0" }],
				ips: [{ interface: "0", address: "fd88::2/64" }],
			},
			1,
		],
		[
			"at an address whose interface is not listed",
			{
				interfaces: [{ name: "cni0" }],
				ips: [{ interface: 7, address: "fd88::2/64" }],
			},
			1,
		],
	])("of a pod %s", (_, result, want) => {
		const { plugin, cache } = both([{ ...ITEM, hostIP: "fd03::1" }], result);
		expect(plugin).toHaveLength(want);
		expect(cache).toEqual(plugin);
	});
});
