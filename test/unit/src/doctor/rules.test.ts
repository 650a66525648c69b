// The check of DNAT rules: which of them lead to pods that nobody knows.

import { expect, test } from "vitest";
import { checkRules } from "../../../../src/doctor/rules.ts";
import { doneMessage, errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel, type Request } from "../../../support/fakekernel.ts";
import {
	cached,
	doctor,
	RESULTS,
	rulesNamed,
} from "../../../support/unit/checkup.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";
import { attached } from "../../../support/unit/world.ts";

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
	expect(out).toContain("ok    DNAT rules: 1 of hostPorts, none left over\n");
});

test("rules of a pod that is recorded are none left over", async () => {
	const { out } = await doctor({
		rules: ["iptables-dnat"],
		files: await records("a"),
	});
	expect(out).toContain("ok    DNAT rules: 1 of hostPorts, none left over\n");
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
		answer: (r) => (r.type === 0x0a07 ? [errorMessage(22, r.seq)] : undefined),
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
	expect(out).toContain("DNAT rules: 1 of hostPorts");
});

test("five are named, and the others counted", async () => {
	const names = Array.from({ length: 7 }, () => "iptables-dnat");
	const answer = (r: Request) => [
		...rulesNamed(names, r.seq),
		doneMessage(r.seq),
	];
	const kernel = fakeKernel({ clock: { ms: 0 }, answer });
	const host = fakeHost({ netlink: kernel.netlink });
	const other = attached("x", {
		...mapping("IPv4", "udp"),
		podIP: "10.88.0.9",
	});
	const found = (await checkRules(host, [other], "/x")).map((f) => f.found);
	expect(found).toHaveLength(6);
	expect(found[5]).toBe("2 more lead to pods that are gone");
	expect(kernel.open()).toBe(0);
});
