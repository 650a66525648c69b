// The pass that counts a table, over a kernel in memory.

import { describe, expect, test } from "vitest";
import {
	type CensusTerms,
	SAMPLED,
	takeCensus,
} from "../../../../src/conntrack/census.take.ts";
import type { Census } from "../../../../src/conntrack/census.ts";
import { ipOf } from "../../../../src/net/ip.ts";
import { DeadlineError } from "../../../../src/netlink/deadline.ts";
import { NetlinkError } from "../../../../src/netlink/nl.ts";
import { type EntrySpec, errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
} from "../../../support/fakekernel.ts";
import { enlarged, flows, GET, NEW } from "../../../support/unit/tables.ts";

const ALL: CensusTerms = {
	family: undefined,
	protos: undefined,
	groups: [],
	isExact: false,
};
const V6: EntrySpec = { orig: "[fd07::7]:1 > [fd03::1]:53" };
const PING: EntrySpec = { proto: "icmp", orig: "192.0.2.9:77 > 203.0.113.1:8" };

function setUp(options: FakeKernelOptions) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, ...options });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	return {
		kernel,
		take: (query: Partial<CensusTerms> = {}) =>
			takeCensus(host, { ...ALL, ...query }),
	};
}

function sourcesOf({ sources }: Census): object {
	const rows = [...sources.v4.top(9), ...sources.v6.top(9)];
	return Object.fromEntries(
		rows.map(({ address, count }) => [ipOf(address), count]),
	);
}

describe("counts", () => {
	test("every entry of several datagrams, and closes its socket", async () => {
		const { kernel, take } = setUp({
			entries: [...flows(250), V6, PING],
			perDatagram: 60,
		});
		const { fill, census } = await take();
		expect(fill.entries).toBe(252);
		expect(census.entries).toBe(252);
		expect(sourcesOf(census)).toEqual({
			"192.0.2.7": 250,
			"fd07::7": 1,
			"192.0.2.9": 1,
		});
		expect(kernel.open()).toBe(0);
	});

	test("a table without entries", async () => {
		const { census } = await setUp({}).take();
		expect([census.entries, sourcesOf(census)]).toEqual([0, {}]);
	});

	test("the family that the kernel is asked for, and the protocols that are wanted", async () => {
		const { take } = setUp({ entries: [...flows(3), V6, PING] });
		expect(sourcesOf((await take({ family: 10 })).census)).toEqual({
			"fd07::7": 1,
		});
		expect(sourcesOf((await take({ protos: [1, 58] })).census)).toEqual({
			"192.0.2.9": 1,
		});
	});

	test("anew where the dump was interrupted", async () => {
		const { kernel, take } = setUp({
			entries: flows(100),
			perDatagram: 30,
			answer: (r) =>
				r.type === GET && r.nth === 0
					? [...kernel.usual(r).slice(0, 2), "ENOBUFS"]
					: undefined,
		});
		const { census } = await take();
		expect(sourcesOf(census)).toEqual({ "192.0.2.7": 100 });
	});

	test("not what is no entry, or of another request", async () => {
		const { kernel, take } = setUp({
			entries: flows(3),
			answer: (r) =>
				r.type === GET
					? [
							...kernel
								.usual({ ...r, seq: r.seq + 1, type: GET })
								.slice(0, 1)
								.map(otherType),
							...kernel.usual(r),
						]
					: undefined,
		});
		expect((await take()).census.entries).toBe(3);
	});
});

/** Gives every message of the datagram a type that is no entry's. */
function otherType(reply: Uint8Array | string): Uint8Array | string {
	if (typeof reply === "string") return reply;
	const bytes = reply.slice();
	const view = new DataView(bytes.buffer);
	for (let at = 0; at < bytes.length; at += (view.getUint32(at, true) + 3) & ~3)
		view.setUint16(at + 4, NEW + 1, true);
	return bytes;
}

describe("a large table", () => {
	const large = (n: number) =>
		setUp({ entries: flows(100), answer: enlarged(n) });

	test.each<[string, Partial<CensusTerms>, number, number]>([
		["is a sample of its beginning", {}, SAMPLED, 0.5],
		["is read to its end on request", { isExact: true }, 2 * SAMPLED, 1],
		[
			"is read to its end for a family, of which nobody knows the size",
			{ family: 2 },
			2 * SAMPLED,
			1,
		],
		[
			"counts what was read, and not what was wanted",
			{ protos: [6] },
			SAMPLED,
			0.5,
		],
	])("%s", async (_, query, read, share) => {
		const { kernel, take } = large(2 * SAMPLED);
		const { census } = await take(query);
		expect(census.read).toBe(read);
		expect(census.entries).toBe(query.protos ? 0 : read);
		expect(census.share).toBe(share);
		expect(kernel.open()).toBe(0);
	});

	test("begins there", async () => {
		const { take } = large(SAMPLED);
		const { census } = await take();
		expect([census.read, census.share]).toEqual([SAMPLED, 1]);
	});
});

describe("fails", () => {
	test("if the kernel refuses", async () => {
		const { kernel, take } = setUp({
			answer: (r) => (r.type === GET ? [errorMessage(1, r.seq)] : undefined),
		});
		await expect(take()).rejects.toThrow(NetlinkError);
		expect(kernel.open()).toBe(0);
	});

	test("if no end comes", async () => {
		const { kernel, take } = setUp({
			entries: flows(3),
			answer: (r) => (r.type === GET ? kernel.usual(r).slice(0, 1) : undefined),
		});
		await expect(take()).rejects.toThrow(DeadlineError);
		expect(kernel.open()).toBe(0);
	});
});
