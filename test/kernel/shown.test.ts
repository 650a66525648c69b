// What `list` shows of a real table and `flush` leaves in it: zones of one direction,
// other protocols, translated sources. `conntrack -L` is the second pair of eyes.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { must, run } from "../support/exec.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { type Agent, startAgent } from "./agent.ts";
import type { Made } from "./creation.ts";

const EXECUTABLE = join(OUR_BIN, "conntrack-flush");
const HOST = "203.0.113.1";
const flow = (sport: number, more: Partial<Made> = {}): Made => ({
	orig: `192.0.2.7:${sport} > ${HOST}:8125`,
	reply: `10.88.0.9:5353 > 192.0.2.7:${sport}`,
	...more,
});

/** The source ports say which zone an entry has. */
const PLAIN = [1001, 1002];
const NINE = [1091, 1092, 1093, 1094];
const EIGHT = [1081, 1082];
const ZONED: readonly Made[] = [
	flow(1001),
	flow(1002, { proto: "tcp" }),
	flow(1091, { zone: 9 }),
	flow(1092, { origZone: 9 }),
	flow(1093, { replyZone: 9 }),
	flow(1094, { proto: "tcp", origZone: 9 }),
	flow(1081, { zone: 8 }),
	flow(1082, { origZone: 8 }),
];

/** Returns what the command wrote to stdout. */
async function type({ ns }: Agent, ...words: string[]): Promise<string> {
	const argv = [EXECUTABLE, ...words];
	const { code, stdout, stderr } = await run(ns.inside(argv));
	expect(code, stderr).toBe(0);
	return stdout;
}

/** Returns the source ports of the entries that are left, in order. */
async function left({ ns }: Agent): Promise<number[]> {
	const text = await must(ns.inside(["conntrack", "-L"]));
	return [...text.matchAll(/src=192\.0\.2\.7 \S+ sport=(\d+)/g)]
		.map(([, port]) => Number(port))
		.sort();
}

interface Listed {
	readonly orig: { readonly sport: number };
	readonly zone: number;
	readonly zoneDirection?: string;
}

describe("zones", () => {
	test("list shows them as what they are", async () => {
		const agent = await startAgent();
		await agent.create(...ZONED);
		const rows: Listed[] = JSON.parse(
			await type(agent, "list", "--all", "-o", "json"),
		);
		const zones = rows
			.map((e) => `${e.orig.sport} ${e.zoneDirection ?? "both"} ${e.zone}`)
			.sort();
		expect(zones).toEqual([
			"1001 both 0",
			"1002 both 0",
			"1081 both 8",
			"1082 orig 8",
			"1091 both 9",
			"1092 orig 9",
			"1093 reply 9",
			"1094 orig 9",
		]);
		const wide = await type(agent, "list", "--all", "-o", "wide");
		expect(wide).toMatch(/192\.0\.2\.7:1092 .* orig 9 /);
		expect(wide).toMatch(/192\.0\.2\.7:1093 .* reply 9 /);
	});

	const FLUSH = ["flush", "--host-port", "8125", "--host-ip", HOST];
	test.each<[string, string[], number[]]>([
		["0 are the entries that name none", ["0"], [...EIGHT, ...NINE, 1002]],
		["9 has one direction or both", ["9"], [...PLAIN, ...EIGHT, 1094]],
		["7 has none", ["7"], [...PLAIN, ...EIGHT, ...NINE]],
	])("%s, for flush and for list", async (_, [zone = ""], want) => {
		const agent = await startAgent();
		await agent.create(...ZONED);
		const words = ["--zone", zone, "--proto", "udp"];
		const listed: Listed[] = JSON.parse(
			await type(agent, "list", "--all", ...words, "-o", "json"),
		);
		const before = await left(agent);
		await type(agent, ...FLUSH, ...words);
		const after = await left(agent);
		expect(after).toEqual([...want].sort());
		expect(before.filter((port) => !after.includes(port))).toEqual(
			listed.map((e) => e.orig.sport).sort(),
		);
	});

	test("of a pod's entries in every protocol go those of one zone", async () => {
		const agent = await startAgent();
		// what leads to a pod by NAT, made so by the kernel
		await agent.create(...ZONED);
		await type(
			agent,
			"flush",
			"--pod-ip",
			"10.88.0.9",
			"--proto",
			"all",
			"--zone",
			"9",
		);
		expect(await left(agent)).toEqual([...EIGHT, ...PLAIN].sort());
	});
});

test("other protocols are shown with --all, counted without, and never removed", async () => {
	const agent = await startAgent();
	await agent.create(
		{
			proto: "icmp",
			orig: "192.0.2.7:77 > 203.0.113.1:8",
			reply: "203.0.113.1:77 > 192.0.2.7:0",
		},
		{
			proto: "icmpv6",
			orig: "[fd07::7]:78 > [fd03::1]:128",
			reply: "[fd03::1]:78 > [fd07::7]:129",
		},
		{ proto: 47, orig: "192.0.2.7:5 > 203.0.113.1:6" },
		{ proto: 50, orig: "192.0.2.7:0 > 203.0.113.1:0" },
		{ proto: "udplite", orig: "192.0.2.7:9 > 203.0.113.1:8125" },
		{ proto: 99, orig: "192.0.2.7:0 > 203.0.113.1:0" },
		{
			orig: `192.0.2.7:1001 > ${HOST}:8125`,
			snat: "198.51.100.1:1024",
		},
	);
	const all = await type(agent, "list", "--all", "-o", "wide");
	expect(all).toContain("203.0.113.1 echo request id 77 ");
	expect(all).toContain("fd03::1 echo request id 78 ");
	expect(all).toMatch(/gre +192\.0\.2\.7 key 0x5 +203\.0\.113\.1 key 0x6 /);
	expect(all).toMatch(/udplite +192\.0\.2\.7:9 +203\.0\.113\.1:8125 /);
	expect(all).toMatch(/esp +192\.0\.2\.7 +203\.0\.113\.1 +203\.0\.113\.1 +- /);
	expect(all).toMatch(/ 99 +192\.0\.2\.7 +203\.0\.113\.1 /);
	expect(all).toMatch(/203\.0\.113\.1:8125 +198\.51\.100\.1:1024 +UNREPLIED/);
	expect(await type(agent, "list")).toContain(
		"; 6 of other protocols are not shown, list --all shows them",
	);
	expect(
		JSON.parse(await type(agent, "list", "--proto", "icmp", "-o", "json")),
	).toMatchObject([{ proto: "icmp", icmp: { type: 8, code: 0, id: 77 } }]);
	await type(
		agent,
		"flush",
		"--host-port",
		"8125",
		"--host-ip",
		HOST,
		"--proto",
		"all",
	);
	expect(await agent.count()).toBe(6);
});
