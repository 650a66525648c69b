// The sweep, sample by sample: whose timer was renewed, what is in its scope,
// what it remembers.

import { describe, expect, test } from "vitest";
import type { Mapping } from "../../../../src/policy/mapping.ts";
import {
	everything,
	mapped,
	parseDestination,
	type Scope,
	towards,
} from "../../../../src/sweep/scope.ts";
import {
	type Memory,
	type Rule,
	sweepOnce,
} from "../../../../src/sweep/sweep.ts";
import {
	attr,
	be32,
	type EntrySpec,
	nest,
	u8,
} from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { DIR, ROUTES } from "../../../support/unit/calls.ts";
import { fault } from "../../../support/unit/exchanges.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { attached, recordsOf } from "../../../support/unit/world.ts";

const SERVER = [
	{ address: Uint8Array.of(203, 0, 113, 1), prefix: 32, port: 8080 },
];
const FLOW = "192.0.2.7:40000 > 203.0.113.1:8080";

/** A TCP entry with its timer; 1 is SYN_SENT. */
const syn = (
	id: number,
	timeout: number,
	more: Partial<EntrySpec> = {},
	state = 1,
): EntrySpec => ({
	id,
	proto: "tcp",
	orig: FLOW.replace("40000", String(40000 + id)),
	...more,
	extra: [attr(7, be32(timeout)), nest(4, nest(1, attr(1, u8(state))))],
});

const RULE: Rule = {
	scope: everything,
	threshold: 3,
	cap: 1000,
	dryRun: false,
};

/** A table that a test changes between samples, and the time. */
function world(rule: Partial<Rule> = {}, files: Record<string, string> = {}) {
	const memory: Memory = new Map();
	const clock = { ms: 0 };
	const open: (() => number)[] = [];
	return {
		memory,
		/** At a time in seconds, over these entries; the ids that went. */
		async at(seconds: number, ...entries: EntrySpec[]): Promise<number[]> {
			clock.ms = 1000 * seconds;
			const kernel = fakeKernel({ clock, entries, routes: ROUTES });
			const host = fakeHost({ clock, netlink: kernel.netlink, files });
			const found = await sweepOnce(host, memory, { ...RULE, ...rule });
			open.push(kernel.open);
			expect(kernel.open()).toBe(0);
			const left = kernel.left();
			const gone = entries
				.map((e) => e.id ?? 1)
				.filter((id) => !left.includes(id));
			if (!rule.dryRun) expect(found.outcome.done).toBe(gone.length);
			return rule.dryRun
				? found.swept.map((s) => s.entry.orig.sport - 40000)
				: gone;
		},
	};
}

/** SYNs at these times, in seconds; what a sample at `now` shows. */
const timer = (sent: readonly number[], now: number): number =>
	Math.floor(Math.max(...sent.filter((t) => t <= now)) + 120 - now);

describe("the timer", () => {
	test.each<[string, number[], number, number]>([
		["SYN retries as old kernels time them", [0, 1, 3, 7, 15, 31], 3, 15.5],
		[
			"SYN retries that begin evenly (Linux 6.5)",
			[0, 1, 2, 3, 4, 5, 7, 11],
			3,
			7.5,
		],
		[
			"a connection attempt each second from one port",
			[0, 1, 2, 3, 4, 5, 6, 7, 8],
			3,
			6.5,
		],
		["a threshold of one", [0, 3], 1, 3.5],
	])("%s: gone in time", async (_, sent, threshold, latest) => {
		const w = world({ threshold });
		for (let now = 0.5; now <= latest; now++)
			if ((await w.at(now, syn(1, timer(sent, now)))).length > 0) return;
		expect.fail(`still there at ${latest}`);
	});

	test("is not seen renewed when it only runs down, whatever the sample's time within the second", async () => {
		for (let phase = 0; phase < 1; phase += 0.13) {
			const w = world({ threshold: 10, scope: towards(SERVER) });
			for (let n = 0; n < 60; n++) {
				// not quite the interval, so that the phases move
				const now = phase + 1.037 * n;
				await w.at(now, syn(1, timer([0], now)));
			}
			expect([...w.memory.values()]).toMatchObject([{ renewals: 0 }]);
		}
	});

	test("renewed twice is not yet three times", async () => {
		const w = world();
		for (const now of [0, 2, 4])
			expect(await w.at(now, syn(1, 120))).toEqual([]);
		expect(await w.at(6, syn(1, 120))).toEqual([1]);
	});

	// kernels that do not renew it for a retry
	test.each([
		[1, 1],
		[2, 3],
		[3, 7],
		[5, 31],
	])(
		"not renewed: gone after the time of %i retries, %i s",
		async (threshold, seconds) => {
			const w = world({ threshold });
			for (let now = 0; now < seconds; now++)
				expect(await w.at(now, syn(1, 120 - now))).toEqual([]);
			expect(await w.at(seconds, syn(1, 120 - seconds))).toEqual([1]);
		},
	);

	test("not renewed: gone after as many samples, if those are rare", async () => {
		const w = world();
		for (const now of [0, 30, 60])
			expect(await w.at(now, syn(1, 120 - now))).toEqual([]);
		expect(await w.at(90, syn(1, 30))).toEqual([1]);
	});

	test("a dump that takes long makes no renewal", async () => {
		const clock = { ms: 0 };
		const memory: Memory = new Map();
		for (let n = 0; n < 20; n++) {
			const begun = clock.ms;
			// read when the dump begins or when it ends, as it may be; the count comes before
			const read = n % 2 === 0 ? begun + 1500 : begun + 3000;
			const kernel = fakeKernel({
				clock,
				recvMs: 1500,
				entries: [syn(1, Math.floor(120 - read / 1000))],
			});
			const host = fakeHost({ clock, netlink: kernel.netlink });
			await sweepOnce(host, memory, { ...RULE, threshold: 10 });
			expect([...memory.values()]).toMatchObject([{ renewals: 0 }]);
			clock.ms += 1000;
		}
	});
});

describe("never touched, however often renewed", () => {
	test.each<[string, (t: number) => EntrySpec]>([
		["established", (t) => syn(1, t, { status: ["SEEN_REPLY", "ASSURED"] }, 3)],
		[
			"half open: the server has answered",
			(t) => syn(1, t, { status: ["SEEN_REPLY"] }, 2),
		],
		[
			"a reply was seen, whatever the state says",
			(t) => syn(1, t, { status: ["SEEN_REPLY"] }),
		],
		[
			"not answered but established: picked up in the middle",
			(t) => syn(1, t, {}, 3),
		],
		["UDP", (t) => ({ ...syn(1, t), proto: "udp" })],
		["SCTP", (t) => ({ ...syn(1, t), proto: "sctp" })],
	])("%s", async (_, spec) => {
		const w = world({ threshold: 1 });
		for (let now = 0; now < 50; now += 5)
			expect(await w.at(now, spec(120))).toEqual([]);
		expect(w.memory.size).toBe(0);
	});
});

describe("exactly", () => {
	test("only the one that is renewed, of entries that differ in a port, a zone, an id", async () => {
		const w = world();
		const quiet = (now: number) => [
			syn(2, timer([0], now), { orig: FLOW.replace("40000", "40002") }),
			syn(3, timer([0], now), { orig: FLOW, zone: 7 }),
			syn(4, timer([0], now), { orig: FLOW, zone: 8 }),
		];
		for (let now = 0; now <= 4; now += 2)
			expect(
				await w.at(now, syn(1, 120, { orig: FLOW, zone: 9 }), ...quiet(now)),
			).toEqual([]);
		expect(
			await w.at(6, syn(1, 120, { orig: FLOW, zone: 9 }), ...quiet(6)),
		).toEqual([1]);
	});

	test("both families in one pass", async () => {
		const w = world({ threshold: 1 });
		const six = syn(2, 120, { orig: "[fd07::7]:40002 > [fd03::1]:8080" });
		await w.at(0, syn(1, 120), six);
		expect(await w.at(5, syn(1, 120), six)).toEqual([1, 2]);
	});

	test("one that was made anew towards another target begins at zero", async () => {
		const w = world({ threshold: 1 });
		await w.at(0, syn(1, 120));
		const natted = syn(1, 120, { reply: "10.88.0.2:80 > 192.0.2.7:40001" });
		expect(await w.at(5, natted)).toEqual([]);
	});

	test("one that was not in the last sample begins at zero", async () => {
		const w = world({ threshold: 2 });
		await w.at(0, syn(1, 120));
		await w.at(5, syn(1, 120));
		await w.at(6);
		expect(w.memory.size).toBe(0);
		expect(await w.at(10, syn(1, 120))).toEqual([]);
		expect(await w.at(15, syn(1, 120))).toEqual([]);
		expect(await w.at(20, syn(1, 120))).toEqual([1]);
	});
});

describe("bounds", () => {
	test("no more than the cap at once; the others next", async () => {
		const w = world({ threshold: 1, cap: 2 });
		const all = [1, 2, 3, 4, 5].map((id) => syn(id, 120));
		await w.at(0, ...all);
		expect(await w.at(5, ...all)).toEqual([1, 2]);
		expect(await w.at(10, ...all.slice(2))).toEqual([3, 4]);
		expect(await w.at(15, ...all.slice(4))).toEqual([5]);
	});

	test("20000 are remembered, and more are said to be overlooked", async () => {
		const clock = { ms: 0 };
		const memory: Memory = new Map();
		const another = {
			since: 0,
			ends: 0,
			renewals: 0,
			samples: 0,
			isHere: true,
			isTold: false,
		};
		for (let i = 0; i < 19_999; i++) memory.set(`another ${i}`, { ...another });
		const entries = [1, 2, 3].map((id) => syn(id, 120));
		const kernel = fakeKernel({ clock, entries });
		const host = fakeHost({ clock, netlink: kernel.netlink });
		const { overlooked } = await sweepOnce(host, memory, RULE);
		// those that the sample did not show are forgotten
		expect([memory.size, overlooked]).toEqual([1, 2]);
	});

	test("a dry run removes nothing and says so once", async () => {
		const w = world({ threshold: 2, dryRun: true });
		const said: number[][] = [];
		for (let now = 0; now <= 30; now += 5)
			said.push(await w.at(now, syn(1, 120)));
		expect(said).toEqual([[], [], [1], [], [], [], []]);
	});

	test("a sample that fails is an error, leaves no socket, and forgets nothing", async () => {
		const memory: Memory = new Map();
		const clock = { ms: 0 };
		const entries = [syn(1, 120)];
		const whole = fakeKernel({ clock, entries });
		await sweepOnce(fakeHost({ clock, netlink: whole.netlink }), memory, RULE);
		const cut = fakeKernel({
			clock,
			entries,
			answer: (r) => (r.type === 0x0101 ? ["ENOMEM"] : undefined),
		});
		const host = fakeHost({ clock, netlink: cut.netlink });
		expect(String(await fault(sweepOnce(host, memory, RULE)))).toContain(
			"ENOMEM",
		);
		expect([memory.size, cut.open()]).toEqual([1, 0]);
	});
});

describe("scope", () => {
	const reaches = async (scope: Scope, spec: EntrySpec, files = {}) => {
		const w = world({ threshold: 1, scope }, files);
		await w.at(0, spec);
		return (await w.at(5, spec)).length > 0;
	};
	const to = (orig: string) => syn(1, 120, { orig });

	test.each<[string, string, boolean]>([
		["203.0.113.1", "192.0.2.7:1 > 203.0.113.1:8080", true],
		["203.0.113.1", "192.0.2.7:1 > 203.0.113.2:8080", false],
		["203.0.113.0/24", "192.0.2.7:1 > 203.0.113.200:1", true],
		["203.0.113.0/25", "192.0.2.7:1 > 203.0.113.200:1", false],
		["0.0.0.0/0", "192.0.2.7:1 > 203.0.113.200:1", true],
		["0.0.0.0/0", "[fd07::7]:1 > [fd03::1]:1", false],
		["203.0.113.1:8080", "192.0.2.7:1 > 203.0.113.1:8080", true],
		["203.0.113.1:8080", "192.0.2.7:1 > 203.0.113.1:8081", false],
		["203.0.113.1:8080", "192.0.2.7:8080 > 203.0.113.1:1", false],
		["10.96.0.0/12:443", "192.0.2.7:1 > 10.111.255.255:443", true],
		["10.96.0.0/12:443", "192.0.2.7:1 > 10.112.0.0:443", false],
		["fd03::/64", "[fd07::7]:1 > [fd03::1]:1", true],
		["fd03::1", "[fd07::7]:1 > [fd03::1]:1", true],
		["[fd03::/64]:443", "[fd07::7]:1 > [fd03::1]:443", true],
		["[fd03::/64]:443", "[fd07::7]:1 > [fd03::1]:444", false],
		["[fd03::1]", "[fd07::7]:1 > [fd03::2]:444", false],
	])("--destination %s and %s: %s", async (text, orig, want) => {
		const destination = parseDestination(text);
		if (!destination) expect.fail(`not read: ${text}`);
		expect(await reaches(towards([destination]), to(orig))).toBe(want);
	});

	test("several destinations, each with its own port", async () => {
		const list = ["203.0.113.1:80", "203.0.113.2:443"].map(parseDestination);
		const scope = towards(list.filter((d) => d !== undefined));
		expect(await reaches(scope, to("192.0.2.7:1 > 203.0.113.1:80"))).toBe(true);
		expect(await reaches(scope, to("192.0.2.7:1 > 203.0.113.1:443"))).toBe(
			false,
		);
		expect(await reaches(scope, to("192.0.2.7:1 > 203.0.113.2:443"))).toBe(
			true,
		);
	});

	test.each([
		"",
		"/8",
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/8/8",
		"10.0.0.0/-1",
		"10.0.0.1:0",
		"10.0.0.1:65536",
		"10.0.0.1:",
		"10.0.0:80",
		"fd03::/129",
		"[fd03::/64",
		"fd03::/64]:80",
		"[fd03::1]:x",
		"example.org:80",
		"10.0.0.1 ",
	])("no destination: %j", (text) =>
		expect(parseDestination(text)).toBeUndefined(),
	);

	const record = (more: Partial<Mapping>, podIP = "10.88.0.2") =>
		recordsOf(
			DIR,
			attached("4f2e", {
				...mapping("IPv4", "tcp"),
				hostPort: 8080,
				podIP,
				containerPort: 80,
				...more,
			}),
		);
	const natted = (target: string) =>
		syn(1, 120, { orig: FLOW, reply: `${target} > 192.0.2.7:40000` });
	test.each<[string, Record<string, string>, EntrySpec, boolean]>([
		["made without a rule", record({}), to(FLOW), true],
		["leading to a pod that is gone", record({}), natted("10.88.0.9:80"), true],
		[
			"leading to another port of the pod",
			record({}),
			natted("10.88.0.2:81"),
			true,
		],
		[
			"leading to the pod: it is the pod that does not answer",
			record({}),
			natted("10.88.0.2:80"),
			false,
		],
		["no attachment", {}, to(FLOW), false],
		["another port", record({ hostPort: 8081 }), to(FLOW), false],
		["a mapping of UDP", record({ proto: 17 }), to(FLOW), false],
		[
			"an address that is not the node's",
			record({}),
			to("192.0.2.7:1 > 198.51.100.9:8080"),
			false,
		],
		["the mapping's hostIP", record({ hostIP: "203.0.113.1" }), to(FLOW), true],
		["another hostIP", record({ hostIP: "203.0.113.10" }), to(FLOW), false],
		["the other family", record({ family: 10 }, "fd88::2"), to(FLOW), false],
	])("hostPorts: %s", async (_, files, spec, want) => {
		expect(await reaches(mapped(DIR), spec, files)).toBe(want);
	});
});
