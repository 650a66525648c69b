// Options of sockets, with the table of legacy iptables as the peer.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { must, run } from "../support/exec.ts";
import { fakeHost } from "../support/fakehost.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import type { Call, Outcome } from "./probe.ts";
import {
	check,
	commandOf,
	HOSTS,
	type HostName,
	outcomesInFake,
	type Want,
} from "./run.ts";

/** struct ipt_getinfo: name, hooks, where they begin and end, number and size of entries. */
const INFO = 84;

const rows: readonly (readonly [name: string, call: Call, want: Want])[] = [
	[
		"an answer comes into the middle of the caller's buffer",
		["getsockopt", 2, 0, 64, INFO, "nat"],
		{
			value: {
				length: INFO,
				value: expect.toSatisfy(
					(v) =>
						v.length === INFO &&
						String.fromCharCode(...v.slice(0, 4)) === "nat\0",
				),
				outside: true,
			},
		},
	],
	[
		"the same of IPv6",
		["getsockopt", 10, 41, 64, INFO, "nat"],
		{ value: expect.objectContaining({ length: INFO, outside: true }) },
	],
	[
		"a buffer that is too short",
		["getsockopt", 2, 0, 64, INFO - 1, "nat"],
		["EINVAL", "getsockopt"],
	],
	[
		"a size that is no longer right",
		["getsockopt", 2, 0, 65, 140, "nat", 100],
		["EAGAIN", "getsockopt"],
	],
	[
		"an option that there is not",
		["getsockopt", 2, 0, 12345, 4, ""],
		["ENOPROTOOPT", "getsockopt"],
	],
	[
		"a domain that there is not",
		["getsockopt", 7777, 0, 64, INFO, "nat"],
		["EAFNOSUPPORT", "socket"],
	],
];
const calls = rows.map(([, call]) => call);

let ns: Namespace;
beforeAll(async () => {
	ns = await createNamespace("sockopt");
	for (const program of ["iptables-legacy", "ip6tables-legacy"])
		await must(ns.inside([program, "-w", "-t", "nat", "-L"]));
});
afterAll(() => ns.remove());

async function outcomesOf(host: HostName): Promise<readonly Outcome[]> {
	const { stdout } = await run(ns.inside(commandOf(host, calls)));
	return JSON.parse(stdout);
}

describe.each(HOSTS)("%s", (host) => {
	let results: readonly Outcome[] = [];
	beforeAll(async () => {
		results = await outcomesOf(host);
	});

	test.each(rows.map(([name, , want], i) => [name, want, i] as const))(
		"%s",
		(_, want, i) => check(results[i], want),
	);
});

test("the fake host has no such call, unless the test gives it one", async () => {
	const [got] = await outcomesInFake(fakeHost(), calls);
	check(got, ["ENOSYS", "getsockopt"], "fake");
});
