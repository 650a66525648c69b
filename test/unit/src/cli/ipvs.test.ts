// What commands say of entries that came to services of IPVS.

import { describe, expect, test } from "vitest";
import type { EntrySpec } from "../../../support/entries.ts";
import { natRules } from "../../../support/natrules.ts";
import { call } from "../../../support/unit/calls.ts";
import { records } from "../../../support/unit/garbage.ts";
import {
	ipvsFiles,
	TWO_SERVICES,
} from "../../../support/unit/virtualservers.ts";

/** What IPVS has led to a server, and what came to a hostPort while no rule was there. */
const PINNED: EntrySpec = {
	id: 1,
	orig: "192.0.2.7:1 > 203.0.113.50:8125",
	reply: "10.89.1.2:5353 > 192.0.2.7:1",
};
const PAST: EntrySpec = { id: 2, orig: "192.0.2.7:2 > 203.0.113.1:8125" };
const TOLD =
	"IPVS decides about the flows to its 2 services, and may keep one at a server that is gone (ipvsadm -Lnc)\nsysctl -w net.ipv4.vs.expire_nodest_conn=1 ends the flows of servers that are removed (ipvsadm -d); one with weight 0 keeps them until then\n";
const COUNTED =
	"1 of these came to services of IPVS, which may lead them where it led them before\n";
const FRONTENDS = JSON.stringify({
	frontends: [{ ips: ["203.0.113.50"], port: 8125, endpoints: [] }],
});

async function say(
	line: string,
	entries: readonly EntrySpec[],
	files: Readonly<Record<string, string>> = ipvsFiles(TWO_SERVICES),
) {
	return call("", {
		env: { CNI_COMMAND: undefined },
		kernel: { entries, rules: natRules("udp local:8125 > 10.88.0.2:5353") },
		host: {
			argv: line.split(" "),
			files: {
				...(await records("a")),
				"/tmp/frontends.json": FRONTENDS,
				...files,
			},
		},
	});
}

describe("list", () => {
	test("names the entry, and says what IPVS decides", async () => {
		const { out, err } = await say("list --all", [PINNED]);
		expect(out).toContain(
			"came to a service of IPVS, which decides where it leads\n",
		);
		expect(err).toBe(COUNTED + TOLD);
	});

	test("says so too if no entry came there: IPVS may have kept it from conntrack", async () => {
		const { out, err } = await say("list", [PAST]);
		expect(out).not.toContain("IPVS");
		expect(err).toBe(TOLD);
	});

	test("names each entry of a long table", async () => {
		const many = Array.from({ length: 300 }, (_, i) => ({
			...PINNED,
			id: i + 1,
		}));
		const { out, err } = await say("list --all", many);
		expect(out.split("came to a service of IPVS")).toHaveLength(301);
		expect(err).toContain("300 of these came to services of IPVS");
	});

	test("tells programs in the entry alone", async () => {
		const { out, err } = await say("list --all -o jsonl", [PINNED]);
		expect(JSON.parse(out).why).toMatch(/^came to a service of IPVS, /);
		expect(err).toBe("");
	});
});

describe("flush", () => {
	test.each([
		["flush --host-port 8125 --host-ip 203.0.113.50", "deleted 1,"],
		["flush --host-port 8125 --host-ip 203.0.113.50 -n", "would delete 1,"],
	])("does not claim to have repaired such a flow: %s", async (line, did) => {
		const { out, err } = await say(line, [PINNED]);
		expect(out).toContain(did);
		expect(err).toContain(COUNTED + TOLD);
	});

	test("says nothing of it if it removed other entries", async () => {
		const { out, err } = await say("flush --stale", [PAST]);
		expect([out, err]).toEqual(["deleted 1, already gone 0, kept 0\n", ""]);
	});

	test("says so if it found nothing", async () =>
		expect((await say("flush --stale", [PINNED])).err).toBe(TOLD));
});

describe("reconcile", () => {
	const line = "reconcile --frontends /tmp/frontends.json";

	test.each([
		[line, "deleted 1 "],
		[`${line} -n`, "would delete 1 "],
	])("ends with it: %s", async (words, did) => {
		const { out, err } = await say(words, [PINNED]);
		expect(out).toContain(did);
		expect(err).toBe(COUNTED + TOLD);
	});

	test("ends with it if it removed other entries", async () =>
		expect((await say("reconcile", [PAST])).err).toBe(TOLD));
});

test.each([
	"list --all",
	"flush --stale",
	"flush --host-port 8125 --host-ip 203.0.113.50",
	"reconcile",
])("a node without IPVS is told nothing of it: %s", async (line) =>
	expect((await say(line, [PINNED, PAST], {})).err).not.toContain("IPVS"),
);
