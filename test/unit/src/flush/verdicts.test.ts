// The verdicts of a look at the table, by the records and the rules of the moment.

import { expect, test } from "vitest";
import { openVerdicts } from "../../../../src/flush/verdicts.ts";
import { AF_INET, AF_INET6, ipBytes } from "../../../../src/net/ip.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { entry } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { natRules } from "../../../support/natrules.ts";
import { DIR, ROUTES } from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";

const OURS = "udp local:8125 > 10.88.0.2:5353";

async function open(...rules: readonly string[]) {
	const kernel = fakeKernel({
		entries: [],
		routes: ROUTES,
		...(rules.length > 0 && { rules: natRules(...rules) }),
	});
	const host = fakeHost({
		netlink: kernel.netlink,
		files: await records("a"),
	});
	const warnings: string[] = [];
	const verdicts = await openVerdicts(
		{ host, dataDir: DIR, log: () => {}, event: "look" },
		{ dir: "/var/lib/cni", protocols: [17] },
		[AF_INET, AF_INET6],
		[mapping("IPv4", "udp")],
		new Deadline(host, 5000),
		(why) => warnings.push(why),
	);
	return { verdicts, kernel, warnings };
}

/** Returns what is said of an entry that leads from the frontend to the target. */
async function kindOf(
	{ verdicts }: Awaited<ReturnType<typeof open>>,
	frontend: string,
	target: string,
) {
	const reply = `${target} > 192.0.2.7:1`;
	const orig = `192.0.2.7:1 > ${frontend}`;
	return verdicts.of(entry({ orig, reply, status: ["DST_NAT"] }));
}

test("a hostPort's entries are judged by the rules", async () => {
	const look = await open(OURS);
	const live = await kindOf(look, "203.0.113.1:8125", "10.88.0.2:5353");
	expect(live).toMatchObject({ verdict: { kind: "live" }, isShared: true });
	const stale = await kindOf(look, "203.0.113.1:8125", "10.88.0.9:5353");
	expect(stale.verdict.kind).toBe("stale");
	look.verdicts.close();
	expect(look.kernel.open()).toBe(0);
	expect(look.warnings).toEqual([]);
});

test("what came to an address that is neither the node's nor a mapping's does not ask the rules", async () => {
	const look = await open();
	const other = await kindOf(look, "198.51.100.9:8125", "10.88.0.2:5353");
	expect(other.verdict.kind).not.toBe("stale");
	expect(look.warnings).toEqual([]);
	await kindOf(look, "203.0.113.1:8125", "10.88.0.9:5353");
	expect(look.warnings).toHaveLength(1);
	look.verdicts.close();
});

test("it knows the addresses and ports that a pass has to look at", async () => {
	const { verdicts } = await open(OURS);
	expect(verdicts.isLocal("203.0.113.1")).toBe(true);
	expect(verdicts.isLocal("198.51.100.9")).toBe(false);
	expect(verdicts.here.mayHave(ipBytes("203.0.113.1"))).toBe(true);
	expect(verdicts.mapped.map((m) => m.hostPort)).toContain(8125);
	expect(verdicts.live).toHaveLength(1);
	expect(verdicts.hasDepartures).toBe(false);
	verdicts.close();
});
