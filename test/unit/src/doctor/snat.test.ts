// The doctor's finding on the rules that translate source addresses: whose they are, and
// the advice by what the kernel counted.

import { expect, test } from "vitest";
import type { Counters } from "../../../../src/conntrack/counters.ts";
import { checkSNAT } from "../../../../src/doctor/snat.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { answerAllRules } from "../../../support/unit/snatdump.ts";

async function check(total: Counters, ...recorded: string[]) {
	const { netlink } = fakeKernel({ answer: answerAllRules(...recorded) });
	return checkSNAT(fakeHost({ netlink }), {
		entries: 0,
		max: 0,
		cpus: [],
		total,
	});
}

const SOUND = { clash_resolve: 0, insert_failed: 0 };
const PORT_RACE = { clash_resolve: 0, insert_failed: 3 };
const OLD = { insert_failed: 9, drop: 4 };

test("no rules", async () => {
	expect(await check(PORT_RACE)).toEqual({
		check: "SNAT rules",
		status: "ok",
		found: "none",
	});
});

test("the owners, through iptables and in tables of nft", async () => {
	const { status, found } = await check(SOUND, "iptables-nft");
	expect(status).toBe("ok");
	const [kept = "", random = ""] = found.split("; ");
	expect(kept).toMatch(/^the source port is kept by /);
	for (const owner of ["CNI ipMasq", "portmap", "Docker", "kindnet"])
		expect(kept).toContain(`1 of ${owner}`);
	expect(kept).toMatch(/1 of others \(ip nat POSTROUTING handle \d+\)/);
	expect(random).toMatch(/^it is random with /);
	for (const owner of ["kube-proxy", "flannel", "Calico", "AWS CNI"])
		expect(random).toContain(`1 of ${owner}`);
	expect(random).toContain("1 of ip-masq-agent");
	const nft = await check(SOUND, "nft");
	expect(nft.found).toMatch(
		/kept by 1 of CNI ipMasq, 2 of portmap, 1 of Docker, 2 of netavark, 1 of CRI-O, 1 of kindnet, 1 of others \(ip mine post handle \d+\); it is random with 1 of kube-proxy, 1 of others/,
	);
});

test("losses to the race for ports: how each owner that keeps them comes to random ones", async () => {
	const { status, found, advice } = await check(PORT_RACE, "iptables-nft");
	expect(status).toBe("warn");
	expect(found).toMatch(/; 3 packets were lost$/);
	expect(advice).toMatch(/CNI ipMasq.*: no setting; a rule of your own/);
	expect(advice).toMatch(/others: add --random-fully/);
	expect(advice).not.toMatch(/Calico|AWS/);
});

test("losses on a kernel that does not tell the cause: random ports may be worse", async () => {
	const { status, advice } = await check(OLD, "iptables-nft");
	expect(status).toBe("warn");
	expect(advice).toMatch(/before Linux 5\.6.*"oneCPUPerFlow": true, or/);
	expect(advice).toMatch(/AWS_VPC_K8S_CNI_RANDOMIZESNAT=none/);
	expect(advice).toMatch(/--random-fully=false/);
	expect(advice).not.toMatch(/portmap|Docker/);
});
