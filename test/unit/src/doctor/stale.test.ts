// The check of the table: stale entries are counted, and stay.

import { expect, test } from "vitest";
import { checkStale } from "../../../../src/doctor/stale.ts";
import { errorMessage } from "../../../support/entries.ts";
import { expectUntouched } from "../../../support/unit/calls.ts";
import {
	doctor,
	portmapChains,
	withoutTables,
} from "../../../support/unit/checkup.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { ENTRIES, records } from "../../../support/unit/garbage.ts";
import { dnat, jump } from "../../../support/unit/nftables.ts";
import {
	attached,
	CACHE,
	cachedFile,
	DIR,
	type Row,
	world,
} from "../../../support/unit/world.ts";

const P = attached("p", mapping("IPv4", "udp"));
const NAT = { family: 2, table: "nat" };
/** An entry that was made while no rule was there. */
const ROW: Row = { orig: "C:1 > H:8125" };

test("an attachment that is cached alone counts too", async () => {
	const { host, removed } = world([ROW], [], { files: cachedFile(P) });
	expect(await checkStale(host, DIR, CACHE, false)).toMatchObject([
		{
			status: "fail",
			found: "1 keep traffic from 1 attachment (no-dnat: 1)",
		},
	]);
	expect(removed()).toEqual([]);
});

test("an attachment without mappings is none to keep traffic from", async () => {
	const { host, kernel } = world([ROW], [attached("p")]);
	expect(await checkStale(host, DIR, CACHE, false)).toMatchObject([
		{
			status: "ok",
			found: `no port mapping is recorded in ${DIR} or cached in ${CACHE}`,
		},
	]);
	expect(kernel.requests).toEqual([]);
});

test("pods under CRI-O are not called unrecorded: their ports are not known, and the rules are asked", async () => {
	const pod = { ...attached("p"), podTargets: [mapping("IPv4", "udp")] };
	const { host } = world([ROW], [pod]);
	expect(await checkStale(host, DIR, CACHE, false)).toMatchObject([
		{
			status: "ok",
			found: `no port mapping is recorded in ${DIR} or cached in ${CACHE} (1 pod is recorded without ports)`,
		},
	]);
	expect(
		await checkStale(world([], [pod]).host, DIR, CACHE, true),
	).toMatchObject([
		{ status: "ok", found: "none, of the ports that rules publish" },
	]);
});

test("a flush that fails is thrown", async () => {
	const { host } = world([ROW], [P], {
		answer: (r) => (r.protocol === 12 ? [errorMessage(1, r.seq)] : undefined),
	});
	await expect(checkStale(host, DIR, CACHE, false)).rejects.toThrow("EPERM");
});

test("two records of one hostPort: what leads to either is healthy, as list and reconcile have it", async () => {
	const { code, out } = await doctor({
		files: await records("a", "b"),
		answer: withoutTables,
		kernel: {
			entries: [2, 3].map((n) => ({
				id: n,
				orig: `192.0.2.7:${n} > 203.0.113.1:8125`,
				reply: `10.88.0.${n}:5353 > 192.0.2.7:${n}`,
				status: ["DST_NAT"],
			})),
		},
	});
	expect(code).toBe(0);
	expect(out).toMatch(/^ok {4}stale entries: none, of 2 attachments$/m);
});

test("stale entries: exit 3, with reasons, and they stay", async () => {
	const called = await doctor({
		files: await records("a", "b"),
		answer: withoutTables,
		kernel: {
			entries: [...ENTRIES, { id: 9, orig: "192.0.2.7:9 > 203.0.113.1:8125" }],
		},
	});
	expect(called.code).toBe(3);
	// those towards the pods, each of them another's for the other mapping of the port
	expect(called.out).toMatch(
		/^fail {2}stale entries: \d keep traffic from 2 attachments \(.*no-dnat: 1/m,
	);
	expect(called.out).toContain("conntrack-flush list --stale");
	expectUntouched(called);
});

test("the rules decide: what they send nowhere else is not counted, and what they send elsewhere is counted once", async () => {
	const called = await doctor({
		files: await records("a"),
		chains: portmapChains("10.88.0.2"),
		kernel: { entries: ENTRIES.map((e) => ({ ...e, status: ["DST_NAT"] })) },
	});
	expect(called.code).toBe(3);
	expect(called.out.match(/^fail.*/gm)).toEqual([
		"fail  stale entries: 2 keep traffic from 1 attachment (other-pod: 2)",
	]);
	expectUntouched(called);
});

test("the table is read once, whatever is compared with it", async () => {
	const called = await doctor({
		files: await records("a"),
		chains: [
			...portmapChains("10.88.0.2"),
			{ ...NAT, chain: "DOCKER", rules: [dnat(9000, "10.88.0.3", 9000)] },
		],
		kernel: { entries: ENTRIES.map((e) => ({ ...e, status: ["DST_NAT"] })) },
	});
	expect(called.out).toContain("2 keep traffic from 1 attachment");
	const dumps = called.kernel.requests.filter(
		// family 99 is a question about the kernel
		(r) => r.protocol === 12 && r.type === 0x0101 && r.payload[0] !== 99,
	);
	expect(dumps).toHaveLength(1);
});

test("without any record, entries that contradict the rules of an engine are counted, with the command that removes them", async () => {
	const called = await doctor({
		chains: [
			{ ...NAT, chain: "PREROUTING", hook: 0, rules: [jump("DOCKER")] },
			{ ...NAT, chain: "DOCKER", rules: [dnat(8125, "10.88.0.3", 5353)] },
		],
		kernel: { entries: ENTRIES.map((e) => ({ ...e, status: ["DST_NAT"] })) },
	});
	expect(called.code).toBe(3);
	expect(called.out).toMatch(
		/^fail {2}stale entries: 2 contradict the rules of ports that are published \(other-pod: 2\)\n {6}see .*list --stale; remove [\s\S]*flush --stale --rules$/m,
	);
	expect(called.out.match(/stale entries/g)?.length).toBe(1);
	expectUntouched(called);
});
