// Two recorded nat tables as packets see them, and tables that no iptables writes. The
// calls that read one are in legacy.read.test.ts.

import { describe, expect, test } from "vitest";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { decodeLegacy } from "../../../../src/rules/legacy.ts";
import { u32 } from "../../../support/entries.ts";
import { EVERYTHING } from "../../../support/legacytable.ts";
import { viewOf } from "../../../support/unit/blobs.ts";
import {
	type Bytes,
	lines,
	tableOf,
	V4,
	V6,
} from "../../../support/unit/legacytables.ts";

const BASES = [
	"PREROUTING: prerouting -100 accept",
	"OUTPUT: output -100 accept",
];

describe("the recorded tables", () => {
	test("of IPv4, with every rule that decides something", () =>
		expect(lines(tableOf(AF_INET), { ...V4, on: "eth0" })).toEqual([
			...BASES,
			"PREROUTING 1: yes, jump CNI-HOSTPORT-DNAT",
			"PREROUTING 2: yes, goto KUBE-SERVICES",
			"OUTPUT 1: no, yes, jump CNI-HOSTPORT-DNAT",
			// the rule with MARK decides nothing, and still has its number
			"CNI-DN-1 2: yes, yes, send to 10.88.0.2 port 5353",
			"CNI-DN-1 3: no, send to 10.88.0.2 to 10.88.0.9",
			"CNI-DN-1 4: return",
			"CNI-HOSTPORT-DNAT 1: yes, yes, jump CNI-DN-1",
			"CNI-HOSTPORT-DNAT 2: no, no, jump CNI-DN-1",
			"CNI-HOSTPORT-DNAT 3: return",
			"KUBE-SERVICES 1: yes, maybe, send to itself port 99",
			"KUBE-SERVICES 2: no, accept",
			// the rule without a target decides nothing
			"KUBE-SERVICES 4: no, return",
			"KUBE-SERVICES 5: no, accept",
			"KUBE-SERVICES 6: return",
		]));

	test("of IPv4, without the rules that ask for another port or address", () =>
		expect(
			lines(tableOf(AF_INET), {
				...V4,
				dst: "203.0.113.2",
				dport: 8080,
				isScreened: true,
			}).filter((line) => line.startsWith("CNI-")),
		).toEqual([
			"CNI-DN-1 4: return",
			"CNI-HOSTPORT-DNAT 2: no, yes, jump CNI-DN-1",
			"CNI-HOSTPORT-DNAT 3: return",
		]));

	test("of IPv6", () =>
		expect(lines(tableOf(AF_INET6), { ...V6, proto: 6, on: null })).toEqual([
			...BASES,
			"PREROUTING 1: yes, jump DOCKER",
			"OUTPUT 1: yes, yes, jump DOCKER",
			"DOCKER 1: yes, yes, send to fd88::2 port 80",
			"DOCKER 2: yes, send to fd88::3",
			"DOCKER 3: return",
		]));

	test("of IPv6, for another address", () =>
		expect(
			lines(tableOf(AF_INET6), { ...V6, dst: "fd03::2", isScreened: true }),
		).not.toContainEqual(expect.stringContaining("DOCKER 2")));
});

describe("what no iptables writes", () => {
	/** Returns the offset of the target of the n-th entry. */
	const targetAt = ({ entries }: Bytes, n: number): number => {
		const view = viewOf(entries);
		let at = 0;
		for (let i = 0; i < n; i++) at += view.getUint16(at + 90, true);
		return at + view.getUint16(at + 88, true);
	};
	/** The table with another verdict in its n-th entry. */
	const withVerdict = (n: number, verdict: number): Bytes => {
		const table = tableOf(AF_INET);
		table.entries.set(u32(verdict), targetAt(table, n) + 32);
		return table;
	};

	test("a base chain that drops", () => {
		// PREROUTING has two rules before its policy
		expect(lines(withVerdict(2, -1), V4)).toContain(
			"PREROUTING: prerouting -100 drop",
		);
	});

	test.each([
		["to the middle of a chain", 8],
		["out of the table", 1 << 20],
		["to itself", 0],
	])("a jump %s is unclear", (_, offset) =>
		expect(lines(withVerdict(0, offset), V4)).toContain(
			"PREROUTING 1: yes, unclear",
		),
	);

	test("the verdict QUEUE is unclear", () =>
		expect(lines(withVerdict(0, -4), V4)).toContain(
			"PREROUTING 1: yes, unclear",
		));

	test("a table that is cut anywhere is refused, or is a shorter one", () => {
		const { info, entries } = tableOf(AF_INET);
		for (let length = 0; length < entries.length; length++) {
			const table = { info: viewOf(info), entries: entries.slice(0, length) };
			try {
				Array.from(decodeLegacy(table, AF_INET, EVERYTHING).rules);
			} catch (e) {
				if (!(e instanceof DecodeError)) throw e;
			}
		}
	});

	test.each([
		["an entry of no length", 90, 0, /^entry of 0 bytes/],
		["a target before the matches", 88, 111, /^entry of 192 bytes/],
		["a target past the end of its entry", 88, 200, /^entry of 192 bytes/],
		["an entry past the end of the table", 90, 0xffff, /^entry of 65535 bytes/],
		["a match of no length", 112, 0, /^match or target of 0 bytes at 112/],
		["a match past its target", 112, 41, /^match or target of 41 bytes at 112/],
	])("%s", (_, at, value, message) => {
		const table = tableOf(AF_INET);
		viewOf(table.entries).setUint16(at, value, true);
		expect(() => lines(table, V4)).toThrow(DecodeError);
		expect(() => lines(table, V4)).toThrow(message);
	});
});
