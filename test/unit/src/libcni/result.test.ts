// The pod's addresses and its network namespace in a result of any version. The plugin
// and the cache must read the same addresses, so each of those rows is read both ways.

import { describe, expect, test } from "vitest";
import {
	firstOfEachFamily,
	podIPsIn,
	sandboxIn,
} from "../../../../src/libcni/result.ts";
import { readCachedFile } from "../../../support/unit/cachedfile.ts";

const eth0 = {
	name: "eth0",
	mac: "02:00:00:00:00:01",
	sandbox: "/run/netns/x",
};
const cni0 = { name: "cni0" };
const veth = { name: "veth1" };
const net1 = { name: "net1", sandbox: "/run/netns/x" };

describe("podIPs", () => {
	test.each<[string, object | undefined, string[]]>([
		["no result", undefined, []],
		["an empty result", {}, []],
		// 0.1.0, 0.2.0
		[
			"0.2.0, both families",
			{
				cniVersion: "0.2.0",
				ip4: { ip: "10.88.0.2/16", gateway: "10.88.0.1" },
				ip6: { ip: "fd88::2/64" },
			},
			["10.88.0.2", "fd88::2"],
		],
		["0.1.0, IPv4", { ip4: { ip: "10.88.0.2/16" } }, ["10.88.0.2"]],
		[
			"0.2.0, IPv6, the other null",
			{ ip4: null, ip6: { ip: "fd88::2/64" } },
			["fd88::2"],
		],
		// 0.3.0 to 0.4.0: with version
		[
			"0.3.1, without interface",
			{
				cniVersion: "0.3.1",
				ips: [
					{ version: "4", address: "10.88.0.2/16" },
					{ version: "6", address: "fd88::2/64" },
				],
			},
			["10.88.0.2", "fd88::2"],
		],
		[
			"0.4.0, with interface",
			{
				cniVersion: "0.4.0",
				interfaces: [cni0, veth, eth0],
				ips: [{ version: "4", interface: 2, address: "10.88.0.2/16" }],
			},
			["10.88.0.2"],
		],
		// 1.0.0 and later
		[
			"1.0.0, both families",
			{
				cniVersion: "1.0.0",
				interfaces: [eth0],
				ips: [
					{ interface: 0, address: "fd88::2/64" },
					{ interface: 0, address: "10.88.0.2/16" },
				],
			},
			["fd88::2", "10.88.0.2"],
		],
		[
			"the first of each family",
			{
				ips: [
					{ address: "10.88.0.2/16" },
					{ address: "10.88.0.3/16" },
					{ address: "fd88::2/64" },
					{ address: "fd88::3/64" },
				],
			},
			["10.88.0.2", "fd88::2"],
		],
		[
			"not that of the bridge",
			{
				interfaces: [cni0, eth0],
				ips: [
					{ interface: 0, address: "10.88.0.1/16" },
					{ interface: 1, address: "10.88.0.2/16" },
				],
			},
			["10.88.0.2"],
		],
		[
			"not that of the host's interface of the same name",
			{
				interfaces: [{ name: "eth0" }, eth0],
				ips: [
					{ interface: 0, address: "192.0.2.1/24" },
					{ interface: 1, address: "10.88.0.2/16" },
				],
			},
			["10.88.0.2"],
		],
		[
			"not that of an interface with an empty sandbox",
			{
				interfaces: [{ name: "eth0", sandbox: "" }],
				ips: [{ interface: 0, address: "10.88.0.2/16" }],
			},
			[],
		],
		[
			"not that of another interface in the pod",
			{
				interfaces: [net1, eth0],
				ips: [
					{ interface: 0, address: "10.99.0.2/16" },
					{ interface: 1, address: "10.88.0.2/16" },
				],
			},
			["10.88.0.2"],
		],
		[
			"one whose interface is not said",
			{ interfaces: [cni0], ips: [{ address: "10.88.0.2/16" }] },
			["10.88.0.2"],
		],
		[
			"one whose interface is null",
			{
				interfaces: [cni0],
				ips: [{ interface: null, address: "10.88.0.2/16" }],
			},
			["10.88.0.2"],
		],
		[
			"one whose interface is not listed, as portmap takes it",
			{ interfaces: [cni0], ips: [{ interface: 5, address: "10.88.0.2/16" }] },
			["10.88.0.2"],
		],
		[
			"one whose interface is negative",
			{ interfaces: [cni0], ips: [{ interface: -1, address: "10.88.0.2/16" }] },
			["10.88.0.2"],
		],
		[
			"one of a null interface",
			{ interfaces: [null], ips: [{ interface: 0, address: "10.88.0.2/16" }] },
			["10.88.0.2"],
		],
		[
			"without a list of interfaces",
			{ ips: [{ interface: 0, address: "10.88.0.2/16" }] },
			["10.88.0.2"],
		],
		[
			"ips wins over ip4",
			{ ips: [{ address: "10.88.0.2/16" }], ip4: { ip: "10.99.0.2/16" } },
			["10.88.0.2"],
		],
		[
			"an address without its prefix",
			{ ips: [{ address: "10.88.0.2" }] },
			["10.88.0.2"],
		],
		[
			"v4-mapped is IPv4",
			{
				ips: [{ address: "::ffff:10.88.0.2/112" }, { address: "10.88.0.3/16" }],
			},
			["10.88.0.2"],
		],
		[
			"in canonical form",
			{ ips: [{ address: "FD88:0:0::02/64" }] },
			["fd88::2"],
		],
		// results that no plugin should write
		[
			"null in ips",
			{ ips: [null, { address: "10.88.0.2/16" }] },
			["10.88.0.2"],
		],
		[
			"texts in ips",
			{ ips: ["10.88.0.9/16", { address: "10.88.0.2/16" }] },
			["10.88.0.2"],
		],
		[
			"numbers and nothing for addresses",
			{
				ips: [
					{ address: 7 },
					{},
					{ address: null },
					{ address: "10.88.0.2/16" },
				],
			},
			["10.88.0.2"],
		],
		[
			"malformed addresses before a good one",
			{
				ips: [
					{ address: "10.88.0/16" },
					{ address: "" },
					{ address: "x" },
					{ address: "10.88.0.2/16" },
				],
			},
			["10.88.0.2"],
		],
		["ips that is no list", { ips: { address: "10.88.0.2/16" } }, []],
		["ips that is empty", { ips: [] }, []],
		[
			"interfaces that is no list",
			{
				interfaces: { 0: cni0 },
				ips: [{ interface: 0, address: "10.88.0.2/16" }],
			},
			["10.88.0.2"],
		],
		["ip4 that is a text", { ip4: "10.88.0.2/16" }, []],
		["ip4 without ip", { ip4: {} }, []],
		[
			"null in ips before an address of the pod",
			{
				interfaces: [eth0],
				ips: [null, { interface: 0, address: "fd88::2/64" }],
			},
			["fd88::2"],
		],
		[
			"an interface that is a text: it names none",
			{
				interfaces: [cni0],
				ips: [{ interface: "0", address: "10.88.0.2/16" }],
			},
			["10.88.0.2"],
		],
		[
			"an interface beyond the list",
			{
				interfaces: [cni0, eth0],
				ips: [{ interface: 7, address: "10.88.0.2/16" }],
			},
			["10.88.0.2"],
		],
		[
			"an interface that is no whole number",
			{
				interfaces: [cni0],
				ips: [{ interface: 0.5, address: "10.88.0.2/16" }],
			},
			["10.88.0.2"],
		],
	])("%s", (_, result, want) => {
		expect(podIPsIn(result, "eth0")).toEqual(want);
		const cached = readCachedFile({ result })?.ips ?? [];
		expect(firstOfEachFamily(cached)).toEqual(want);
	});

	test("of another interface when that is the attachment's", () => {
		const result = {
			interfaces: [eth0, net1],
			ips: [
				{ interface: 0, address: "10.88.0.2/16" },
				{ interface: 1, address: "10.99.0.2/16" },
			],
		};
		expect(podIPsIn(result, "net1")).toEqual(["10.99.0.2"]);
		expect(readCachedFile({ result, ifName: "net1" })?.ips).toEqual([
			"10.99.0.2",
		]);
		expect(podIPsIn(result, "eth0")).toEqual(["10.88.0.2"]);
	});
});

test.each<[string, object, string | undefined]>([
	[
		"of the attachment's interface",
		{ interfaces: [cni0, { ...net1, sandbox: "/run/netns/y" }, eth0] },
		eth0.sandbox,
	],
	["of no other interface", { interfaces: [cni0, net1] }, undefined],
	[
		"not on the node's side, where the name is the same",
		{ interfaces: [{ name: "eth0" }, eth0] },
		eth0.sandbox,
	],
	["that is no text", { interfaces: [{ ...eth0, sandbox: 7 }] }, undefined],
	["without interfaces", { ip4: {} }, undefined],
	["with null for an interface", { interfaces: [null, eth0] }, eth0.sandbox],
])("the path of the network namespace: %s", (_, result, want) =>
	expect(sandboxIn({ ...result }, "eth0")).toBe(want),
);
