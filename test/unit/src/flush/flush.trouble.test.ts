// Failures of conntrack: the flush reports each of them and never throws.

import { describe, expect, test } from "vitest";
import type { Request, Search } from "../../../../src/flush/search.ts";
import {
	concat,
	datagram,
	doneMessage,
	type EntrySpec,
	entryMessage,
	errorMessage,
	hex,
	message,
	u32,
} from "../../../support/entries.ts";
import type { FakeKernelOptions, Reply } from "../../../support/fakekernel.ts";
import { GET, GET_STATS, healthy, run } from "../../../support/unit/flushes.ts";
import { DELETE, flows, NEW } from "../../../support/unit/tables.ts";

describe("trouble", () => {
	test.each<[string, FakeKernelOptions, object]>([
		[
			"no ctnetlink: socket() EPROTONOSUPPORT",
			{ refuse: () => "EPROTONOSUPPORT" },
			{ code: "EPROTONOSUPPORT" },
		],
		[
			"no capability: EPERM",
			{ answer: ({ seq }) => [errorMessage(1, seq)] },
			{ errno: 1 },
		],
		[
			"no nf_conntrack_netlink: EINVAL",
			{ answer: ({ seq }) => [errorMessage(22, seq)] },
			{ errno: 22 },
		],
		["no answer", { answer: () => [] }, { name: "DeadlineError" }],
		[
			"ENOBUFS at the first answer",
			{ answer: () => ["ENOBUFS"] },
			{ code: "ENOBUFS" },
		],
		[
			"statistics without a number",
			{ answer: ({ seq }) => [message({ type: GET_STATS, seq }, u32(0))] },
			{ name: "DecodeError" },
		],
		[
			"a datagram that is cut",
			{ answer: () => [hex("14")] },
			{ name: "DecodeError" },
		],
		[
			"garbage",
			{ answer: () => [hex("00000000 00000000 00000000 00000000")] },
			{ name: "DecodeError" },
		],
	])("before anything is read is reported: %s", async (_, options, want) => {
		const { report, types } = await run(options);
		expect(report.error).toMatchObject(want);
		expect(report).toMatchObject({ how: "nothing", deleted: 0, kept: 0 });
		expect(types.filter((t) => t !== GET_STATS)).toEqual([]);
	});

	const first = (seq: number) =>
		datagram(...flows(3).map((f) => entryMessage(f, seq)));
	test.each<[string, (seq: number) => readonly Reply[], object]>([
		["ENOBUFS again and again", () => ["ENOBUFS"], { code: "ENOBUFS" }],
		["EINTR again and again", (seq) => [doneMessage(seq, 4)], { errno: 4 }],
		["a DONE that is an error", (seq) => [doneMessage(seq, 12)], { errno: 12 }],
		["EBUSY", (seq) => [errorMessage(16, seq)], { errno: 16 }],
		[
			"a cut message",
			(seq) => [first(seq).subarray(0, 100)],
			{ name: "DecodeError" },
		],
		["a cut datagram", () => ["EMSGSIZE"], { code: "EMSGSIZE" }],
		[
			"an attribute of length 0 in a message's header",
			(seq) => [concat(u32(0), first(seq).subarray(4))],
			{ name: "DecodeError" },
		],
	])(
		"in the middle of the dump: what was found before is removed: %s",
		async (_, replies, want) => {
			const { report, kernel } = await run({
				entries: flows(3),
				answer: ({ type, seq }) =>
					type === GET ? [first(seq), ...replies(seq)] : undefined,
			});
			expect(report.error).toMatchObject(want);
			expect(report.deleted).toBe(3);
			expect(kernel.left()).toEqual([]);
		},
	);

	test("an entry that cannot be named for removal does not keep the others", async () => {
		const zoned: EntrySpec = {
			...(flows(1)[0] ?? { orig: "" }),
			zone: 7,
		};
		const { report, kernel } = await run({
			entries: flows(3),
			answer: ({ type, seq }) => {
				if (type !== GET) return undefined;
				// CTA_ZONE with four bytes
				const bytes = entryMessage(zoned, seq);
				const at = bytes.findIndex(
					(b, i) => b === 18 && bytes[i + 1] === 0 && bytes[i - 2] === 6,
				);
				bytes[at - 2] = 8;
				return [bytes, first(seq), doneMessage(seq)];
			},
		});
		expect(report.error).toBeUndefined();
		expect(report.scanned.undecodable).toBe(1);
		expect(kernel.left()).toEqual([]);
	});

	test.each<[string, (more: Uint8Array) => readonly Reply[]]>([
		["that never ends", (more) => new Array<Reply>(1000).fill(more)],
		["that falls silent", () => []],
	])("a dump %s: the report tells what was removed", async (_, rest) => {
		const { report, kernel } = await run({
			entries: flows(300),
			recvMs: 50,
			answer: ({ type, seq }) => {
				if (type !== GET) return undefined;
				const all = flows(300).map((f) => entryMessage(f, seq));
				const more = entryMessage(healthy[0] ?? { orig: "" }, seq);
				const found = [0, 100, 200].map((from) =>
					datagram(...all.slice(from, from + 100)),
				);
				return [...found, ...rest(more)];
			},
		});
		expect(report.error).toMatchObject({ name: "DeadlineError" });
		expect(report.deleted + kernel.left().length).toBe(300);
	});

	test.each<[string, Partial<Request & Search>]>([
		["what prepares", { prepare: () => Promise.reject(new Error("no")) }],
		[
			"what judges",
			{
				judge: () => {
					throw new Error("no");
				},
			},
		],
	])("in %s is reported, and nothing is removed", async (_, request) => {
		const { report, kernel } = await run({ entries: flows(3) }, request);
		expect(report.error).toEqual(new Error("no"));
		expect(kernel.left()).toHaveLength(3);
	});

	test("with the answers to removals: those are sent again, and none is missed", async () => {
		let lost = false;
		const { report, kernel } = await run({
			entries: flows(450),
			answer: (r) => {
				if (lost || r.type !== DELETE || r.nth !== 250) return undefined;
				lost = true;
				return ["ENOBUFS"];
			},
		});
		expect(report.error).toBeUndefined();
		expect(report.deleted + report.expired).toBe(450);
		expect(kernel.left()).toEqual([]);
	});

	test("an entry that is answered in between is retired with its new bits", async () => {
		const answered = flows(2, { status: ["DST_NAT", "SEEN_REPLY"] });
		const { report, kernel } = await run(
			{
				entries: answered,
				answer: ({ type, seq }) =>
					type === GET
						? [
								datagram(...flows(2).map((f) => entryMessage(f, seq))),
								doneMessage(seq),
							]
						: undefined,
			},
			{ action: { retireSeconds: 2 } },
		);
		expect(report).toMatchObject({ retired: 2, expired: 0, error: undefined });
		expect(report.failed.size).toBe(0);
		expect(kernel.requests.filter((r) => r.type === NEW)).toHaveLength(4);
	});
});
