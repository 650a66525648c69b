// Why packets to a hostPort are lost, by what the rules do with them.

import { expect, test } from "vitest";
import {
	earlierRule,
	foreignIP,
	type Known,
	missingRule,
} from "../../../../src/doctor/loss.ts";
import { ipBytes } from "../../../../src/net/ip.ts";
import { Callers } from "../../../../src/rules/callers.ts";
import type { DNATRule } from "../../../../src/rules/dnat.ts";
import type { Outcome, Packet, Place } from "../../../../src/rules/model.ts";
import { BOOKS } from "../../../support/book.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { attached } from "../../../support/unit/world.ts";

const { H, C } = BOOKS.IPv4;
const M = mapping("IPv4", "udp");
const POD = attached("a", M);
const NAT = { backend: "nft", family: 2, table: "nat" } as const;
const RULE: DNATRule = {
	...NAT,
	chain: "CNI-DN-1",
	handle: 4,
	element: undefined,
	dport: 8125,
	ip: "10.88.0.9",
	port: 5353,
};
const PACKET: Packet = {
	family: 2,
	proto: 17,
	src: ipBytes(C),
	dst: ipBytes(H),
	dport: 8125,
	isSentByNode: false,
	arrivesOn: undefined,
	isLocal: () => false,
};
const known = (part: Partial<Known> = {}): Known => ({
	callers: new Callers(),
	ruleFor: () => undefined,
	leftoverAt: () => undefined,
	isConflistSound: true,
	...part,
});
const target = (chain: string, address?: string): Outcome => {
	const by: Place = { ...NAT, chain, handle: 4 };
	const bytes = address === undefined ? undefined : ipBytes(address);
	return {
		is: "target",
		by,
		target: {
			addresses: bytes && { min: bytes, max: bytes },
			ports: address === undefined ? undefined : { min: 8443, max: 8443 },
		},
	};
};

test.each<[string, Outcome[], object | undefined]>([
	["no rule at all", [{ is: "none" }], undefined],
	[
		"kube-proxy's rule: it may be meant so",
		[target("KUBE-SEP-1", "10.42.7.7")],
		{
			isMeant: true,
			found: `ip nat KUBE-SEP-1 handle 4 (kube-proxy) sends ${H}:8125 to 10.42.7.7:8443 first, so ns/a hears nothing there`,
			advice: expect.stringContaining("kubectl get services"),
		},
	],
	[
		"Docker's rule, which leaves out an interface",
		[target("DOCKER", "172.17.0.2"), { is: "none" }],
		{ isMeant: false, advice: expect.stringContaining("docker ps") },
	],
	[
		"a redirection to the node",
		[target("PREROUTING")],
		{ found: expect.stringContaining("to port 8125 of the node itself first") },
	],
	[
		"a chain that drops",
		[{ is: "dropped", by: { ...NAT, chain: "PREROUTING" } }],
		{
			isMeant: false,
			found: `ip nat PREROUTING drops what comes to ${H}:8125, so ns/a hears nothing there`,
			advice: "look at the rules: nft -a list chain ip nat PREROUTING",
		},
	],
])("what stands before the pod's rule: %s", (_, outcomes, want) => {
	const found = earlierRule({ packet: PACKET, outcomes }, POD, M, known());
	if (want === undefined) expect(found).toBeUndefined();
	else expect(found).toMatchObject({ isLeftOver: false, ...want });
});

test("a leftover rule: its deletion is advised", () => {
	const outcomes = [target("CNI-DN-1", "10.88.0.9")];
	const found = earlierRule(
		{ packet: PACKET, outcomes },
		POD,
		M,
		known({ leftoverAt: () => RULE }),
	);
	expect(found).toMatchObject({
		isLeftOver: true,
		isMeant: false,
		found: expect.stringMatching(/; no pod has that address$/),
		advice: "nft delete rule ip nat CNI-DN-1 handle 4",
	});
});

test("the hostIP is not the node's", () =>
	expect(foreignIP("203.0.113.77", POD, M)).toMatchObject({
		isMeant: true,
		found:
			"hostPort 8125 of ns/a is for 203.0.113.77, which is no address of this node",
	}));

test("there is a rule, and nothing calls its chain", () => {
	const found = missingRule(H, POD, M, known({ ruleFor: () => RULE }));
	expect(found).toMatchObject({
		isMeant: false,
		found: `no chain calls ip nat CNI-DN-1, so the rule that sends udp ${H}:8125 to ns/a has no effect`,
	});
});

test("there is a rule, and its chain is called: its conditions are others", () => {
	const callers = new Callers();
	callers.addBase({
		...NAT,
		chain: "CNI-DN-1",
		hook: "prerouting",
		priority: -100,
		policy: "accept",
	});
	const found = missingRule(H, POD, M, known({ callers, ruleFor: () => RULE }));
	expect(found).toMatchObject({
		isMeant: true,
		found: `ip nat CNI-DN-1 handle 4 sends to ns/a, but not what every client sends to udp ${H}:8125`,
		advice: "look at the conditions: nft -a list chain ip nat CNI-DN-1",
	});
});

test.each([
	[true, false, /: the nat rules were wiped/],
	[false, true, /, which may come from the conflist$/],
])(
	"there is no rule, and the conflist is sound: %s",
	(isConflistSound, isMeant, found) =>
		expect(missingRule(H, POD, M, known({ isConflistSound }))).toMatchObject({
			isMeant,
			found: expect.stringMatching(found),
		}),
);
