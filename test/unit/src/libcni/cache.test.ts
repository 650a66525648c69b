// What is read of libcni's cache.

import { describe, expect, test } from "vitest";
import { readCache } from "../../../../src/libcni/cache.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/var/lib/cni/results";
/** Of a pod with two addresses in each family, and one of the bridge. */
const RESULT = {
	interfaces: [{ name: "cni0" }, { name: "eth0", sandbox: "/run/netns/x" }],
	ips: [
		{ interface: 0, address: "10.88.0.1/16" },
		{ interface: 1, address: "10.88.0.2/16" },
		{ address: "10.88.0.3/16" },
		{ interface: 1, address: "fd00::2/64" },
	],
};

function config(type: string, pad = ""): string {
	const text = `${pad}{"plugins":[{"type":"${type}"}]}`;
	return Buffer.from(text).toString("base64");
}

function read(file: object) {
	const text = JSON.stringify({
		networkName: "n",
		containerId: "4f2e",
		config: config("portmap"),
		ifName: "eth0",
		result: RESULT,
		...file,
	});
	const host = fakeHost({ files: { [`${DIR}/n-4f2e-eth0`]: text } });
	return readCache(host, DIR);
}

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
		const [found] = read({ capabilityArgs: { portMappings: [item] } });
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
			read({ capabilityArgs, config: config(type, pad) })[0]?.mappings.length;
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
	expect(read({ cniArgs })[0]?.pod).toBe("ns/pod");
	expect(read({})[0]?.pod).toBeUndefined();
});

test("the result of an old version", () => {
	const result = { ip4: { ip: "10.88.0.2/16" }, ip6: { ip: "fd00::2/64" } };
	expect(read({ result })[0]?.ips).toEqual(["10.88.0.2", "fd00::2"]);
});

test("there may be none", () => {
	expect(readCache(fakeHost(), DIR)).toEqual([]);
});
