// The sweep, sample by sample: whose timer was renewed, and which entries are
// remembered and removed. Which entries it may touch is in scope.test.ts.

import { describe, expect, test } from "vitest";
import { towards } from "../../../../src/sweep/scope.ts";
import { type Memory, sweepOnce } from "../../../../src/sweep/sweep.ts";
import type { EntrySpec } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { fault } from "../../../support/unit/exchanges.ts";
import { FLOW, RULE, samples, syn } from "../../../support/unit/sweeping.ts";

const SERVER = [
	{ address: Uint8Array.of(203, 0, 113, 1), prefix: 32, port: 8080 },
];

/** Returns the timer that a sample at `now` shows if SYNs were sent at these times, all in seconds. */
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
		const w = samples({ threshold });
		for (let now = 0.5; now <= latest; now++)
			if ((await w.at(now, syn(1, timer(sent, now)))).length > 0) return;
		expect.fail(`still there at ${latest}`);
	});

	test("is not seen renewed when it only runs down, whatever the sample's time within the second", async () => {
		for (let phase = 0; phase < 1; phase += 0.13) {
			const w = samples({ threshold: 10, scope: towards(SERVER) });
			for (let n = 0; n < 60; n++) {
				// not quite the interval, so that the phases move
				const now = phase + 1.037 * n;
				await w.at(now, syn(1, timer([0], now)));
			}
			expect([...w.memory.values()]).toMatchObject([{ renewals: 0 }]);
		}
	});

	test("renewed twice is not yet three times", async () => {
		const w = samples();
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
			const w = samples({ threshold });
			for (let now = 0; now < seconds; now++)
				expect(await w.at(now, syn(1, 120 - now))).toEqual([]);
			expect(await w.at(seconds, syn(1, 120 - seconds))).toEqual([1]);
		},
	);

	test("not renewed: gone after as many samples, if those are rare", async () => {
		const w = samples();
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
		const w = samples({ threshold: 1 });
		for (let now = 0; now < 50; now += 5)
			expect(await w.at(now, spec(120))).toEqual([]);
		expect(w.memory.size).toBe(0);
	});
});

describe("exactly", () => {
	test("only the one that is renewed, of entries that differ in a port, a zone, an id", async () => {
		const w = samples();
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
		const w = samples({ threshold: 1 });
		const six = syn(2, 120, { orig: "[fd07::7]:40002 > [fd03::1]:8080" });
		await w.at(0, syn(1, 120), six);
		expect(await w.at(5, syn(1, 120), six)).toEqual([1, 2]);
	});

	test("one that was made anew towards another target begins at zero", async () => {
		const w = samples({ threshold: 1 });
		await w.at(0, syn(1, 120));
		const natted = syn(1, 120, { reply: "10.88.0.2:80 > 192.0.2.7:40001" });
		expect(await w.at(5, natted)).toEqual([]);
	});

	test("one that was not in the last sample begins at zero", async () => {
		const w = samples({ threshold: 2 });
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
		const w = samples({ threshold: 1, cap: 2 });
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
		const w = samples({ threshold: 2, dryRun: true });
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
