// The verdict on an entry where the rules are known: what `list` tells people about a
// frontend of which records and rules do not say the same.

import { describe, expect, test } from "vitest";
import { judgeBy } from "../../../../src/policy/judge.ts";
import { BOOKS, isLocal } from "../../../support/book.ts";
import {
	DNAT,
	type Flow,
	flowEntry,
	mapping,
} from "../../../support/unit/flows.ts";
import { prospectOf } from "../../../support/unit/outcomes.ts";
import { attached } from "../../../support/unit/world.ts";

const { N, Q } = BOOKS.IPv4;
const udp = mapping("IPv4", "udp");
const P = attached("p", udp);
/** Another pod with the same hostPort. */
const TWIN = attached("n", { ...udp, podIP: N });
const LEFT = new Map([[Q, { pod: "ns/q", at: 0 }]]);
const MINUTE = 60_000;

const to = (target: string): Flow => ({
	orig: "C:1 > H:8125",
	reply: `${target} > C:1`,
	status: DNAT,
});
const NOWHERE: Flow = { orig: "C:1 > H:8125" };

interface Row {
	readonly name: string;
	readonly records?: (typeof P)[];
	readonly flow: Flow;
	readonly rules: readonly string[];
	readonly want: readonly [
		kind: string,
		reason: string | undefined,
		why: RegExp,
	];
	readonly isPublished?: true;
}

const SENDS = "the rules now send 203\\.0\\.113\\.1:8125 to";
const ROWS: readonly Row[] = [
	// a pod of its own, as it should be
	{
		name: "to its pod, as the rule says",
		records: [P],
		flow: to("P:5353"),
		rules: ["P:5353"],
		want: ["live", undefined, /^leads to ns\/p$/],
	},
	{
		name: "to a pod that left",
		records: [P],
		flow: to("Q:5353"),
		rules: ["P:5353"],
		want: [
			"stale",
			"other-pod",
			/^sends to 10\.88\.0\.9, which left this node 1 min ago; the live pod is ns\/p/,
		],
	},
	{
		name: "made before the rule",
		records: [P],
		flow: NOWHERE,
		rules: ["P:5353"],
		want: ["stale", "no-dnat", /^came while no rule was there/],
	},
	// two owners of one address and port
	{
		name: "of a Service whose rule stands before portmap's",
		records: [P],
		flow: to("N:9090"),
		rules: ["N:9090 kube-proxy"],
		want: [
			"other",
			undefined,
			new RegExp(
				`^${SENDS} 10\\.88\\.0\\.3:9090 \\(kube-proxy\\); that rule stands before the one of ns/p$`,
			),
		],
	},
	{
		name: "of a Service with several endpoints",
		records: [P],
		flow: to("Q:9090"),
		rules: ["N:9090 kube-proxy", "Q:9090 kube-proxy"],
		want: [
			"other",
			undefined,
			new RegExp(
				`^${SENDS} 10\\.88\\.0\\.3:9090 \\(kube-proxy\\), or to one of 1 more`,
			),
		],
	},
	{
		name: "to the pod, while a Service's rule stands before portmap's",
		records: [P],
		flow: to("P:5353"),
		rules: ["N:9090 kube-proxy"],
		want: [
			"other",
			undefined,
			new RegExp(
				`^${SENDS} 10\\.88\\.0\\.3:9090 \\(kube-proxy\\), and not to ns/p$`,
			),
		],
	},
	{
		name: "to the second of two pods, whose rule never counts",
		records: [P, TWIN],
		flow: to("N:5353"),
		rules: ["P:5353"],
		want: ["stale", "other-pod", /^sends to 10\.88\.0\.3, which is ns\/n/],
	},
	{
		name: "to the first of two pods",
		records: [TWIN, P],
		flow: to("P:5353"),
		rules: ["P:5353"],
		want: ["live", undefined, /^leads to ns\/p$/],
	},
	// rules wiped
	{
		name: "of a host's listener, where the pod's rules are gone",
		records: [P],
		flow: NOWHERE,
		rules: ["none"],
		want: ["other", undefined, /^ends on the node itself/],
	},
	{
		name: "to the pod, whose rules are gone",
		records: [P],
		flow: to("P:5353"),
		rules: ["none"],
		want: [
			"other",
			undefined,
			/^no rule sends 203\.0\.113\.1:8125 anywhere, and not to ns\/p$/,
		],
	},
	// a leftover rule before the live pod's
	{
		name: "to a dead pod whose rule is still the first",
		records: [P],
		flow: to("Q:5353"),
		rules: ["Q:5353"],
		want: [
			"other",
			undefined,
			new RegExp(
				`^${SENDS} 10\\.88\\.0\\.9:5353 \\(portmap\\), which left this node 1 min ago; that rule stands before the one of ns/p$`,
			),
		],
	},
	{
		name: "to the live pod, behind the rule of a dead one",
		records: [P],
		flow: to("P:5353"),
		rules: ["Q:5353"],
		want: ["stale", "other-pod", new RegExp(`^${SENDS} 10\\.88\\.0\\.9:5353`)],
		isPublished: true,
	},
	// engines without records
	...["docker", "netavark", "cri-o", "incus"].flatMap((engine): Row[] => [
		{
			name: `to the container, as the rule of ${engine} says`,
			flow: to("N:53"),
			rules: [`N:53 ${engine}`],
			want: [
				"live",
				undefined,
				new RegExp(`^${SENDS} 10\\.88\\.0\\.3:53 \\(${engine}\\)$`),
			],
			isPublished: true,
		},
		{
			name: `to another container than the rule of ${engine} says`,
			flow: to("Q:53"),
			rules: [`N:53 ${engine}`],
			want: [
				"stale",
				"other-pod",
				new RegExp(`^${SENDS} 10\\.88\\.0\\.3:53 \\(${engine}\\)$`),
			],
			isPublished: true,
		},
		{
			name: `made before the rule of ${engine}`,
			flow: NOWHERE,
			rules: [`N:53 ${engine}`],
			want: ["stale", "no-dnat", new RegExp(`^${SENDS}`)],
			isPublished: true,
		},
	]),
	{
		name: "that a firewall's rule sends elsewhere",
		flow: to("Q:53"),
		rules: ["N:53 firewalld"],
		want: ["other", undefined, new RegExp(`^${SENDS} .* \\(firewalld\\)$`)],
	},
	{
		name: "that kube-proxy keeps on purpose, to an endpoint that ends",
		flow: to("Q:53"),
		rules: ["N:53 kube-proxy"],
		want: ["other", undefined, new RegExp(`^${SENDS} .* \\(kube-proxy\\)$`)],
	},
	{
		name: "of nobody",
		flow: to("Q:53"),
		rules: ["none"],
		want: ["other", undefined, /^no rule sends 203\.0\.113\.1:8125 anywhere$/],
	},
	// not understood: as without rules
	{
		name: "to a pod that left, where a rule is not understood",
		records: [P],
		flow: to("Q:5353"),
		rules: ["P:5353", "?"],
		want: ["stale", "other-pod", /^sends to 10\.88\.0\.9, which left/],
	},
	{
		name: "of nobody, where a rule is not understood",
		flow: to("Q:53"),
		rules: ["?"],
		want: ["other", undefined, /^no recorded hostPort$/],
	},
];

describe("an entry", () => {
	test.each(ROWS)(
		"$name: $want.0",
		({ records = [], flow, rules, want, isPublished = false }) => {
			const e = flowEntry("IPv4", "udp", flow);
			const judge = judgeBy(records, isLocal, MINUTE, LEFT);
			const verdict = judge(e, prospectOf("IPv4", e, ...rules));
			const [kind, reason, why] = want;
			expect([verdict.kind, verdict.reason]).toEqual([kind, reason]);
			expect(verdict.why).toMatch(why);
			expect(verdict.isPublished ?? false).toBe(isPublished);
		},
	);
});

describe("an entry to a pod whose hostPorts nobody knows", () => {
	const e = flowEntry("IPv4", "udp", to("Q:5353"));
	const cached = { ...attached("q"), ips: [Q] };
	const recorded = { ...attached("q"), podTargets: [{ ...udp, podIP: Q }] };

	test.each<[string, readonly string[], RegExp]>([
		["the rules send it there", ["Q:5353 docker"], /; 10\.88\.0\.9 is ns\/q$/],
		["no rule does", ["none"], /anywhere; 10\.88\.0\.9 is ns\/q$/],
		[
			"a rule is not understood",
			["?"],
			/^no recorded hostPort; 10\.88\.0\.9 is ns\/q$/,
		],
	])("%s: the words name the pod, recorded or cached", (_, rules, why) => {
		const prospect = prospectOf("IPv4", e, ...rules);
		for (const judge of [
			judgeBy([recorded], isLocal, MINUTE, new Map()),
			judgeBy([], isLocal, MINUTE, new Map(), [cached]),
		])
			expect(judge(e, prospect).why).toMatch(why);
	});

	test("but not if no rule has led it to its address", () => {
		const direct = flowEntry("IPv4", "udp", { orig: "C:1 > Q:5353" });
		const judge = judgeBy([recorded], isLocal, MINUTE, new Map());
		expect(judge(direct).why).toBe("no recorded hostPort");
	});
});

describe("an old address", () => {
	const e = flowEntry("IPv4", "udp", to("Q:5353"));
	const plain = { ...attached("q"), ips: [Q] };

	test("that a pod without hostPorts has now is that pod's", () => {
		const judge = judgeBy([P], isLocal, MINUTE, LEFT, [plain]);
		expect(judge(e).why).toMatch(/^sends to 10\.88\.0\.9, which is ns\/q; /);
		expect(judge(e).departure).toBeUndefined();
	});

	test("that nobody has now has left", () => {
		const judge = judgeBy([P], isLocal, MINUTE, LEFT, [{ ...plain, ips: [N] }]);
		expect(judge(e).why).toMatch(/^sends to 10\.88\.0\.9, which left /);
	});
});

describe("an entry that a departed pod began from its hostPort", () => {
	const e = flowEntry("IPv4", "udp", {
		orig: "Q:5353 > S:41234",
		reply: "S:41234 > H:8125",
		status: ["SRC_NAT"],
	});
	const cached = { ...P, ips: [udp.podIP] };
	const BEGUN =
		"was begun by 10.88.0.9, which left this node 1 min ago, and takes what 198.51.100.9:41234 sends to 203.0.113.1:8125; ";
	const say = (...holders: readonly (typeof cached)[]) => {
		const verdict = judgeBy([P], isLocal, MINUTE, LEFT, holders)(e);
		return [verdict.kind, verdict.reason, verdict.why];
	};

	test("is stale if libcni's cache, which knows the live pod, knows nobody with its address", () =>
		expect(say(cached)).toEqual([
			"stale",
			"begun-by-pod",
			`${BEGUN}the live pod is ns/p at 10.88.0.2`,
		]));

	test("is only told of without the cache", () =>
		expect(say()).toEqual([
			"other",
			undefined,
			`${BEGUN}another pod may have 10.88.0.9 now, which only libcni's cache can tell`,
		]));

	test("is only told of if the cache does not know the live pod: its runtime may cache elsewhere", () =>
		expect(say({ ...cached, containerID: "x" })[0]).toBe("other"));

	test("is told of as what it is to the pod's hostPort, if it came there too", () => {
		const both = flowEntry("IPv4", "udp", {
			orig: "Q:5353 > H:8125",
			reply: "N:5353 > G:8125",
			status: DNAT,
		});
		const judge = judgeBy([P], isLocal, MINUTE, LEFT, [cached]);
		expect(judge(both).reason).toBe("other-pod");
	});

	test("has nothing to do with it if another pod has the address", () =>
		expect(say(cached, { ...attached("q"), ips: [Q] })).toEqual([
			"other",
			undefined,
			"no recorded hostPort",
		]));
});
