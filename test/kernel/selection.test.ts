// What the flags select on a real table: `flush` removes exactly what `list` shows with the
// same flags, and no neighbour at the edge of a range, a prefix or a port.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTable } from "../support/conntrack.ts";
import { must, run } from "../support/exec.ts";
import { createNamespace, ip, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";

const H = "203.0.113.1";
const TO_H = `-s 192.0.2.7 -d ${H}`;

/** Entries by their source port, as conntrack(8) makes them. */
const ENTRIES: Readonly<Record<number, string>> = {
	1: `-p udp ${TO_H} --dport 8125 --dst-nat 10.88.0.2:5353`,
	2: `-p udp ${TO_H} --dport 8125`,
	3: `-p udp -s 192.0.2.8 -d ${H} --dport 8126 --dst-nat 10.88.0.3:5353`,
	4: `-p udp -s 192.0.2.8 -d ${H} --dport 8124 --dst-nat 10.88.0.2:5354`,
	5: `-p udp -s 192.0.3.0 -d ${H} --dport 8130 --dst-nat 10.88.0.2:5353`,
	6: `-p udp -s 192.0.1.255 -d ${H} --dport 8131 --dst-nat 10.88.0.3:5353`,
	7: "-p udp -s 192.0.2.255 -d 198.51.100.9 --dport 8125",
	8: "-p udp -s 192.0.2.0 -d 198.51.100.10 --dport 53",
	9: "-p udp -s 10.88.0.2 -d 198.51.100.9 --dport 53 --src-nat 203.0.113.10",
	10: `-p tcp --state ESTABLISHED ${TO_H} --dport 8125 --dst-nat 10.88.0.2:80`,
	11: `-p tcp --state ESTABLISHED ${TO_H} --dport 8125`,
	12: "-p tcp --state ESTABLISHED -s 10.88.0.2 -d 198.51.100.9 --dport 443 --src-nat 203.0.113.10",
	13: "-p udp -s fd07::7 -d fd03::1 --dport 8125 --dst-nat [fd88::2]:5353",
	14: "-p udp -s fd07::8 -d fd03::1 --dport 8126 --dst-nat [fd88::3]:5353",
	15: "-p udp -s fd07:0:0:1::1 -d fd09::9 --dport 53",
	16: "-p udp -s 192.0.2.7 -d 10.88.0.2 --dport 5353",
	17: `-p udp ${TO_H} --dport 8125 --dst-nat 10.88.0.2:5353 --zone 7`,
	18: "-p udp -s 192.0.2.7 -d 10.96.0.10 --dport 8125 --dst-nat 10.88.0.2:5353",
};
const ALL = Object.keys(ENTRIES).map(Number);

let node: Namespace;

beforeAll(async () => {
	node = await createNamespace("node");
	await ip(node, [
		`address add ${H}/32 dev lo`,
		"address add 203.0.113.10/32 dev lo",
		"address add fd03::1/128 dev lo",
	]);
});
afterAll(undoAll);

/** Makes every entry anew. */
async function fill(): Promise<void> {
	const lines = ALL.map(
		(port) =>
			`conntrack -I ${ENTRIES[port]} --sport ${port} --timeout 300 --status SEEN_REPLY,ASSURED`,
	);
	await must(node.inside(["bash", "-ec", `conntrack -F\n${lines.join("\n")}`]));
}

const type = (...argv: readonly string[]) =>
	run(node.inside([`${OUR_BIN}/conntrack-flush`, ...argv]), { input: "" });

/** Returns the source ports of what is shown. */
async function shown(...flags: readonly string[]): Promise<number[]> {
	const { code, stdout, stderr } = await type("list", "-o", "jsonl", ...flags);
	expect([code, stderr]).toEqual([0, ""]);
	return stdout
		.split("\n")
		.filter((line) => line !== "")
		.map((line): number => JSON.parse(line).orig.sport)
		.sort((a, b) => a - b);
}

const UDP = ["--proto", "udp"];
const EVERY = ["--proto", "all"];

describe("list shows, and flush removes, exactly", () => {
	test.each<[string, readonly string[], readonly number[]]>([
		["one hostPort", ["8125", ...UDP], [1, 2, 13, 17]],
		["a hostPort in every protocol", ["8125", ...EVERY], [1, 2, 10, 13, 17]],
		["a range", ["8124-8126", ...UDP], [1, 2, 3, 4, 13, 14, 17]],
		["a range up to it", ["8120-8124", ...UDP], [4]],
		["a range after it", ["8126-8130", ...UDP], [3, 5, 14]],
		["several ports", ["8124,8131", "8126", ...UDP], [3, 4, 6, 14]],
		["all ports", ["1-65535", ...UDP], [1, 2, 3, 4, 5, 6, 13, 14, 17]],
		["a hostPort in a zone", ["8125", "--zone", "7", ...UDP], [17]],
		["a client", ["--from", "192.0.2.7", ...UDP], [1, 2, 16, 17, 18]],
		[
			"a client in every protocol",
			["--from", "192.0.2.7", ...EVERY],
			[1, 2, 10, 16, 17, 18],
		],
		["a client's port", ["--from", "192.0.2.7:2", ...UDP], [2]],
		["clients' ports in a row", ["--from", ":2-3", ...UDP], [2, 3]],
		[
			"the clients of a prefix",
			["--from", "192.0.2.0/24", ...UDP],
			[1, 2, 3, 4, 7, 8, 16, 17, 18],
		],
		[
			"the clients of half of it",
			["--from", "192.0.2.0/25", ...UDP],
			[1, 2, 3, 4, 8, 16, 17, 18],
		],
		["clients of IPv6", ["--from", "fd07::/64", ...UDP], [13, 14]],
		["one of them", ["--from", "[fd07::8]:14", ...UDP], [14]],
		["a destination", ["--to", "198.51.100.9", ...UDP], [7, 9]],
		[
			"destinations of a prefix",
			["--to", "198.51.100.8/31", ...EVERY],
			[7, 9, 12],
		],
		["a port of any destination", ["--to", ":53", ...UDP], [8, 9, 15]],
		["a Service", ["--to", "10.96.0.10:8125", ...UDP], [18]],
		["a destination of IPv6", ["--to", "[fd03::1]:8126", ...UDP], [14]],
		[
			"what leads to a pod",
			["--leads-to", "10.88.0.2", ...UDP],
			[1, 4, 5, 17, 18],
		],
		[
			"the same by the old flag",
			["--pod-ip", "10.88.0.2", ...UDP],
			[1, 4, 5, 17, 18],
		],
		["what leads to its port", ["--leads-to", "10.88.0.2:5354", ...UDP], [4]],
		[
			"what leads to it in every protocol",
			["--leads-to", "10.88.0.2", ...EVERY],
			[1, 4, 5, 10, 17, 18],
		],
		[
			"what leads to it from a hostPort",
			["8125", "--leads-to", "10.88.0.2", ...UDP],
			[1, 17],
		],
		[
			"what leads to a pod of IPv6",
			["--leads-to", "fd88::/126", ...UDP],
			[13, 14],
		],
		[
			"what is answered at an address",
			["--answered-at", "203.0.113.10", ...UDP],
			[9],
		],
		[
			"what is answered there in every protocol",
			["--answered-at", "203.0.113.10", ...EVERY],
			[9, 12],
		],
		[
			"all conditions together",
			[
				"8124-8125",
				"--from",
				"192.0.2.0/24",
				"--leads-to",
				"10.88.0.0/24",
				"--to",
				H,
				"--zone",
				"0",
				...UDP,
			],
			[1, 4],
		],
		[
			"conditions that nothing meets",
			["8125", "--to", "198.51.100.9", ...UDP],
			[],
		],
	])("%s", async (_, flags, want) => {
		await fill();
		expect(await shown(...flags)).toEqual(want);
		const dry = await type("flush", "-n", ...flags);
		expect([dry.code, dry.stderr]).toEqual([0, ""]);
		expect(dry.stdout).toContain(`would delete ${want.length}, `);
		const ran = await type("flush", ...flags);
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		expect(ran.stdout).toContain(`deleted ${want.length}, already gone 0, `);
		const left = (await readTable(node)).map(({ orig }) => orig.sport);
		expect(left.sort((a, b) => a - b)).toEqual(
			ALL.filter((port) => !want.includes(port)),
		);
	});
});

test("list --all shows connections without NAT too", async () => {
	await fill();
	expect(await shown("--all", "--from", "192.0.2.7", "--proto", "tcp")).toEqual(
		[10, 11],
	);
});
