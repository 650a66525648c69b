// The pass that decodes each entry whole, over a kernel in memory.

import { describe, expect, test } from "vitest";
import type { Entry } from "../../../../src/conntrack/entry.ts";
import { scan } from "../../../../src/conntrack/scan.ts";
import { PortSet } from "../../../../src/conntrack/skip.ts";
import type { ScanCount } from "../../../../src/conntrack/table.ts";
import { IPPROTO_UDP } from "../../../../src/net/proto.ts";
import { DeadlineError } from "../../../../src/netlink/deadline.ts";
import {
	attr,
	be16,
	concat,
	datagram,
	doneMessage,
	entry,
	entryAttrs,
	entryMessage,
	errorMessage,
	hex,
	message,
	nfgenmsg,
	wireOf,
} from "../../../support/entries.ts";
import type { FakeKernelOptions, Reply } from "../../../support/fakekernel.ts";
import { flows, NEW, setUp } from "../../../support/unit/tables.ts";

describe("scan", () => {
	const read = async (options: FakeKernelOptions, port = 8125) => {
		const { kernel, table, clock } = setUp(options);
		const ports = new PortSet();
		ports.add(IPPROTO_UDP, port);
		const count: ScanCount = { entries: 0, kept: 0, undecodable: 0 };
		const visits: Entry[][] = [];
		const work = scan(table, ports, count, (hits) => {
			visits.push([...hits]);
		});
		const error = await work.then(
			() => undefined,
			(e: unknown) => e,
		);
		return { kernel, clock, count, visits, error };
	};

	test("hands on the entries of the port and counts all", async () => {
		const others = flows(3).map((f) => ({ ...f, proto: "tcp" }));
		const { count, visits, error, kernel } = await read({
			entries: [
				...others,
				...flows(2),
				{ orig: "[fd07::7]:6000 > [fd03::1]:8125" },
			],
		});
		expect(error).toBeUndefined();
		expect(visits.flat().map((e) => e.orig.sport)).toEqual([
			10_000, 10_001, 6000,
		]);
		expect(count).toEqual({ entries: 6, kept: 0, undecodable: 0 });
		expect(kernel.open()).toBe(0);
	});

	test("one visit a datagram, none for a datagram without hits", async () => {
		const { visits } = await read({
			entries: [...flows(2), ...flows(2, { proto: "tcp" }), ...flows(2)],
			perDatagram: 2,
		});
		expect(visits.map((hits) => hits.length)).toEqual([2, 2]);
	});

	test("an entry that cannot be decoded is counted and left alone", async () => {
		const bad = (seq: number) =>
			message(
				{ type: NEW, seq },
				nfgenmsg(2),
				...entryAttrs(flows(1)[0] ?? { orig: "" }).slice(0, 2),
			);
		const { count, visits, error } = await read({
			answer: ({ seq }) => [
				datagram(
					bad(seq),
					...flows(2).map((f) => entryMessage(f, seq)),
					bad(seq),
				),
				doneMessage(seq),
			],
		});
		expect(error).toBeUndefined();
		expect(count).toEqual({ entries: 4, kept: 0, undecodable: 2 });
		expect(visits.flat()).toHaveLength(2);
	});

	test.each<[string, (seq: number) => Uint8Array]>([
		["an id of two bytes", (seq) => entryWith(seq, attr(12, be16(7)))],
		[
			"a zone of four bytes",
			(seq) => entryWith(seq, attr(18, hex("00000007"))),
		],
		[
			"a reply tuple without ports",
			(seq) =>
				entryWith(
					seq,
					attr(
						2,
						hex(wireOf(entry(flows(1)[0] ?? { orig: "" }).key).reply).subarray(
							0,
							20,
						),
						attr(2, attr(1, hex("11"))),
					),
				),
		],
	])(
		"an entry that cannot be decoded counts as such: %s",
		async (_, undecodable) => {
			const { count, visits } = await read({
				answer: ({ seq }) => [undecodable(seq), doneMessage(seq)],
			});
			expect(count).toEqual({ entries: 1, kept: 0, undecodable: 1 });
			expect(visits).toEqual([]);
		},
	);

	test("entries of another dump are none of ours, with our port or not", async () => {
		const { count, visits, error } = await read({
			answer: ({ seq }) => [
				datagram(
					...flows(3).map((f, i) => entryMessage(f, i === 1 ? seq : seq + 7)),
				),
				datagram(...flows(2).map((f) => entryMessage(f, seq - 1))),
				doneMessage(seq),
			],
		});
		expect(error).toBeUndefined();
		expect(visits.flat().map((e) => e.orig.sport)).toEqual([10_001]);
		expect(count.undecodable).toBe(0);
	});

	test("an entry that is laid out anew is a hit for its own port alone", async () => {
		const reversed = (seq: number, at: number) => {
			const [orig, reply, ...rest] = entryAttrs(flows(3)[at] ?? { orig: "" });
			const attrs = [reply, orig, ...rest].filter((a) => a !== undefined);
			return message({ type: NEW, seq }, nfgenmsg(2), ...attrs);
		};
		for (const [port, hits] of [
			[8125, 3],
			[8126, 0],
			[5353, 0],
		] as const) {
			const { count, visits } = await read(
				{
					answer: ({ seq }) => [
						datagram(...[0, 1, 2].map((at) => reversed(seq, at))),
						doneMessage(seq),
					],
				},
				port,
			);
			expect(count).toMatchObject({ entries: 3, undecodable: 0 });
			expect(visits.flat()).toHaveLength(hits);
		}
	});

	test("an interruption begins it again; entries come twice", async () => {
		const { visits, count, error } = await read({
			answer: ({ seq, nth }) => {
				const entries = flows(2).map((f) => entryMessage(f, seq));
				return nth === 0
					? [datagram(...entries), "ENOBUFS"]
					: [datagram(...entries), doneMessage(seq)];
			},
		});
		expect(error).toBeUndefined();
		expect(visits.flat()).toHaveLength(4);
		expect(count.entries).toBe(4);
	});

	test.each<[string, (seq: number) => readonly Reply[], object]>([
		[
			"a refusal",
			(seq) => [errorMessage(1, seq)],
			{ message: "read entries: EPERM" },
		],
		[
			"a DONE that is an error",
			(seq) => [doneMessage(seq, 12)],
			{ message: "read entries: ENOMEM" },
		],
		["silence", () => [], { name: "DeadlineError" }],
		[
			"a datagram that is cut",
			(seq) => [entryMessage(flows(1)[0] ?? { orig: "" }, seq).subarray(0, 90)],
			{ name: "DecodeError" },
		],
		[
			"garbage",
			() => [hex("00000000 00000000 00000000 00000000")],
			{ name: "DecodeError" },
		],
	])("ends in an error: %s", async (_, replies, want) => {
		const { error, kernel } = await read({ answer: ({ seq }) => replies(seq) });
		expect(error).toMatchObject(want);
		expect(kernel.open()).toBe(0);
	});

	test("a table that never ends is given up", async () => {
		const { error, clock } = await read({
			recvMs: 10,
			answer: ({ seq }) => {
				const many = datagram(...flows(50).map((f) => entryMessage(f, seq)));
				return new Array<Reply>(600).fill(many);
			},
		});
		expect(error).toBeInstanceOf(DeadlineError);
		expect(clock.ms).toBe(4000);
	});
});

/** An entry in which `attribute` takes the place of the attribute of its type. */
function entryWith(seq: number, attribute: Uint8Array): Uint8Array {
	const type = attribute[2];
	const attrs = entryAttrs(flows(1)[0] ?? { orig: "" }).filter(
		(a) => a[2] !== type,
	);
	return message({ type: NEW, seq }, nfgenmsg(2), concat(...attrs), attribute);
}
