// `list` where records and rules do not say the same, and of entries that a pod began.

import { describe, expect, test } from "vitest";
import type { EntrySpec } from "../../../support/entries.ts";
import { natRules } from "../../../support/natrules.ts";
import { call, expectUntouched } from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";
import { attached, cachedFile } from "../../../support/unit/world.ts";

const DEPARTED = "/run/cni/conntrack-flush/departed";
const OURS = "udp local:8125 > 10.88.0.2:5353";
const to = (id: number, frontend: string, target?: string): EntrySpec => ({
	id,
	orig: `192.0.2.7:${id} > ${frontend}`,
	...(target && {
		reply: `${target} > 192.0.2.7:${id}`,
		status: ["DST_NAT"] as const,
	}),
});

async function list(
	argv: readonly string[],
	entries: readonly EntrySpec[],
	rules: readonly string[] | undefined,
	files: Readonly<Record<string, string>> = {},
) {
	const called = await call("", {
		env: { CNI_COMMAND: undefined },
		kernel: { entries, ...(rules && { rules: natRules(...rules) }) },
		host: {
			argv: ["list", "-o", "jsonl", ...argv],
			files: { ...(await records("a")), ...files },
		},
	});
	expect(called.code).toBe(0);
	expectUntouched(called);
	const rows = called.out.split("\n").filter((line) => line !== "");
	return {
		err: called.err,
		found: rows.map((line) => {
			const { id, verdict, reason, why } = JSON.parse(line);
			return [id, verdict, reason, why];
		}),
	};
}

test("without rules to be read it judges by the records, and says so once", async () => {
	const entries = [
		to(2, "203.0.113.1:8125", "10.88.0.2:5353"),
		to(3, "203.0.113.1:8125", "10.88.0.9:5353"),
	];
	const { err, found } = await list([], entries, undefined);
	expect(err).toBe(
		"judged by the records alone: Error: this kernel shows no nat rules\n",
	);
	expect(found.map(([id, verdict]) => [id, verdict])).toEqual([
		[2, "live"],
		[3, "stale"],
	]);
});

test.each(["docker", "netavark", "cri-o", "incus"])(
	"a port that %s has published is shown, though nothing of it is recorded",
	async (engine) => {
		const rule = `tcp 203.0.113.1:8080 > 10.88.0.5:80 ${engine}`;
		const entries = [
			{ ...to(2, "203.0.113.1:8080", "10.88.0.5:80"), proto: "tcp" },
			{ ...to(3, "203.0.113.1:8080", "10.88.0.4:80"), proto: "tcp" },
			{ ...to(4, "203.0.113.1:22"), proto: "tcp" },
		];
		const why = `the rules now send 203.0.113.1:8080 to 10.88.0.5:80 (${engine})`;
		expect((await list([], entries, [OURS, rule])).found).toEqual([
			[2, "live", undefined, why],
			[3, "stale", "other-pod", why],
		]);
		expect((await list(["--stale"], entries, [OURS, rule])).found).toEqual([
			[3, "stale", "other-pod", why],
		]);
	},
);

test.each<[string, readonly string[], string, string, string]>([
	[
		"a Service's rule that stands before the pod's",
		["udp 203.0.113.1:8125 > 10.88.0.3:5353 kube-proxy", OURS],
		"10.88.0.3:5353",
		"other",
		"the rules now send 203.0.113.1:8125 to 10.88.0.3:5353 (kube-proxy); that rule stands before the one of ns/pod",
	],
	[
		"no rule at all, as after a reload of firewalld",
		[],
		"10.88.0.9:5353",
		"other",
		"no rule sends 203.0.113.1:8125 anywhere, and not to ns/pod",
	],
	[
		"a rule that was left of a pod that is gone",
		["udp local:8125 > 10.88.0.9:5353", OURS],
		"10.88.0.9:5353",
		"other",
		"the rules now send 203.0.113.1:8125 to 10.88.0.9:5353 (portmap), which left this node 0 s ago; that rule stands before the one of ns/pod",
	],
])("%s", async (_, rules, target, verdict, why) => {
	const departed = { [DEPARTED]: '[1000,"ns/q",["10.88.0.9"]]\n' };
	const entries = [to(2, "203.0.113.1:8125", target)];
	const { found } = await list([], entries, rules, departed);
	expect(found).toEqual([[2, verdict, undefined, why]]);
});

describe("an old address that another pod has now", () => {
	const departed = { [DEPARTED]: '[1000,"ns/q",["10.88.0.9"]]\n' };
	const entries = [to(2, "203.0.113.1:8125", "10.88.0.9:5353")];
	const pod = attached("q", { ...mapping("IPv4", "udp"), podIP: "10.88.0.9" });

	test("is that pod's, even if only libcni knows it and it has no hostPort", async () => {
		const cached = cachedFile(pod, { plugin: "bridge" });
		const { found } = await list([], entries, [OURS], {
			...departed,
			...cached,
			"/var/run/netns/x": "",
		});
		expect(found[0]?.[3]).toMatch(
			/^sends to 10\.88\.0\.9, which is ns\/q; the live pod is ns\/pod/,
		);
	});

	test("has left, if nobody has it", async () => {
		const { found } = await list([], entries, [OURS], departed);
		expect(found[0]?.[3]).toMatch(
			/^sends to 10\.88\.0\.9, which left this node/,
		);
	});
});

describe("an entry that a departed pod began from its hostPort", () => {
	const departed = { [DEPARTED]: '[1000,"ns/q",["10.88.0.9"]]\n' };
	const begun: EntrySpec = {
		id: 7,
		orig: "10.88.0.9:5353 > 198.51.100.9:41234",
		reply: "198.51.100.9:41234 > 203.0.113.1:8125",
		status: ["SRC_NAT"],
	};
	/** The recorded pod, as libcni has cached it. */
	const cached = cachedFile({
		...attached("a", mapping("IPv4", "udp")),
		network: "podnet",
	});
	const why =
		"was begun by 10.88.0.9, which left this node 0 s ago, and takes what 198.51.100.9:41234 sends to 203.0.113.1:8125; ";

	test.each<[string, readonly string[], boolean]>([
		["by default", [], true],
		["if stale ones are asked for", ["--stale"], true],
		["by the hostPort", ["--host-port", "8125"], true],
		[
			"by the hostPort and its address",
			["--host-port", "8125", "--host-ip", "203.0.113.1"],
			true,
		],
		[
			"not by another address",
			["--host-port", "8125", "--host-ip", "203.0.113.10"],
			false,
		],
		["not by another hostPort", ["--host-port", "8126"], false],
		["by the pod that began it", ["--pod-ip", "10.88.0.9"], true],
		["by the place of the hostPort", ["--to", "203.0.113.1:8125"], true],
		["by the address alone", ["--to", "203.0.113.1"], true],
		["not by another place", ["--to", "203.0.113.10"], false],
		["by the peer", ["--from", "198.51.100.9"], true],
	])("is shown %s", async (_, argv, isShown) => {
		const files = { ...departed, ...cached, "/var/run/netns/x": "" };
		const { found } = await list(argv, [begun], [OURS], files);
		expect(found).toEqual(
			isShown
				? [
						[
							7,
							"stale",
							"begun-by-pod",
							`${why}the live pod is ns/pod at 10.88.0.2`,
						],
					]
				: [],
		);
	});

	test("is no more than told of without libcni's cache", async () => {
		const { found } = await list([], [begun], [OURS], departed);
		expect(found).toEqual([
			[
				7,
				"other",
				undefined,
				`${why}another pod may have 10.88.0.9 now, which only libcni's cache can tell`,
			],
		]);
	});

	test("of a pod that has not left is not shown", async () => {
		expect((await list([], [begun], [OURS], cached)).found).toEqual([]);
	});
});
