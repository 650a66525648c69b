// Which programs publish ports by rules.

import { expect, test } from "vitest";
import { publishersOf } from "../../../../src/rules/publishers.ts";
import { errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { portmapChains } from "../../../support/unit/checkup.ts";
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
