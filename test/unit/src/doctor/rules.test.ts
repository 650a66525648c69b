// The check of DNAT rules: which of them lead to pods that nobody knows.

import { expect, test } from "vitest";
import { checkRules } from "../../../../src/doctor/rules.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import {
	cached,
	doctor,
	portmapChains,
	RESULTS,
	withoutTables,
} from "../../../support/unit/checkup.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";
import {
	answerRules,
	dnat,
	dnatByMap,
	jump,
	type TestChain,
} from "../../../support/unit/nftables.ts";
import { attached, ROUTES } from "../../../support/unit/world.ts";

const TARGET = { ...mapping("IPv4", "udp"), podIP: "10.88.0.9" };
const DNAT = ["iptables-dnat", "ip6tables-dnat", "nft-dnat"];
test("rules of other pods than any that is known: exit 3, and what to type; foreign tables do not count", async () => {
	const { code, out } = await doctor({
		rules: DNAT,
		files: cached("10.88.0.3/16"),
	});
	expect(code).toBe(3);
	expect(
		out
			.match(/^fail {2}DNAT rules.*\n.*/gm)
			?.map((t) => t.replace(/handle \d+/, "handle N")),
	).toEqual([
		"fail  DNAT rules: hostPort 8125 leads to 10.88.0.2 port 5353, and no pod has that address\n      nft delete rule ip nat CNI-DN-1 handle N",
		"fail  DNAT rules: hostPort 8080 leads to fd88::2 port 80, and no pod has that address\n      nft delete rule ip6 nat CNI-DN-1 handle N",
	]);
});

test.each<[string, Record<string, string>]>([
	["libcni's cache", cached("10.88.0.2/16")],
	[
		"libcni's cache, in a result of the oldest version",
		{ [`${RESULTS}/x`]: '{"result":{"ip4":{"ip":"10.88.0.2/16"}}}' },
	],
])("rules of a pod that is in %s are none left over", async (_, files) => {
	const { code, out } = await doctor({
		rules: ["iptables-dnat"],
		files: { ...files, [`${RESULTS}/broken`]: "{" },
	});
	expect(code).toBe(0);
	expect(out).toContain("ok    DNAT rules: 1 of portmap, none left over\n");
});

test("rules of a pod that is recorded are none left over", async () => {
	const { out } = await doctor({
		chains: portmapChains("10.88.0.2"),
		files: await records("a"),
	});
	expect(out).toContain(
		"ok    DNAT rules: 1 of portmap, none left over; 1 hostPort leads to its pod\n",
	);
});

test("no pod is known at all: a warning, because it may be us who look in the wrong place", async () => {
	const { code, out } = await doctor({ rules: DNAT });
	expect(code).toBe(0);
	expect(out).toMatch(
		/^warn {2}DNAT rules: 2 of hostPorts, but no pod is known.*\n {6}say where/m,
	);
});

test.each(["ip", "ip6"])("legacy %stables are pointed out", async (name) => {
	const files = { [`/proc/net/${name}_tables_names`]: "filter\nnat\n" };
	const { code, out } = await doctor({ files });
	expect(code).toBe(0);
	expect(out).toMatch(
		/^warn {2}DNAT rules: legacy iptables.*\n {6}look.*tables-legacy -t nat -S/m,
	);
	const none = await doctor({
		files: { [`/proc/net/${name}_tables_names`]: "filter\n" },
	});
	expect(none.out).not.toContain("legacy");
});

test("a kernel without nf_tables has none", async () => {
	const { code, out } = await doctor({
		answer: withoutTables,
	});
	expect(code).toBe(0);
	expect(out).toMatch(/^ok {4}DNAT rules: this kernel has no nf_tables$/m);
});

test("a dump that began anew counts no rule twice", async () => {
	const { out } = await doctor({
		rules: ["iptables-dnat"],
		files: cached("10.88.0.2/16"),
		answer: (r) => (r.type === 0x0a07 && r.nth === 0 ? ["ENOBUFS"] : undefined),
	});
	expect(out).toContain("DNAT rules: 1 of portmap");
});

test("five are named, and the others counted", async () => {
	const chains = portmapChains(
		...Array.from({ length: 7 }, (_, i) => `10.88.1.${i}`),
	);
	const kernel = fakeKernel({ clock: { ms: 0 }, answer: answerRules(chains) });
	const host = fakeHost({ netlink: kernel.netlink });
	const other: Attachment = { ...attached("x"), podTargets: [TARGET] };
	const { findings } = await checkRules(host.full(), [other], "/x", true);
	const found = findings.map((f) => f.found);
	expect(found).toHaveLength(6);
	expect(found[5]).toBe("2 more lead to pods that are gone");
	expect(kernel.open()).toBe(0);
});

const NAT = { family: 2, table: "nat" };

test("the programs are named with the numbers of their rules, those of kube-proxy and of people are not", async () => {
	const only = (table: string, chain: string): TestChain => ({
		family: 2,
		table,
		chain,
		rules: [dnat(8125, "10.99.0.2", 5353)],
	});
	const { code, out } = await doctor({
		chains: [
			only("nat", "DOCKER"),
			only("nat", "NETAVARK-DN-1"),
			only("netavark", "nv_1_dnat"),
			only("incus", "prert"),
			only("nat", "KUBE-SEP-1"),
			only("mine", "c"),
		],
	});
	expect(code).toBe(0);
	expect(out).toMatch(
		/^ok {4}DNAT rules: 1 of docker, 2 of netavark, 1 of incus, none left over$/m,
	);
});

test("a map of CRI-O: its element goes, and never the rule that serves all pods", async () => {
	const { code, out } = await doctor({
		chains: [
			{
				family: 2,
				table: "crio-hostports",
				chain: "hostports",
				rules: [dnatByMap("hostports", false)],
				maps: {
					hostports: [
						{ hostIP: "", dport: 8125, ip: "10.88.0.2", port: 5353 },
						{ hostIP: "", dport: 8126, ip: "10.88.0.3", port: 5353 },
					],
				},
			},
		],
		files: cached("10.88.0.3/16"),
	});
	expect(code).toBe(3);
	expect(out.match(/^fail.*\n.*/gm)).toEqual([
		"fail  DNAT rules: hostPort 8125 leads to 10.88.0.2 port 5353, and no pod has that address\n      nft delete element ip crio-hostports hostports { udp . 8125 }",
	]);
});

test("a leftover rule that takes the traffic of a live pod is named once", async () => {
	const { code, out } = await doctor({
		chains: portmapChains("10.88.0.9", "10.88.0.2"),
		files: await records("a"),
	});
	expect(code).toBe(3);
	expect(out.match(/^(warn|fail) .*\n.*/gm)).toEqual([
		"fail  DNAT rules: ip nat CNI-DN-0 handle 1 (portmap) sends 203.0.113.1:8125 to 10.88.0.9:5353 first, so ns/pod hears nothing there; no pod has that address\n      nft delete rule ip nat CNI-DN-0 handle 1",
	]);
});

test("rules that change without an end: a warning, and what is left over is named", async () => {
	let generation = 0;
	const chains = [
		...portmapChains("10.88.0.2"),
		{ ...NAT, chain: "CNI-DN-x", rules: [dnat(9, "10.88.0.9", 9)] },
		{ ...NAT, chain: "OUTPUT", hook: 3, rules: [jump("CNI-DN-x")] },
	];
	const { code, out } = await doctor({
		answer: (r) => answerRules(chains, { generation: () => ++generation })(r),
		files: await records("a"),
	});
	expect(code).toBe(3);
	expect(out).toMatch(
		/^warn {2}DNAT rules: cannot tell whether pods are reached: .*change/m,
	);
	expect(out).toMatch(/^fail {2}DNAT rules: hostPort 9 leads to 10.88.0.9/m);
});

test("a table of legacy iptables that cannot be read keeps pods without a rule from being named", async () => {
	const { out } = await doctor({
		files: {
			...(await records("a")),
			"/proc/net/ip_tables_names": "nat\n",
		},
	});
	expect(out).toMatch(/^warn {2}DNAT rules: legacy .* \(ENOSYS\)$/m);
	expect(out).not.toMatch(/no rule sends/);
});

test("two hostPorts of one port of a pod: the rule of one is not taken for that of the other", async () => {
	const target = { ...mapping("IPv4", "udp"), podIP: "10.88.0.2" };
	const kernel = fakeKernel({
		routes: ROUTES,
		answer: answerRules(portmapChains("10.88.0.2")),
	});
	const host = fakeHost({ netlink: kernel.netlink });
	const pod = attached("x", target, { ...target, hostPort: 8126 });
	const { findings } = await checkRules(host.full(), [pod], "/x", true);
	expect(findings.map((f) => f.found)).toEqual([
		expect.stringMatching(/^no rule sends udp .*:8126 to ns\/x/),
	]);
});
