// What rules do with packets: recorded rules of several programs, and base chains of which
// the order decides. Each row says all outcomes that the kernel may choose.

import { describe, expect, test } from "vitest";
import { ipBytes } from "../../../../src/net/ip.ts";
import { evaluate, leadsThere } from "../../../../src/rules/evaluate.ts";
import type { Outcome, Place } from "../../../../src/rules/model.ts";
import { interestIn } from "../../../support/legacytable.ts";
import {
	outcomesInWords,
	packetIn,
	recordedRules,
} from "../../../support/unit/rulesets.ts";

/** Packets and their outcomes, by the recorded rules. */
const ROWS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
	// portmap's jump stands after kube-proxy's
	iptables: [
		["udp 192.0.2.7 > 203.0.113.1:8125", "10.88.0.2:5353"],
		["udp 203.0.113.1 > 203.0.113.1:8125 by the node", "10.88.0.2:5353"],
		["tcp 192.0.2.7 > 203.0.113.1:8125", "none"],
		["udp 192.0.2.7 > 203.0.113.1:8126", "none"],
		["udp 192.0.2.7 > 192.0.2.99:8125", "none"],
		// the address is kube-proxy's, and port 53 of another one is portmap's
		["udp 192.0.2.7 > 203.0.113.10:53", "10.88.0.21:5353 10.88.0.22:5353"],
		["udp 192.0.2.7 > 203.0.113.1:53", "10.88.0.2:53"],
		["udp 10.88.0.9 > 10.96.0.10:53", "10.88.0.21:5353 10.88.0.22:5353"],
		["udp 192.0.2.7 > 203.0.113.1:30053", "10.88.0.21:5353 10.88.0.22:5353"],
		["udp fd07::7 > [fd03::1]:8125", "none"],
	],
	portmap: [
		["udp 192.0.2.7 > 203.0.113.1:8125", "10.88.0.2:5353"],
		["udp 192.0.2.7 > 127.0.0.1:8125 by the node", "10.88.0.2:5353"],
		["udp 192.0.2.7 > 203.0.113.10:53", "10.88.0.3:53"],
		["udp 192.0.2.7 > 203.0.113.1:53", "none"],
		["udp 192.0.2.7 > 192.0.2.99:8125", "none"],
	],
	"kube-proxy": [
		["udp 192.0.2.7 > 10.96.0.10:53", "10.88.0.21:5353 10.88.0.22:5353 none"],
		[
			"udp 192.0.2.7 > 203.0.113.1:30053",
			"10.88.0.21:5353 10.88.0.22:5353 none",
		],
		["tcp 192.0.2.7 > 203.0.113.10:80", "10.88.0.23:8080 10.88.0.24:8080 none"],
		["tcp 192.0.2.7 > 10.96.0.10:53", "none"],
		["udp 192.0.2.7 > 203.0.113.10:30053", "none"],
	],
	"cri-o": [
		["udp 192.0.2.7 > 203.0.113.1:8125", "10.85.0.2:5353"],
		["udp 192.0.2.7 > 203.0.113.10:53", "10.85.0.3:53"],
		["udp 192.0.2.7 > 203.0.113.1:53", "none"],
		["tcp 192.0.2.7 > 203.0.113.1:8125", "none"],
		["udp 192.0.2.7 > 192.0.2.99:8125", "none"],
	],
	netavark: [
		["udp 192.0.2.7 > 203.0.113.1:8125", "10.89.0.3:5353"],
		["udp 192.0.2.7 > 203.0.113.10:8053", "10.89.0.3:5353"],
		["udp 192.0.2.7 > 203.0.113.1:8053", "none"],
		["udp 127.0.0.1 > 127.0.0.1:8125 by the node", "10.89.0.3:5353"],
		["udp fd07::7 > [fd03::1]:8125", "fd89::3:5353"],
		["udp 192.0.2.7 > 203.0.113.1:8127", "none"],
		["udp 192.0.2.7 > 192.0.2.99:8125", "none"],
	],
	docker: [
		["udp 192.0.2.7 > 203.0.113.1:8125", "10.90.0.12:5353 none"],
		["udp 192.0.2.7 > 203.0.113.1:8125 on eth0", "10.90.0.12:5353"],
		["udp 10.90.0.11 > 203.0.113.1:8125 on pods", "none"],
		["udp 192.0.2.7 > 203.0.113.10:8053 on eth0", "10.90.0.12:5353"],
		["udp 192.0.2.7 > 203.0.113.1:8053 on eth0", "none"],
		["udp 203.0.113.1 > 203.0.113.1:8126 by the node", "10.90.0.11:5353"],
		["udp 127.0.0.1 > 127.0.0.1:8126 by the node", "none"],
		["udp 192.0.2.7 > 192.0.2.99:8125", "none"],
	],
	sets: [
		["udp 192.0.2.7 > 203.0.113.1:20", "10.0.0.20"],
		["udp 192.0.2.127 > 203.0.113.1:20", "10.0.0.20"],
		["udp 192.0.2.128 > 203.0.113.1:20", "none"],
		["udp 198.51.100.7 > 203.0.113.1:20", "10.0.0.20"],
		["udp 198.51.100.8 > 203.0.113.1:20", "none"],
		["udp 192.0.2.127 > 203.0.113.1:21", "none"],
		["udp 192.0.2.128 > 203.0.113.1:21", "10.0.0.21"],
		["udp 192.0.2.7 > 203.0.113.1:29", "none"],
		["udp 192.0.2.7 > 203.0.113.1:30", "10.0.0.22:37-38"],
		["udp 192.0.2.7 > 203.0.113.1:35", "10.0.0.22:37-38"],
		["udp 192.0.2.7 > 203.0.113.1:36", "none"],
		["udp 192.0.2.7 > 203.0.113.1:37", "10.0.0.22:37-38"],
		["udp 192.0.2.7 > 203.0.113.1:38", "none"],
		["udp 192.0.2.7 > 203.0.113.15:100", "10.0.0.23"],
		["udp 192.0.2.7 > 203.0.113.15:109", "10.0.0.23"],
		["udp 192.0.2.7 > 203.0.113.15:110", "none"],
		["udp 192.0.2.7 > 203.0.113.16:100", "none"],
		["udp 192.0.2.7 > 203.0.113.10:500", "10.0.0.23"],
		["udp 192.0.2.7 > 203.0.113.9:500", "none"],
		["udp 192.0.2.7 > 203.0.113.1:999", "none"],
		["udp 192.0.2.7 > 203.0.113.1:1000", "10.0.0.1"],
		["udp 192.0.2.7 > 203.0.113.1:1009", "10.0.0.1"],
		["udp 192.0.2.7 > 203.0.113.1:1010", "10.0.0.2"],
		["udp 192.0.2.7 > 203.0.113.1:1019", "10.0.0.2"],
		["udp 192.0.2.7 > 203.0.113.1:1020", "none"],
		["udp 192.0.2.7 > 203.0.113.1:65535", "10.0.0.3"],
		["udp 192.0.2.1 > 203.0.113.1:40", "10.0.0.24-10.0.0.26:40"],
		["udp 192.0.2.2 > 203.0.113.1:40", "none"],
		["udp 192.0.2.7 > 203.0.113.1:41", "itself:4141"],
		["udp 192.0.2.7 > 203.0.113.1:42", "203.0.113.1:4242"],
		["udp 192.0.2.7 > 203.0.113.1:43", "10.0.0.27 none"],
		["udp 192.0.2.7 > 203.0.113.1:43 on eth7", "none"],
		["udp 192.0.2.7 > 203.0.113.1:43 on wlan0", "10.0.0.27"],
		["udp 192.0.2.7 > 203.0.113.1:43 by the node", "10.0.0.27"],
		["udp 192.0.2.7 > 203.0.113.1:44", "10.0.0.28 none"],
		["udp 192.0.2.7 > 203.0.113.1:44 on eth0", "10.0.0.28"],
		["udp 192.0.2.7 > 203.0.113.1:44 on eth01", "none"],
		["udp 192.0.2.7 > 203.0.113.1:44 by the node", "none"],
		["udp 192.0.2.7 > 203.0.113.1:45", "none unknown"],
		["udp 192.0.2.7 > 203.0.113.1:46", "10.0.0.9 none"],
		["udp 192.0.2.7 > 203.0.113.1:47", "10.0.0.29 none"],
		// the base chain ends with it, and nothing stands after
		["udp 192.0.2.7 > 203.0.113.1:48", "none"],
		["udp 192.0.2.7 > 203.0.113.1:49", "dropped"],
		["udp 192.0.2.7 > 203.0.113.1:50", "10.0.0.48"],
		// the chain is left, and the base chain goes on
		["udp 192.0.2.7 > 203.0.113.1:51", "10.0.0.49"],
		["udp 192.0.2.7 > 203.0.113.1:52", "10.0.0.49"],
		["udp 192.0.2.7 > 203.0.113.1:70", "10.0.0.32"],
		["udp 192.0.2.7 > 203.0.113.1:71", "10.0.0.31"],
		["udp 192.0.2.7 > 203.0.113.1:72", "none"],
		["udp 192.0.2.7 > 203.0.113.1:60", "10.0.0.30 none"],
		["udp 192.0.2.7 > 203.0.113.1:61", "10.0.0.33 none"],
	],
	priorities: [
		// accepted by the chain of priority -110, which ends no other chain
		["udp 192.0.2.7 > 203.0.113.1:1", "10.0.0.1"],
		["udp 192.0.2.7 > 203.0.113.1:2", "10.0.0.2"],
		["udp fd07::7 > [fd03::1]:2", "fd00::2"],
		["udp 192.0.2.7 > 203.0.113.1:3", "10.0.0.3 10.0.0.4"],
		["udp 192.0.2.7 > 203.0.113.1:4", "10.0.0.4"],
		["udp 192.0.2.7 > 203.0.113.1:5", "dropped"],
		["udp 192.0.2.7 > 203.0.113.1:6", "10.0.0.1"],
		["udp 192.0.2.7 > 203.0.113.1:6 by the node", "none"],
	],
};

describe.each(Object.entries(ROWS))("recorded: %s", (name, rows) => {
	test.each(rows)("%s: %s", (text, want) => {
		const p = packetIn(text);
		expect(outcomesInWords(evaluate(recordedRules(name), p))).toBe(want);
		// rules that concern other packets make no difference
		const screened = recordedRules(name, interestIn(p));
		expect(outcomesInWords(evaluate(screened, p))).toBe(want);
	});
});

describe("an entry that leads to", () => {
	const p = packetIn("udp 192.0.2.7 > 203.0.113.1:8125");
	const by: Place = {
		backend: "nft",
		family: 2,
		table: "t",
		chain: "c",
		handle: 1,
	};
	const to = (
		addresses: readonly [string, string] | undefined,
		ports?: readonly [number, number],
	): Outcome => ({
		is: "target",
		by,
		target: {
			addresses: addresses && {
				min: ipBytes(addresses[0]),
				max: ipBytes(addresses[1]),
			},
			ports: ports && { min: ports[0], max: ports[1] },
		},
	});
	const POD = to(["10.0.0.2", "10.0.0.2"], [53, 53]);
	const RANGE = to(["10.0.0.2", "10.0.0.4"], [50, 53]);
	const rows: [string, number, string, Outcome, boolean][] = [
		["10.0.0.2", 53, "the target", POD, true],
		["10.0.0.3", 53, "another address", POD, false],
		["10.0.0.2", 54, "another port", POD, false],
		["10.0.0.4", 50, "the ends of ranges", RANGE, true],
		["10.0.0.5", 50, "an address after a range", RANGE, false],
		["10.0.0.1", 50, "an address before a range", RANGE, false],
		["10.0.0.4", 49, "a port before a range", RANGE, false],
		["fd00::2", 53, "another family", POD, false],
		[
			"10.0.0.2",
			8125,
			"a target that keeps the port",
			to(["10.0.0.2", "10.0.0.2"]),
			true,
		],
		[
			"10.0.0.2",
			53,
			"a target that keeps another port",
			to(["10.0.0.2", "10.0.0.2"]),
			false,
		],
		[
			"203.0.113.10",
			53,
			"an address of the node",
			to(undefined, [53, 53]),
			true,
		],
		["10.0.0.2", 53, "none of the node", to(undefined, [53, 53]), false],
		["203.0.113.1", 8125, "where it was sent", { is: "none" }, true],
		["203.0.113.1", 53, "another port without NAT", { is: "none" }, false],
		["10.0.0.2", 8125, "another address without NAT", { is: "none" }, false],
		[
			"10.0.0.2",
			53,
			"anything, if that is not known",
			{ is: "unknown", by },
			true,
		],
		[
			"203.0.113.1",
			8125,
			"anything, if packets are dropped",
			{ is: "dropped", by },
			false,
		],
	];
	test.each(rows)("%s:%i: %s", (ip, port, _, outcome, want) =>
		expect(leadsThere(outcome, p, ipBytes(ip), port)).toBe(want),
	);
});
