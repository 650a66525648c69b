// The rules as a view on entries: what their evaluation needs beside them.

import { describe, expect, test } from "vitest";
import { RulesView } from "../../../../src/flush/rulesview.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { mayLeadTo } from "../../../../src/policy/ruling.ts";
import { spell } from "../../../support/book.ts";
import { entry } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { natRules } from "../../../support/natrules.ts";
import { DNAT, mapping } from "../../../support/unit/flows.ts";
import { ROUTES } from "../../../support/unit/world.ts";

const m = mapping("IPv4", "udp");
const OURS = "udp local:8125 > 10.88.0.2:5353";

async function open(lines: readonly string[], ways = {}) {
	const kernel = fakeKernel({
		routes: ROUTES,
		rules: natRules(...lines),
		ways,
	});
	const host = fakeHost({ netlink: kernel.netlink });
	const view = await RulesView.open(host, new Deadline(host, 5000), [m]);
	const ofWay = () =>
		kernel.requests.filter((r) => r.type === 26 && !(r.flags & 0x300));
	return { view, kernel, ofWay };
}

const e = (orig: string, reply?: string) =>
	entry({
		orig: spell("IPv4", orig),
		...(reply && { reply: spell("IPv4", reply), status: DNAT }),
	});

test.each<[string, readonly string[], boolean]>([
	["no rule looks at the client", [OURS], true],
	["a rule looks at the client", [`192.0.2.7 ${OURS}`], false],
	["a rule looks at the interface", [`on eth0 ${OURS}`], false],
	["no rule is there", [], true],
])("outcomes are shared by all clients if %s", async (_, lines, want) => {
	const { view } = await open(lines);
	expect((await view.prospect(e("C:1 > H:8125"))).isShared).toBe(want);
});

describe("the interface that a packet arrived on", () => {
	const BY_BRIDGE = ["on br0 udp local:8125 > 10.88.0.9:53", OURS];
	const ways = { "192.0.2.7": "br0", "198.51.100.9": "eth0" };
	const targets = async (orig: string, reply?: string) => {
		const { view, ofWay } = await open(BY_BRIDGE, ways);
		const found = await view.prospect(e(orig, reply));
		const leads = (ip: string, port: number) => mayLeadTo(found, ip, port);
		return [leads("10.88.0.9", 53), leads("10.88.0.2", 5353), ofWay().length];
	};
	test("is taken from the route to the sender for an entry without NAT", async () => {
		expect(await targets("C:1 > H:8125")).toEqual([true, false, 1]);
		expect(await targets("S:1 > H:8125")).toEqual([false, true, 1]);
	});
	test("is any for a sender without a route", async () =>
		expect(await targets("N:1 > H:8125")).toEqual([true, true, 1]));
	test("is never guessed for an entry with NAT", async () =>
		expect(await targets("C:1 > H:8125", "Q:5353 > C:1")).toEqual([
			true,
			true,
			0,
		]));
	test("is none for what the node itself has sent", async () =>
		expect(await targets("H:1 > H:8125")).toEqual([false, true, 0]));
});

test("tells the node's own entries from its clients'", async () => {
	const { view } = await open([]);
	expect(view.isOfNode(e("H:1 > H:8125").orig.src)).toBe(true);
	expect(view.isOfNode(e("C:1 > H:8125").orig.src)).toBe(false);
});

describe("a view of many ports", () => {
	const to = (ports: readonly number[]) =>
		ports.map((port) => ({ example: e(`C:1 > H:${port}`) }));
	test("knows the rules of the ports that it looks for, and reads them anew for others", async () => {
		const kernel = fakeKernel({
			routes: ROUTES,
			rules: natRules(OURS, "udp local:9000 > 10.88.0.2:53"),
		});
		const host = fakeHost({ netlink: kernel.netlink });
		const row = { ...m, hostPort: 8000, count: 5000 };
		const view = await RulesView.open(host, new Deadline(host, 5000), [row]);
		const leads = async (): Promise<boolean[]> => {
			const [a, b] = [e("C:1 > H:8125"), e("C:1 > H:9000")];
			return [
				mayLeadTo(await view.prospect(a), "10.88.0.2", 5353),
				mayLeadTo(await view.prospect(b), "10.88.0.2", 53),
			];
		};
		view.lookFor(to([8125]));
		expect(await leads()).toEqual([true, false]);
		view.lookFor(to([9000, 8125]));
		expect(await leads()).toEqual([true, true]);
		const before = kernel.requests.length;
		view.lookFor(to([9000]));
		expect(await leads()).toEqual([true, true]);
		expect(kernel.requests.length).toBe(before);
		// so that memory does not grow with the ports
		view.lookFor(to(Array.from({ length: 2000 }, (_, i) => 10_000 + i)));
		view.lookFor(to([9000, 9001]));
		expect(await leads()).toEqual([false, true]);
		view.close();
	});

	test("takes entries in parts of so many ports that their rules may be held", async () => {
		const host = fakeHost({ netlink: fakeKernel({ routes: ROUTES }).netlink });
		const row = { ...m, hostPort: 8000, count: 5000 };
		const view = await RulesView.open(host, new Deadline(host, 5000), [row]);
		const found = to(Array.from({ length: 1100 }, (_, i) => 8000 + (i >> 1)));
		const parts = view.partsOf(found);
		expect(parts.map((part) => part.length)).toEqual([1023, 77]);
		expect(parts.flat()).toEqual(found);
		view.close();
	});

	test("of a few ports knows the rules of all", async () => {
		const { view } = await open([OURS]);
		expect(view.partsOf(to([53, 54]))).toHaveLength(1);
		view.lookFor(to([53]));
		const found = await view.prospect(e("C:1 > H:8125"));
		expect(mayLeadTo(found, "10.88.0.2", 5353)).toBe(true);
	});
});

describe("what is settled", () => {
	test("was judged by one generation of the rules", async () => {
		const { view, kernel } = await open([OURS]);
		let judged = 0;
		const found = await view.settled(async () => {
			judged++;
			await view.prospect(e("C:1 > H:8125"));
			return kernel.requests.length;
		});
		expect(judged).toBe(1);
		expect(found).toBeGreaterThan(0);
	});

	test("is judged again if the rules were read anew in the middle of it", async () => {
		const rules = natRules(OURS);
		const kernel = fakeKernel({ routes: ROUTES, rules });
		const host = fakeHost({ netlink: kernel.netlink });
		const view = await RulesView.open(host, new Deadline(host, 5000), [m]);
		const seen: boolean[] = [];
		await view.settled(async () => {
			const found = await view.prospect(e("C:1 > H:8125"));
			seen.push(mayLeadTo(found, "10.88.0.2", 5353));
			if (seen.length > 1) return;
			rules.generation++;
			rules.lines = [];
			// the chain of the other hook is not read yet
			await view.prospect(e("H:1 > H:8125"));
		});
		expect(seen).toEqual([true, false]);
	});

	test("is judged again if an address that nobody had in mind comes up", async () => {
		const rules = natRules(OURS, "udp 10.96.0.10:8125 > 10.88.0.2:5353");
		const kernel = fakeKernel({ routes: ROUTES, rules });
		const host = fakeHost({ netlink: kernel.netlink });
		const view = await RulesView.open(host, new Deadline(host, 5000), [m]);
		let judged = 0;
		await view.settled(async () => {
			judged++;
			await view.prospect(e("C:1 > H:8125"));
			await view.prospect(e("C:1 > V:8125"));
		});
		expect(judged).toBe(2);
	});

	test("is given up if each look finds other rules", async () => {
		const rules = natRules(OURS);
		const kernel = fakeKernel({
			routes: ROUTES,
			rules,
			answer: (r) => {
				if (r.type === 0x0a10) rules.generation++;
				return undefined;
			},
		});
		const host = fakeHost({ netlink: kernel.netlink });
		const view = await RulesView.open(host, new Deadline(host, 5000), [m]);
		await expect(
			view.settled(() => view.prospect(e("C:1 > H:8125"))),
		).rejects.toThrow("the rules change while");
		view.close();
		expect(kernel.open()).toBe(0);
	});
});
