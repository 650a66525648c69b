// The interfaces that packets are likely to arrive on.

import { expect, test } from "vitest";
import { Interfaces } from "../../../../src/flush/interfaces.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";

const WAYS = {
	"192.0.2.7": "eth0",
	"192.0.2.8": "eth0",
	"10.88.0.2": "cni0",
	"fd88::2": "cni0",
};

function open() {
	const kernel = fakeKernel({ ways: WAYS });
	const host = fakeHost({ netlink: kernel.netlink });
	const interfaces = new Interfaces(host, new Deadline(host, 5000));
	const types = () => kernel.requests.map((r) => r.type);
	return { interfaces, kernel, types };
}

test.each(Object.entries(WAYS))("%s is behind %s", async (ip, name) => {
	const { interfaces, kernel } = open();
	expect(await interfaces.towards(ip)).toBe(name);
	interfaces.close();
	expect(kernel.open()).toBe(0);
});

test("an address and an interface are looked up once", async () => {
	const { interfaces, types } = open();
	for (const ip of ["192.0.2.7", "192.0.2.7", "192.0.2.8"])
		expect(await interfaces.towards(ip)).toBe("eth0");
	expect(types()).toEqual([26, 18, 26]);
});

test("an address without a route has none, and is looked up once", async () => {
	const { interfaces, types } = open();
	expect(await interfaces.towards("198.51.100.9")).toBeUndefined();
	expect(await interfaces.towards("198.51.100.9")).toBeUndefined();
	expect(types()).toEqual([26]);
});

test("many senders are not all remembered", async () => {
	const { interfaces, types } = open();
	for (let n = 0; n < 1025; n++)
		await interfaces.towards(`198.51.${n >> 8}.${n & 255}`);
	await interfaces.towards("198.51.0.0");
	expect(types()).toHaveLength(1026);
});
