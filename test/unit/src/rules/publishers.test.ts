// Which programs publish ports by rules, and the rules of the node for a survey.

import { describe, expect, test } from "vitest";
import { AF_INET } from "../../../../src/net/ip.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { NetlinkError } from "../../../../src/netlink/nl.ts";
import { Callers } from "../../../../src/rules/callers.ts";
import type { DNATRule } from "../../../../src/rules/dnat.ts";
import {
	publishersOf,
	surveyLegacy,
	surveyTables,
} from "../../../../src/rules/publishers.ts";
import { errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
} from "../../../support/fakekernel.ts";
import { portmapChains } from "../../../support/unit/checkup.ts";
import { tableOf } from "../../../support/unit/legacytables.ts";
import {
	answerRules,
	dnat,
	type TestChain,
} from "../../../support/unit/nftables.ts";

const DOCKER: TestChain = {
	family: 2,
	table: "nat",
	chain: "DOCKER",
	rules: [dnat(8125, "172.17.0.2", 5353)],
};
const SERVICES: TestChain = { ...DOCKER, chain: "KUBE-SEP-0123" };

test.each<[string, readonly TestChain[], string[]]>([
	["none", [], []],
	["kube-proxy alone, which publishes no container's port", [SERVICES], []],
	["two", [DOCKER, ...portmapChains("10.88.0.2")], ["docker", "portmap"]],
])("%s", async (_, chains, want) => {
	const { netlink } = fakeKernel({ answer: answerRules(chains) });
	const found = await publishersOf(fakeHost({ netlink }));
	expect([...found].sort()).toEqual(want);
});

test("rules that cannot be read are none", async () => {
	const { netlink } = fakeKernel({ answer: (r) => [errorMessage(1, r.seq)] });
	expect([...(await publishersOf(fakeHost({ netlink })))]).toEqual([]);
});

describe("a survey of nf_tables", () => {
	async function survey(answer: FakeKernelOptions["answer"]) {
		const kernel = fakeKernel({ ...(answer && { answer }) });
		const host = fakeHost({ netlink: kernel.netlink });
		const found: DNATRule[] = [];
		const isThere = surveyTables(
			host,
			new Deadline(host, 1000),
			new Callers(),
			(rule) => found.push(rule),
		);
		return { isThere, found, kernel };
	}

	test("it finds the rules that publish ports, and leaves no socket open", async () => {
		const { isThere, found, kernel } = await survey(
			answerRules(portmapChains("10.88.0.2")),
		);
		expect(await isThere).toBe(true);
		expect(found.map(({ ip }) => ip)).toContain("10.88.0.2");
		expect(kernel.open()).toBe(0);
	});

	test("an error is the caller's, and leaves no socket open either", async () => {
		const { isThere, kernel } = await survey((r) => [errorMessage(1, r.seq)]);
		await expect(isThere).rejects.toThrow(NetlinkError);
		expect(kernel.open()).toBe(0);
	});
});

describe("a survey of legacy iptables", () => {
	const NAMES = "/proc/net/ip_tables_names";

	test("it finds the rules that publish ports", () => {
		const { info, entries } = tableOf(AF_INET);
		const host = fakeHost({
			files: { [NAMES]: "nat\n" },
			getsockopt(_domain, _level, name, value) {
				if (name === 64) value.set(info);
				else value.set(entries, 40);
				return value.length;
			},
		});
		const found: DNATRule[] = [];
		const callers = new Callers();
		expect(surveyLegacy(host, AF_INET, callers, (r) => found.push(r))).toBe(
			true,
		);
		expect(found.map(({ chain }) => chain)).toContainEqual(
			expect.stringMatching(/^CNI-DN-/),
		);
	});

	test("it finds nothing where there is no table", () =>
		expect(surveyLegacy(fakeHost(), AF_INET, new Callers(), () => {})).toBe(
			false,
		));
});
