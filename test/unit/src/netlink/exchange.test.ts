// One request and its one answer, and the deadline.

import { describe, expect, test } from "vitest";
import { DeadlineError } from "../../../../src/netlink/deadline.ts";
import { DecodeError, NetlinkError } from "../../../../src/netlink/nl.ts";
import {
	attr,
	concat,
	datagram,
	errorMessage,
	hex,
	message,
	u32,
} from "../../../support/entries.ts";
import type { Reply, Request } from "../../../support/fakekernel.ts";
import {
	fault,
	readValue,
	setUp,
	value,
	write,
} from "../../../support/unit/exchanges.ts";

describe("ask", () => {
	const ask = async (answer: (r: Request) => readonly Reply[]) => {
		const { exchange, kernel } = setUp({ answer });
		const result = exchange.ask("count", write, readValue);
		await result.catch(() => {});
		exchange.close();
		expect(kernel.open()).toBe(0);
		return result;
	};

	test.each<[string, (r: Request) => readonly Reply[]]>([
		["the one answer", ({ seq }) => [value(seq, 7)]],
		[
			"behind another request's answer in its datagram",
			({ seq }) => [datagram(value(seq + 9, 1), value(seq, 7))],
		],
		[
			"behind datagrams that are not for us",
			({ seq }) => [value(seq - 1, 1), errorMessage(1, seq + 1), value(seq, 7)],
		],
		[
			"behind an empty datagram",
			({ seq }) => [new Uint8Array(), value(seq, 7)],
		],
	])("gives %s", async (_, answer) => expect(await ask(answer)).toBe(7));

	test.each<[string, (r: Request) => readonly Reply[], string]>([
		["EPERM", ({ seq }) => [errorMessage(1, seq)], "count: EPERM"],
		[
			"EINVAL, if nf_conntrack_netlink is not there",
			({ seq }) => [errorMessage(22, seq)],
			"count: EINVAL",
		],
		["EBUSY", ({ seq }) => [errorMessage(16, seq)], "count: EBUSY"],
		[
			"the kernel's own words",
			({ seq }) => [
				message(
					{ type: 2, flags: 0x300, seq },
					u32(-22 >>> 0),
					new Uint8Array(16),
					attr(1, hex("626164 00")),
				),
			],
			"count: EINVAL (bad)",
		],
	])("throws NetlinkError for %s", async (_, answer, text) => {
		const e = await fault(ask(answer));
		expect(e).toBeInstanceOf(NetlinkError);
		expect((e as Error).message).toBe(text);
	});

	test.each(["ENOBUFS", "EMSGSIZE", "EIO"])(
		"throws the SysError %s of recv",
		async (code) => {
			expect(await fault(ask(() => [code]))).toMatchObject({
				code,
				syscall: "recvmsg",
			});
		},
	);

	test("asks again where the answer was lost, three times at most", async () => {
		const lost = (times: number) =>
			ask(({ seq, nth }) => [nth < times ? "ENOBUFS" : value(seq, 7)]);
		expect(await lost(2)).toBe(7);
		expect(await fault(lost(3))).toMatchObject({ code: "ENOBUFS" });
	});

	test.each<[string, (seq: number) => Uint8Array]>([
		["a byte", () => hex("10")],
		["a header cut short", (seq) => value(seq, 7).subarray(0, 15)],
		["a message cut short", (seq) => value(seq, 7).subarray(0, 19)],
		["a length of 0", (seq) => concat(u32(0), value(seq, 7).subarray(4))],
		["garbage behind the answer", (seq) => concat(value(seq, 7), hex("ffff"))],
	])("throws DecodeError for %s", async (_, bytes) => {
		expect(await fault(ask(({ seq }) => [bytes(seq)]))).toBeInstanceOf(
			DecodeError,
		);
	});

	test("gives up at the deadline when nothing comes", async () => {
		const { exchange, clock } = setUp({ answer: () => [] });
		expect(await fault(exchange.ask("count", write, readValue))).toBeInstanceOf(
			DeadlineError,
		);
		expect(clock.ms).toBe(5000);
	});

	test("waits on when a slice of the time has passed without an answer", async () => {
		const { exchange } = setUp({
			answer: ({ seq }) => ["EAGAIN", "EAGAIN", value(seq, 7)],
		});
		expect(await exchange.ask("count", write, readValue)).toBe(7);
	});

	test("throws what socket() refuses with", async () => {
		const { exchange } = setUp({ refuse: () => "EPROTONOSUPPORT" });
		expect(await fault(exchange.ask("count", write, readValue))).toMatchObject({
			code: "EPROTONOSUPPORT",
			syscall: "socket",
		});
	});

	test("gives up at the deadline although datagrams keep coming", async () => {
		const { exchange, clock } = setUp({
			recvMs: 100,
			answer: ({ seq }) => new Array<Reply>(1000).fill(value(seq + 1, 0)),
		});
		const e = await fault(exchange.ask("count", write, readValue));
		expect(e).toBeInstanceOf(DeadlineError);
		expect((e as Error).message).toBe("gave up after 5000 ms");
		expect(clock.ms).toBe(5000);
	});

	test("waits no longer than the deadline when nothing comes, even if time has passed before", async () => {
		const { exchange, clock, kernel } = setUp({
			answer: ({ seq, nth }) => (nth === 0 ? [value(seq, 7)] : []),
		});
		await exchange.ask("count", write, readValue);
		clock.ms = 4000;
		await fault(exchange.ask("count", write, readValue));
		expect(kernel.requests).toHaveLength(2);
		expect(clock.ms).toBeLessThanOrEqual(5000);
	});

	test("one socket serves all requests, with growing sequence numbers", async () => {
		const { exchange, kernel } = setUp({
			answer: ({ seq }) => [value(seq, seq)],
		});
		for (let n = 0; n < 3; n++) await exchange.ask("count", write, readValue);
		expect(kernel.requests.map((r) => [r.socket, r.seq])).toEqual([
			[1, 1],
			[1, 2],
			[1, 3],
		]);
	});
});

test("an exchange that was closed opens another socket for the next request", async () => {
	const { exchange, kernel } = setUp({ answer: ({ seq }) => [value(seq, 7)] });
	await exchange.ask("count", write, readValue);
	exchange.close();
	exchange.close();
	expect(kernel.open()).toBe(0);
	expect(await exchange.ask("count", write, readValue)).toBe(7);
	expect(kernel.requests.map((r) => r.socket)).toEqual([1, 2]);
});
