// `flush --stale` where the rules have a say, and of entries that a pod began.

import { describe, expect, test } from "vitest";
import type { EntrySpec } from "../../../support/entries.ts";
import { natRules } from "../../../support/natrules.ts";
import { call } from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";
import { attached, cachedFile } from "../../../support/unit/world.ts";

const OURS = "udp local:8125 > 10.88.0.2:5353";
const ENTRIES: readonly EntrySpec[] = [
	{
		id: 2,
		orig: "192.0.2.7:2 > 203.0.113.1:8125",
		reply: "10.88.0.2:5353 > 192.0.2.7:2",
		status: ["DST_NAT"],
	},
	{
		id: 3,
		orig: "192.0.2.7:3 > 203.0.113.1:8125",
		reply: "10.88.0.9:5353 > 192.0.2.7:3",
		status: ["DST_NAT"],
	},
	{ id: 4, orig: "192.0.2.7:4 > 203.0.113.10:8125" },
	{
		id: 7,
		orig: "10.88.0.9:5353 > 198.51.100.9:41234",
		reply: "198.51.100.9:41234 > 203.0.113.1:8125",
		status: ["SRC_NAT"],
	},
];
const CACHED = {
	...cachedFile({
		...attached("a", mapping("IPv4", "udp")),
		network: "podnet",
	}),
	"/var/run/netns/x": "",
	"/run/cni/conntrack-flush/departed": '[1000,"ns/q",["10.88.0.9"]]\n',
};

async function flush(
	argv: readonly string[],
	rules: readonly string[],
	files: Readonly<Record<string, string>> = {},
) {
	return call("", {
		env: { CNI_COMMAND: undefined },
		kernel: { entries: ENTRIES, rules: natRules(...rules) },
		host: {
			argv: ["flush", "--stale", ...argv],
			files: { ...(await records("a")), ...files },
		},
	});
}

describe("--stale removes", () => {
	test.each<[string, readonly string[], number[], string]>([
		[
			"what the rule of the pod contradicts",
			[OURS],
			[3, 4],
			"deleted 2, already gone 0, kept 1\n",
		],
		[
			"nothing on an address that another's rule has before it",
			["udp 203.0.113.1:8125 > 10.88.0.3:9090 kube-proxy", OURS],
			[4],
			"deleted 1, already gone 0, kept 2\n",
		],
		[
			"nothing where no rule is: to delete it again and again helps nobody",
			[],
			[],
			"deleted 0, already gone 0, kept 3\n",
		],
	])("%s", async (_, rules, want, out) => {
		const called = await flush([], rules);
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.deleted).toEqual(want);
		expect(called.out).toBe(out);
	});

	test.each<[string, readonly string[], number[]]>([
		["what a departed pod began, too", [], [3, 4, 7]],
		["that by its hostPort", ["--host-port", "8125"], [3, 4, 7]],
		["not by the port of its peer", ["--host-port", "41234"], []],
		[
			"that by the address of its hostPort",
			["--host-port", "8125", "--host-ip", "203.0.113.1"],
			[3, 7],
		],
		[
			"that by the pod, which the others led to",
			["--pod-ip", "10.88.0.9"],
			[3, 7],
		],
	])("%s", async (_, argv, want) => {
		const called = await flush(argv, [OURS], CACHED);
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.deleted).toEqual(want);
	});
});

test("a dry run shows what would go, and why", async () => {
	const called = await flush(["--dry-run"], [OURS], CACHED);
	expect(called.deleted).toEqual([]);
	expect(called.out).toMatch(/was begun by 10\.88\.0\.9, which left this node/);
	expect(called.out).toMatch(/\nwould delete 3, keep 1\n$/);
});

describe("--stale --rules removes what no record names", () => {
	test.each<[string, readonly string[], number[]]>([
		["of all clients", [], [10, 11]],
		[
			"of one client, whoever sends the same beside it",
			["--from", "192.0.2.8"],
			[11],
		],
		["of one port of clients", ["--from", ":2"], [11]],
	])("%s", async (_, argv, want) => {
		const called = await call("", {
			env: { CNI_COMMAND: undefined },
			kernel: {
				entries: [
					{
						id: 10,
						orig: "192.0.2.7:1 > 203.0.113.1:9125",
						reply: "10.88.0.9:5353 > 192.0.2.7:1",
						status: ["DST_NAT"],
					},
					{
						id: 11,
						orig: "192.0.2.8:2 > 203.0.113.1:9125",
						reply: "10.88.0.9:5353 > 192.0.2.8:2",
						status: ["DST_NAT"],
					},
				],
				rules: natRules("udp local:9125 > 10.88.0.3:5353"),
			},
			host: {
				argv: ["flush", "--stale", "--rules", ...argv],
				files: await records("a"),
			},
		});
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.deleted).toEqual(want);
	});
});
