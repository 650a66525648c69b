// What the searches of a pass share is read once, and closed.

import { expect, test } from "vitest";
import type { RulesView } from "../../../../src/flush/rulesview.ts";
import { Shared } from "../../../../src/flush/shared.ts";
import { AF_INET, AF_INET6, type Family } from "../../../../src/net/ip.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { ROUTES } from "../../../support/unit/world.ts";

const GETROUTE = 0x1a;

function setUp() {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, routes: ROUTES });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	return { kernel, shared: new Shared(host, new Deadline(host, 5000)) };
}

test("addresses are read once for the same families, in whatever order they are named", async () => {
	const { kernel, shared } = setUp();
	const dumps = (): number =>
		kernel.requests.filter((r) => r.type === GETROUTE).length;
	const both = (...families: Family[]) => shared.locals(new Set(families));
	const first = await both(AF_INET, AF_INET6);
	expect(await both(AF_INET6, AF_INET)).toBe(first);
	expect(dumps()).toBe(2);
	expect((await both(AF_INET)).has("203.0.113.1")).toBe(true);
	expect(dumps()).toBe(3);
	expect(kernel.open()).toBe(0);
});

test("the rules are opened once, and closed with the pass", async () => {
	const { shared } = setUp();
	let [opened, closed] = [0, 0];
	const open = async () => {
		opened++;
		return { close: () => closed++ } as unknown as RulesView;
	};
	expect(await shared.rules(open)).toBe(await shared.rules(open));
	await shared.close();
	expect([opened, closed]).toEqual([1, 1]);
});

test("rules that cannot be opened are not tried again, and nothing is closed", async () => {
	const { shared } = setUp();
	let tries = 0;
	const open = () => {
		tries++;
		return Promise.reject(new Error("no rules"));
	};
	for (let i = 0; i < 2; i++)
		await expect(shared.rules(open)).rejects.toThrow("no rules");
	expect(tries).toBe(1);
	await shared.close();
});
