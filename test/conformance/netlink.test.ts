// The netlink socket, with ctnetlink's GET_STATS as the peer.

import { beforeAll, describe, expect, test } from "vitest";
import type { Call, Outcome } from "./probe.ts";
import { check, HOSTS, outcomes, type Want } from "./run.ts";

const rows: readonly (readonly [name: string, call: Call, want: Want])[] = [
	[
		"an answer comes into the middle of the caller's buffer",
		["stats"],
		// nfnetlink_conntrack.h: IPCTNL_MSG_CT_GET_STATS answers with the number
		// of entries and the limit: two attributes of 8 bytes.
		{
			value: {
				header: [36, expect.any(Number), 7],
				length: 36,
				outside: true,
			},
		},
	],
	["answers come in order", ["statsMany", 200], { value: "in order" }],
	["no answer within the timeout", ["recvTimeout", 50], ["EAGAIN", "recvmsg"]],
	[
		"a timeout of nothing does not wait",
		["recvTimeout", 0],
		["EAGAIN", "recvmsg"],
	],
	["a buffer that is too short", ["recvShort", 16], ["EMSGSIZE", "recvmsg"]],
	["a buffer of nothing", ["recvShort", 0], ["EMSGSIZE", "recvmsg"]],
	["a buffer that just fits", ["recvShort", 36], { value: 36 }],
	["after a cut datagram the next is whole", ["recvAfterShort"], { value: 2 }],
	["send on a closed socket", ["sendClosed"], ["EBADF", "sendto"]],
	["recv on a closed socket", ["recvClosed"], ["EBADF", "recvmsg"]],
	[
		"a protocol that the kernel has not",
		["netlink", 31],
		["EPROTONOSUPPORT", "socket"],
	],
];

describe.each(HOSTS)("%s", (host) => {
	let results: readonly Outcome[] = [];
	beforeAll(async () => {
		results = await outcomes(
			host,
			rows.map(([, call]) => call),
		);
	});

	test.each(rows.map((row, i) => [row[0], row[2], i] as const))(
		"%s",
		(_, want, i) => check(results[i], want),
	);
});
