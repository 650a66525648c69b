// The rules of programs that publish ports, among those of others.

import { describe, expect, test } from "vitest";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { Exchange } from "../../../../src/netlink/exchange.ts";
import { Callers } from "../../../../src/rules/callers.ts";
import type { DNATRule } from "../../../../src/rules/dnat.ts";
import {
	type BaseChain,
	type ChainID,
	chainKey,
	type NatRule,
	type Step,
} from "../../../../src/rules/model.ts";
import { readPublished, visitLegacy } from "../../../../src/rules/survey.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import {
	answerRules,
	dnat,
	dnatByMap,
	jump,
	type TestChain,
} from "../../../support/unit/nftables.ts";

const V4 = { backend: "nft", family: 2, element: undefined } as const;

describe("the rules of programs that publish ports", () => {
	const NAT = { family: 2, table: "nat" };
	const PREROUTING: TestChain = {
		...NAT,
		chain: "PREROUTING",
		hook: 0,
		rules: [jump("KUBE-SERVICES"), jump("CNI-HOSTPORT-DNAT")],
	};

	async function survey(
		chains: readonly TestChain[],
		answer: Parameters<typeof answerRules>[1] = {},
	) {
		const kernel = fakeKernel({ answer: answerRules(chains, answer) });
		const host = fakeHost({ netlink: kernel.netlink });
		const requests = new Exchange(host, 12, new Deadline(host, 1000));
		const callers = new Callers();
		const found: DNATRule[] = [];
		const isThere = await readPublished(requests, callers, (r) =>
			found.push(r),
		);
		requests.close();
		return { isThere, callers, found, kernel };
	}

	test("chains of other programs are not read", async () => {
		const { found, kernel, isThere } = await survey([
			PREROUTING,
			{ ...NAT, chain: "KUBE-SERVICES", rules: [jump("KUBE-SEP-1")] },
			{ ...NAT, chain: "KUBE-SEP-1", rules: [dnat(53, "10.42.0.9", 53)] },
			{ ...NAT, chain: "CNI-HOSTPORT-DNAT", rules: [jump("CNI-DN-1")] },
			{ ...NAT, chain: "CNI-DN-1", rules: [dnat(8125, "10.88.0.2", 5353)] },
		]);
		expect(isThere).toBe(true);
		expect(found).toEqual([
			{
				...V4,
				...NAT,
				chain: "CNI-DN-1",
				handle: 1,
				dport: 8125,
				ip: "10.88.0.2",
				port: 5353,
			},
		]);
		// the chains, PREROUTING, and the two of portmap
		expect(kernel.requests.length).toBe(4);
		expect(kernel.open()).toBe(0);
	});

	test("the calls between them are known", async () => {
		const dn: TestChain = { ...NAT, chain: "CNI-DN-1", rules: [] };
		const top: TestChain = {
			...NAT,
			chain: "CNI-HOSTPORT-DNAT",
			rules: [jump("CNI-DN-1")],
		};
		const id = { backend: "nft", ...NAT, chain: "CNI-DN-1" } as ChainID;
		const whole = await survey([PREROUTING, top, dn]);
		expect(whole.callers.gapBefore(id)).toBeUndefined();
		const broken = await survey([{ ...PREROUTING, rules: [] }, top, dn]);
		expect(broken.callers.gapBefore(id)?.chain).toBe("CNI-HOSTPORT-DNAT");
	});

	test.each([
		["with ports", "udp . 8125", false, 5353],
		["with a hostIP", "203.0.113.1 . udp . 8125", true, 5353],
	])("elements of a map %s", async (_, key, hasIP, port) => {
		const { found } = await survey([
			{
				family: 2,
				table: "crio-hostports",
				chain: "hostports",
				rules: [dnatByMap("m", hasIP)],
				maps: {
					m: [{ hostIP: "203.0.113.1", dport: 8125, ip: "10.88.0.2", port }],
				},
			},
		]);
		expect(found).toEqual([
			{
				...V4,
				table: "crio-hostports",
				chain: "hostports",
				handle: 1,
				element: { map: "m", key },
				dport: 8125,
				ip: "10.88.0.2",
				port,
			},
		]);
	});

	test("a dump that began anew gives no rule twice", async () => {
		const { found } = await survey(
			[{ ...NAT, chain: "CNI-DN-1", rules: [dnat(8125, "10.88.0.2", 5353)] }],
			{ interrupt: 0x0a07 },
		);
		expect(found.length).toBe(1);
	});

	test("a chain that has gone meanwhile has none", async () => {
		const { found } = await survey(
			[{ ...NAT, chain: "CNI-DN-1", rules: [dnat(8125, "10.88.0.2", 5353)] }],
			{ refuse: { type: 0x0a07, errno: 2 } },
		);
		expect(found).toEqual([]);
	});

	test("a kernel without nf_tables has none, and another refusal is thrown", async () => {
		const refuse = (errno: number) =>
			survey([], { refuse: { type: 0x0a04, errno } });
		expect((await refuse(22)).isThere).toBe(false);
		await expect(refuse(1)).rejects.toThrow("EPERM");
	});

	test("the rules of legacy iptables: those of other programs are passed over", () => {
		const chain = (name: string, ...steps: Step[]): [string, NatRule[]] => {
			const id = {
				backend: "legacy",
				family: 2,
				table: "nat",
				chain: name,
			} as const;
			return [chainKey(id), [{ ...id, handle: 1, steps }]];
		};
		const min = Uint8Array.of(10, 88, 0, 2);
		const send: Step = {
			is: "send",
			target: { addresses: { min, max: min }, ports: undefined },
		};
		const base: BaseChain = {
			backend: "legacy",
			family: 2,
			table: "nat",
			chain: "PREROUTING",
			hook: "prerouting",
			priority: -100,
			policy: "accept",
		};
		const callers = new Callers();
		const found: DNATRule[] = [];
		const rules = new Map([
			chain("PREROUTING", { is: "jump", chain: "CNI-DN-1" }),
			chain("CNI-DN-1", send),
			chain("KUBE-SEP-1", send),
		]);
		visitLegacy({ chains: [base], rules, digest: 0 }, callers, (r) =>
			found.push(r),
		);
		expect(found).toMatchObject([
			{ chain: "CNI-DN-1", ip: "10.88.0.2", port: undefined },
		]);
		expect(callers.gapBefore({ ...base, chain: "CNI-DN-1" })).toBeUndefined();
	});
});
