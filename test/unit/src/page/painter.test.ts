// When the page is made anew, and what it says if something cannot be found out.

import { describe, expect, test } from "vitest";
import { IPCTNL_MSG_CT_GET_STATS_CPU } from "../../../../src/conntrack/counters.ts";
import type { Publisher } from "../../../../src/metrics/publish.ts";
import { noTotals } from "../../../../src/metrics/totals.ts";
import { type PainterOptions, painter } from "../../../../src/page/painter.ts";
import { doneMessage } from "../../../support/entries.ts";
import { type FakeHostOptions, fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
} from "../../../support/fakekernel.ts";
import { DIR, ROUTES } from "../../../support/unit/calls.ts";
import { ENTRIES, records } from "../../../support/unit/garbage.ts";
import { WHERE } from "../../../support/unit/installing.ts";
import { statistics, textOf } from "../../../support/unit/pages.ts";

const SECOND = 1000;

/** A painter, its pages as text, and the moments at which it has walked the table. */
async function painting(
	options: Partial<PainterOptions> = {},
	kernelOptions: FakeKernelOptions = {},
	hostOptions: FakeHostOptions = {},
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({
		clock,
		entries: ENTRIES,
		routes: ROUTES,
		// no CPU has counters
		answer: ({ protocol, type, seq }) =>
			protocol === 12 && type === IPCTNL_MSG_CT_GET_STATS_CPU
				? [doneMessage(seq)]
				: undefined,
		...kernelOptions,
	});
	const host = fakeHost({
		clock,
		netlink: kernel.netlink,
		files: await records("a"),
		...hostOptions,
	});
	const pages: string[] = [];
	const publisher: Publisher = {
		totals: noTotals(),
		statistics: () => statistics(3),
		open: async () => {},
		run: async () => {},
		show: (page) => pages.push(page),
		close: () => {},
	};
	let waited = 0;
	const paint = painter(host, publisher, {
		version: "1.2.3",
		where: WHERE,
		runtime: undefined,
		protocols: () => [17],
		showClients: false,
		everyMs: 30 * SECOND,
		countsRemovals: true,
		awaitTurn: () => void waited++,
		...options,
	});
	/** Returns the moments of the counts, in seconds, if it is called each five seconds for so long. */
	const over = async (seconds: number): Promise<string[]> => {
		for (const end = clock.ms + seconds * SECOND; clock.ms < end; ) {
			await paint();
			clock.ms += 5 * SECOND;
		}
		const counted = pages.map((p) => /Counted (.*?) UTC/.exec(textOf(p))?.[1]);
		return [...new Set(counted.map((c) => c?.slice(-8) ?? "never"))];
	};
	const last = (): string => textOf(pages.at(-1) ?? "");
	return {
		host,
		kernel,
		paint,
		pages,
		over,
		last,
		publisher,
		waits: () => waited,
	};
}

describe("the entries are counted", () => {
	test("at once and then at intervals, and the page is made more often", async () => {
		const { over, pages } = await painting();
		expect(await over(70)).toEqual(["22:13:20", "22:13:50", "22:14:20"]);
		// the first look of doctor makes one more
		expect(pages).toHaveLength(15);
	});

	test("more seldom where that takes long", async () => {
		// 15 datagrams of a second each, which may be 2 % of the time
		const { over } = await painting({}, { recvMs: SECOND });
		const counts = await over(900);
		expect(counts.length).toBeLessThan(4);
		expect(counts.length).toBeGreaterThan(1);
	});

	test("once, if it is to be so", async () => {
		const { over, last } = await painting({ everyMs: undefined });
		expect(await over(7200)).toHaveLength(1);
		expect(last()).toContain(", and so it stays");
	});

	test("when it is its turn, and doctor waits too", async () => {
		const { paint, waits } = await painting();
		await paint();
		expect(waits()).toBe(2);
		await paint();
		expect(waits()).toBe(2);
	});
});

test("doctor looks at once, and again after five minutes", async () => {
	const { over, pages } = await painting();
	await over(400);
	const looked = pages.map(
		(p) => /It looked at (.*?) UTC/.exec(textOf(p))?.[1],
	);
	expect([...new Set(looked)]).toEqual([
		undefined,
		"2023-11-14 22:13:20",
		"2023-11-14 22:18:20",
	]);
});

test("what was removed since the agent started comes from the totals", async () => {
	const { paint, last, publisher } = await painting();
	publisher.totals.removals.set("DEL\ndead-pod\nudp", 7);
	await paint();
	expect(last()).toContain("Removed entries: 7, since");
});

test("a table that cannot be read is told, and the rest of the page is there", async () => {
	const { paint, last } = await painting({}, { refuse: () => "EPERM" });
	await paint();
	expect(last()).toMatch(/The entries could not be counted: .*EPERM/);
	expect(last()).toContain("It looked at");
});

test.each<[string, FakeHostOptions["files"], string]>([
	["its own", { "/proc/sys/kernel/hostname": "worker-7\n" }, "worker-7"],
	["none, if it cannot be read", {}, "this node"],
])("the name of the node: %s", async (_, files, name) => {
	const { paint, last } = await painting({}, {}, { files: files ?? {} });
	await paint();
	expect(last()).toMatch(new RegExp(`^conntrack-flush on ${name} `));
});

describe("a command on the page finds the records", () => {
	test.each([
		["where they always are", {}, "--proto udp "],
		["elsewhere", { cacheDir: "/x y" }, "--proto udp --cni-cache-dir '/x y' "],
		[
			"under a prefix, which the node does not have",
			{ root: "/host" },
			"--proto udp ",
		],
	])("%s", async (_, change, want) => {
		const where = { ...WHERE, ...change };
		const files = Object.fromEntries(
			Object.entries(await records("a")).map(([path, text]) => [
				where.root + path,
				text,
			]),
		);
		const { paint, last } = await painting({ where }, {}, { files });
		await paint();
		expect(last()).toContain(`list --host-port 8125 ${want}`);
	});
});

test("no client is named, not even by doctor, unless that is asked for", async () => {
	const files = {
		...(await records("a")),
		[`${DIR}/returned`]:
			"udp 192.0.2.7:6 > 203.0.113.1:8125, to 10.88.0.2:5353,\n",
	};
	for (const showClients of [false, true]) {
		const { paint, last } = await painting({ showClients }, {}, { files });
		await paint();
		expect(last()).toContain("came back after it was removed");
		expect(last().includes("192.0.2.7")).toBe(showClients);
	}
});
