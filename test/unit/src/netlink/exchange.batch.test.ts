// Batches of requests in one write, and the errno of each.

import { describe, expect, test } from "vitest";
import type { Writer } from "../../../../src/netlink/nl.ts";
import { datagram, errorMessage } from "../../../support/entries.ts";
import type {
	FakeKernelOptions,
	Reply,
	Request,
} from "../../../support/fakekernel.ts";
import { fault, setUp, TYPE, value } from "../../../support/unit/exchanges.ts";

describe("batch", () => {
	const items = [10, 20, 30, 40];
	const writeItem = (
		w: Writer,
		seq: number,
		ack: boolean,
		item: number,
	): void => w.message(TYPE, ack ? 5 : 1, seq, () => w.u32(1, item));
	/** Answers the last request of a batch with `replies`, given the batch's first number. */
	const atLast =
		(replies: (first: number) => readonly Reply[]) => (r: Request) =>
			r.flags & 4 ? replies(r.seq - items.length + 1) : [];
	const batch = async (options: FakeKernelOptions) => {
		const { exchange, kernel } = setUp(options);
		return { kernel, errnos: await exchange.batch(items, writeItem) };
	};

	test("asks to acknowledge the last only, in one write", async () => {
		const { kernel, errnos } = await batch({
			answer: atLast((first) => [errorMessage(0, first + 3)]),
		});
		expect(errnos.map((n) => n + 0)).toEqual([0, 0, 0, 0]);
		expect(kernel.batches).toEqual([4]);
		expect(kernel.requests.map((r) => r.flags)).toEqual([1, 1, 1, 5]);
	});

	test.each<[string, (first: number) => readonly Reply[], number[]]>([
		[
			"each error at its place",
			(f) => [
				errorMessage(2, f),
				errorMessage(16, f + 2),
				errorMessage(0, f + 3),
			],
			[2, 0, 16, 0],
		],
		["the last one's own error", (f) => [errorMessage(1, f + 3)], [0, 0, 0, 1]],
		[
			"in another order",
			(f) => [
				errorMessage(16, f + 2),
				errorMessage(2, f),
				errorMessage(1, f + 1),
				errorMessage(0, f + 3),
			],
			[2, 1, 16, 0],
		],
		[
			"several in one datagram",
			(f) => [
				datagram(
					errorMessage(2, f),
					errorMessage(2, f + 1),
					errorMessage(2, f + 3),
				),
			],
			[2, 2, 0, 2],
		],
		[
			"among answers of other requests",
			(f) => [
				errorMessage(22, f - 1),
				errorMessage(22, f + 4),
				value(f, 1),
				errorMessage(2, f + 1),
				errorMessage(0, f + 3),
			],
			[0, 2, 0, 0],
		],
		[
			"acknowledged although nobody asked",
			(f) => [
				errorMessage(0, f),
				errorMessage(0, f + 1),
				errorMessage(2, f + 2),
				errorMessage(0, f + 3),
			],
			[0, 0, 2, 0],
		],
	])("gives %s", async (_, replies, want) => {
		const { errnos } = await batch({ answer: atLast(replies) });
		expect(errnos.map((n) => n + 0)).toEqual(want);
	});

	test("is sent again on a new socket when answers were lost", async () => {
		let tries = 0;
		const { kernel, errnos } = await batch({
			answer: atLast((f) =>
				++tries === 1
					? [errorMessage(1, f), "ENOBUFS"]
					: [errorMessage(2, f), errorMessage(0, f + 3)],
			),
		});
		expect(errnos.map((n) => n + 0)).toEqual([2, 0, 0, 0]);
		expect(kernel.batches).toEqual([4, 4]);
		expect(kernel.requests.map((r) => r.socket)).toEqual([
			1, 1, 1, 1, 2, 2, 2, 2,
		]);
		expect(kernel.open()).toBe(1);
	});

	test("is sent three times at most", async () => {
		const { exchange, kernel } = setUp({ answer: atLast(() => ["ENOBUFS"]) });
		expect(await fault(exchange.batch(items, writeItem))).toMatchObject({
			code: "ENOBUFS",
		});
		expect(kernel.batches).toEqual([4, 4, 4]);
	});

	test.each(["EIO", "EMSGSIZE"])("is not sent again for %s", async (code) => {
		const { exchange, kernel } = setUp({ answer: atLast(() => [code]) });
		expect(await fault(exchange.batch(items, writeItem))).toMatchObject({
			code,
		});
		expect(kernel.batches).toEqual([4]);
	});

	test("a request that cannot be written sends nothing at all", async () => {
		const { exchange, kernel } = setUp({});
		const refuse = new TypeError("no");
		const work = exchange.batch(items, (w, seq, ack, item) => {
			if (item === 30) throw refuse;
			writeItem(w, seq, ack, item);
		});
		expect(await fault(work)).toBe(refuse);
		expect(kernel.batches).toEqual([]);
	});
});
