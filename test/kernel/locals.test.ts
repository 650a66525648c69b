// The addresses that we call the node's own are those that the kernel delivers
// to it, but for the Services on kube-ipvs0.

import { describe, expect, test } from "vitest";
import { run } from "../support/exec.ts";
import { cable, createNamespace, ip } from "../support/netns.ts";
import { equip, UPLINK, UPLINK_SECOND } from "../support/node.ts";
import { type Agent, startAgent } from "./agent.ts";

async function node(...lines: readonly string[]): Promise<Agent> {
	const agent = await startAgent();
	const rest = await createNamespace("rest");
	await cable([agent.ns, "eth0"], [rest, "eth0"]);
	await equip(agent.ns, {
		addresses: {
			eth0: [...UPLINK, ...UPLINK_SECOND],
			lo: ["198.51.100.77/32"],
		},
		gateways: ["203.0.113.254", "fd03::fe"],
	});
	if (lines.length > 0) await ip(agent.ns, lines);
	return agent;
}

/** Returns true if the kernel's own look-up says `local`. */
async function kernelSays(agent: Agent, address: string): Promise<boolean> {
	const family = address.includes(":") ? "-6" : "-4";
	const { stdout } = await run([
		"ip",
		"-n",
		agent.ns.name,
		family,
		"route",
		"get",
		address,
	]);
	return /^local /.test(stdout);
}

const ADDRESSES = [
	"203.0.113.1",
	"203.0.113.10", // secondary
	"198.51.100.77", // on lo
	"127.0.0.1",
	"127.0.0.2",
	"127.255.255.254",
	"127.255.255.255", // broadcast inside of 127/8
	"203.0.113.2",
	"203.0.113.0",
	"203.0.113.255",
	"198.51.100.9",
	"10.88.0.2",
	"224.0.0.251",
	"255.255.255.255",
	"198.18.0.1", // ip route add local
	"198.18.255.255",
	"198.20.0.1",
	"198.18.7.1", // a hole in it
	"fd03::1",
	"fd03::10",
	"fd03::2",
	"fd09::9",
	"::1",
	"2001:db8:1::9", // ip route add local
	"2001:db8:2::9",
	"ff02::fb",
];

test("the local table, address by address, as the kernel looks it up", async () => {
	const agent = await node(
		"route add local 198.18.0.0/15 dev lo",
		"route add table local throw 198.18.7.0/24",
		"route add local 2001:db8:1::/48 dev lo",
	);
	const ours = await agent.local([2, 10], ADDRESSES);
	const theirs = await Promise.all(ADDRESSES.map((a) => kernelSays(agent, a)));
	const show = (found: boolean[]) => ADDRESSES.filter((_, i) => found[i]);
	expect(show(ours)).toEqual(show(theirs));
	expect(show(ours)).toEqual([
		"203.0.113.1",
		"203.0.113.10",
		"198.51.100.77",
		"127.0.0.1",
		"127.0.0.2",
		"127.255.255.254",
		"198.18.0.1",
		"198.18.255.255",
		"fd03::1",
		"fd03::10",
		"::1",
		"2001:db8:1::9",
	]);
});

test("an address that is taken away is not local any more", async () => {
	const agent = await node();
	expect(await agent.local([2], ["203.0.113.10"])).toEqual([true]);
	await ip(agent.ns, ["address del 203.0.113.10/24 dev eth0"]);
	expect(await agent.local([2], ["203.0.113.10"])).toEqual([false]);
});

describe("Services on kube-ipvs0", () => {
	const SERVICES = ["10.96.0.1", "10.96.0.20", "fd96::20"];
	const LINES = [
		// a dummy on nodes; what counts is its name
		"link add kube-ipvs0 type bridge",
		"link set kube-ipvs0 up",
		"address add 10.96.0.1/32 dev kube-ipvs0",
		"address add 10.96.0.20/32 dev kube-ipvs0",
		"address add fd96::20/128 dev kube-ipvs0",
	];

	test("are local for the kernel, and not for us", async () => {
		const agent = await node(...LINES);
		for (const service of SERVICES)
			expect(await kernelSays(agent, service), service).toBe(true);
		expect(await agent.local([2, 10], SERVICES)).toEqual([false, false, false]);
		expect(
			await agent.local([2, 10], ["203.0.113.1", "fd03::1", "127.0.0.1"]),
		).toEqual([true, true, true]);
	});

	test("on an interface of another name are the node's own", async () => {
		const agent = await node(
			...LINES.map((line) => line.replace("kube-ipvs0", "br0")),
		);
		expect(await agent.local([2, 10], SERVICES)).toEqual([true, true, true]);
	});

	test("inside of a locally routed range are not the node's either", async () => {
		const agent = await node(...LINES, "route add local 10.96.0.0/12 dev lo");
		expect(await agent.local([2], ["10.96.0.20", "10.96.0.21"])).toEqual([
			false,
			true,
		]);
	});
});

test("a namespace in which nothing is up has the addresses that the kernel says", async () => {
	const agent = await startAgent();
	await ip(agent.ns, ["link set lo down"]);
	const some = ["127.0.0.1", "::1", "203.0.113.1"];
	const theirs = await Promise.all(some.map((a) => kernelSays(agent, a)));
	expect(await agent.local([2, 10], some)).toEqual(theirs);
});

test("one family alone is asked for", async () => {
	const agent = await node();
	expect(await agent.local([10], ["203.0.113.1", "fd03::1"])).toEqual([
		false,
		true,
	]);
});
