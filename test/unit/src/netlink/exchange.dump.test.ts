// Dumps: several datagrams for one request, interrupted or lost on the way.

import { describe, expect, test } from "vitest";
import { DeadlineError } from "../../../../src/netlink/deadline.ts";
import { messageAt } from "../../../../src/netlink/reader.ts";
import {
	datagram,
	doneMessage,
	errorMessage,
	hex,
	message,
	u32,
} from "../../../support/entries.ts";
import type { FakeKernelOptions, Reply } from "../../../support/fakekernel.ts";
import {
	ANSWER,
	fault,
	readValue,
	setUp,
	value,
	write,
} from "../../../support/unit/exchanges.ts";

describe("dump", () => {
	/** Reads numbers until the end. */
	const dump = (options: FakeKernelOptions) => {
		const { exchange, kernel, clock } = setUp(options);
		const seen: number[] = [];
		const work = exchange.dump("read entries", write, (b, length, seq) => {
			for (let at = 0; at < length; ) {
				const m = messageAt(b, at, length);
				at = (m.end + 3) & ~3;
				if (m.seq !== seq) continue;
				if (exchange.ends("read entries", m)) return true;
				seen.push(readValue(b, m));
			}
			return false;
		});
		return { work, seen, kernel, clock };
	};

	test("hands on datagrams until DONE", async () => {
		const { work, seen } = dump({
			answer: ({ seq }) => [
				datagram(value(seq, 1), value(seq, 2)),
				value(seq, 3),
				doneMessage(seq),
			],
		});
		await work;
		expect(seen).toEqual([1, 2, 3]);
	});

	test.each<[string, (seq: number) => Reply]>([
		["ENOBUFS from recv", () => "ENOBUFS"],
		["EINTR from recv", () => "EINTR"],
		["a DONE that says EINTR", (seq) => doneMessage(seq, 4)],
		[
			"a message with NLM_F_DUMP_INTR",
			(seq) => message({ type: ANSWER, flags: 0x12, seq }, u32(9)),
		],
		[
			"a DONE with NLM_F_DUMP_INTR",
			(seq) => message({ type: 3, flags: 0x12, seq }, u32(0)),
		],
		["an error of ENOBUFS", (seq) => errorMessage(105, seq)],
	])("begins again on a new socket after %s", async (_, interruption) => {
		const { work, seen, kernel } = dump({
			answer: ({ seq, nth }) =>
				nth === 0
					? [value(seq, 1), interruption(seq), value(seq, 99)]
					: [value(seq, 1), value(seq, 2), doneMessage(seq)],
		});
		await work;
		expect(seen).toEqual([1, 1, 2]);
		expect(kernel.requests.map((r) => [r.socket, r.seq])).toEqual([
			[1, 1],
			[2, 2],
		]);
		expect(kernel.open()).toBe(1);
	});

	test("begins three times at most", async () => {
		const { work, kernel } = dump({ answer: () => ["ENOBUFS"] });
		const e = await fault(work);
		expect(e).toMatchObject({
			code: "ENOBUFS",
			message: "read entries: recvmsg: ENOBUFS",
		});
		expect(kernel.requests).toHaveLength(3);
		expect(kernel.open()).toBe(0);
	});

	test.each<[string, (seq: number) => Reply, object]>([
		[
			"another dump is under way",
			(seq) => errorMessage(16, seq),
			{ errno: 16, message: "read entries: EBUSY" },
		],
		[
			"it is not allowed",
			(seq) => errorMessage(1, seq),
			{ errno: 1, message: "read entries: EPERM" },
		],
		[
			"it ends in an error",
			(seq) => doneMessage(seq, 12),
			{ errno: 12, message: "read entries: ENOMEM" },
		],
		["nothing comes", () => "EAGAIN", { name: "DeadlineError" }],
		["a datagram was cut", () => "EMSGSIZE", { code: "EMSGSIZE" }],
		[
			"a datagram is no netlink",
			() => hex("ffffffff"),
			{ name: "DecodeError" },
		],
	])("gives up if %s", async (_, reply, want) => {
		const { work, seen, kernel } = dump({
			answer: ({ seq }) => [value(seq, 1), reply(seq)],
		});
		expect(await fault(work)).toMatchObject(want);
		expect(seen).toEqual([1]);
		expect(kernel.requests).toHaveLength(1);
		// the rest of the dump would be taken for an answer to the next request
		expect(kernel.open()).toBe(0);
	});

	test("that never ends is given up at the deadline", async () => {
		const { work, seen, clock, kernel } = dump({
			recvMs: 10,
			answer: ({ seq }) => new Array<Reply>(10_000).fill(value(seq, 1)),
		});
		expect(await fault(work)).toBeInstanceOf(DeadlineError);
		expect(clock.ms).toBe(5000);
		expect(seen).toHaveLength(500);
		expect(kernel.open()).toBe(0);
	});

	test("whose reader throws is not begun again", async () => {
		const { exchange, kernel } = setUp({
			answer: ({ seq }) => [value(seq, 1)],
		});
		const no = new Error("no");
		const work = exchange.dump("read", write, () => {
			throw no;
		});
		expect(await fault(work)).toBe(no);
		expect(kernel.requests).toHaveLength(1);
		expect(kernel.open()).toBe(0);
	});
});
