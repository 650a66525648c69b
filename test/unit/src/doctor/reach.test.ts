// The check of the ways to live pods: which packets are asked of the rules, and how many
// pods are named.

import { expect, test } from "vitest";
import type { Known } from "../../../../src/doctor/loss.ts";
import { checkReach } from "../../../../src/doctor/reach.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import type { Attachment, Mapping } from "../../../../src/policy/mapping.ts";
import { Callers } from "../../../../src/rules/callers.ts";
import { BOOKS } from "../../../support/book.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { mapping } from "../../../support/unit/flows.ts";
import {
	answerRules,
	dnat,
	type TestChain,
} from "../../../support/unit/nftables.ts";
import { attached, ROUTES } from "../../../support/unit/world.ts";

const M = mapping("IPv4", "udp");
const { H, N } = BOOKS.IPv4;
const base = (...rules: Uint8Array[]): TestChain => ({
	family: 2,
	table: "cni_hostport",
	chain: "prerouting",
	hook: 0,
	rules,
});
const TO_POD = dnat(8125, M.podIP, 5353);

async function reach(
	chains: readonly TestChain[],
	attachments: readonly Attachment[],
	known: Partial<Known> = {},
) {
	const kernel = fakeKernel({ routes: ROUTES, answer: answerRules(chains) });
	const host = fakeHost({ netlink: kernel.netlink });
	const found = await checkReach(host, new Deadline(host, 1000), attachments, {
		callers: new Callers(),
		ruleFor: () => undefined,
		leftoverAt: () => undefined,
		isConflistSound: true,
		...known,
	});
	expect(kernel.open()).toBe(0);
	return found;
}

test("a rule leads to the pod: it is reached", async () => {
	const found = await reach([base(TO_POD)], [attached("a", M)]);
	expect(found).toMatchObject({ findings: [], reached: 1, unclear: 0 });
});

test("no rule: what is said names the first address of the node", async () => {
	const { findings, reached } = await reach([base()], [attached("a", M)]);
	expect(reached).toBe(0);
	expect(findings).toEqual([
		{
			check: "DNAT rules",
			status: "fail",
			found: `no rule sends udp ${H}:8125 to ns/a: the nat rules were wiped (firewalld reload, iptables -t nat -F)`,
			advice:
				"restart the pod, because its ADD makes its rules: crictl stopp a",
		},
	]);
});

test("something is wrong with the conflist: a warning that says so", async () => {
	const known = { isConflistSound: false };
	const { findings } = await reach([base()], [attached("a", M)], known);
	expect(findings).toMatchObject([
		{
			status: "warn",
			found: `no rule sends udp ${H}:8125 to ns/a, which may come from the conflist`,
			advice: expect.stringMatching(/^repair the conflist; then restart/),
		},
	]);
});

test.each<[string, Mapping["hostIP"], object]>([
	["an address of the node", H, { reached: 1, findings: [] }],
	[
		"an address of nobody",
		N,
		{
			reached: 0,
			findings: [
				{
					status: "warn",
					found: `hostPort 8126 of ns/a is for ${N}, which is no address of this node`,
				},
			],
		},
	],
])("a hostIP that is %s", async (_, hostIP, want) => {
	const hostPort = hostIP === H ? 8125 : 8126;
	const pod = attached("a", { ...M, hostIP, hostPort });
	expect(await reach([base(TO_POD)], [pod])).toMatchObject(want);
});

test("the node has no address of the family: it cannot be told", async () => {
	const pod = attached("a", { ...mapping("IPv6", "udp") });
	const kernel = fakeKernel({
		routes: [{ prefix: "::1/128" }, { prefix: "fe80::1/128" }],
		answer: answerRules([]),
	});
	const host = fakeHost({ netlink: kernel.netlink });
	const found = await checkReach(host, new Deadline(host, 1000), [pod], {
		callers: new Callers(),
		ruleFor: () => undefined,
		leftoverAt: () => undefined,
		isConflistSound: true,
	});
	expect(found).toMatchObject({ findings: [], reached: 0, unclear: 1 });
});

test("a pod is named once for each cause, five pods are named, and the others counted", async () => {
	const pods = Array.from({ length: 7 }, (_, i) =>
		attached(`p${i}`, M, { ...M, hostPort: 9 }, { ...M, hostPort: 10 }),
	);
	const { findings } = await reach([base()], pods);
	expect(findings).toHaveLength(6);
	expect(findings[0]?.found).toMatch(/; so it is with 2 more of its ports$/);
	expect(findings[5]?.found).toBe("2 more pods are not reached");
});

test("each port of a row is asked for", async () => {
	const row = { ...M, hostPort: 8124, containerPort: 5352, count: 3 };
	const found = await reach([base(TO_POD)], [attached("a", row)]);
	expect(found).toMatchObject({ reached: 1 });
	expect(found.findings[0]?.found).toMatch(
		/^no rule sends udp .*:8124 to ns\/a: .*; so it is with 1 more of its ports$/,
	);
});

test("of all ports some are asked for, and the others counted", async () => {
	const row = { ...M, hostPort: 1, containerPort: 1, count: 65_535 };
	const { reached, leftOut, findings } = await reach([], [attached("a", row)]);
	expect(findings).toHaveLength(1);
	expect([reached, leftOut > 60_000]).toEqual([0, true]);
});

test("of ten thousand ports some are asked for, and the others counted", async () => {
	const ports = Array.from({ length: 10_000 }, (_, i) => ({
		...M,
		hostPort: 20_000 + i,
	}));
	const { findings, reached, leftOut } = await reach(
		[base(...ports.slice(0, 3000).map((m) => dnat(m.hostPort, M.podIP, 5353)))],
		[attached("a", ...ports)],
	);
	expect(findings).toEqual([]);
	expect(reached).toBeGreaterThan(600);
	expect(reached + leftOut).toBe(10_000);
});
