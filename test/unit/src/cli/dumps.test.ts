// The dumps of the table in which a node's stale entries are.

import { expect, test } from "vitest";
import { dumpsOfStale } from "../../../../src/cli/dumps.ts";
import type { DumpFilter } from "../../../../src/conntrack/messages.ts";
import { Conntrack } from "../../../../src/conntrack/table.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
} from "../../../../src/net/proto.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import {
	attr,
	be32,
	type EntrySpec,
	message,
	nfgenmsg,
} from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { natRules } from "../../../support/natrules.ts";
import { mapping } from "../../../support/unit/flows.ts";

const EVERYTHING: readonly DumpFilter[] = (
	[AF_INET, AF_INET6] as const
).flatMap((family) =>
	([IPPROTO_UDP, IPPROTO_TCP, IPPROTO_SCTP] as const).map((proto) => ({
		family,
		proto,
		hostPort: null,
	})),
);
/** A sample of a table in which each protocol and family has its share. */
const ENTRIES: readonly EntrySpec[] = Array.from({ length: 600 }, (_, i) => ({
	id: i + 1,
	proto: i % 2 ? "udp" : "tcp",
	orig: i % 3 ? "192.0.2.7:1 > 198.51.100.9:53" : "[fd07::7]:1 > [fd03::9]:53",
}));

/** Returns the dumps of a table of so many entries, `FAMILY/PROTOCOL` or "all". */
async function dumps(
	size: number,
	lines: readonly string[] | undefined,
	mapped = [mapping("IPv4", "udp")],
): Promise<string> {
	const kernel = fakeKernel({
		entries: ENTRIES,
		...(lines && { rules: natRules(...lines) }),
		answer: (r) =>
			r.protocol === 12 && r.type === 0x0105
				? [
						message(
							{ type: 0x0105, seq: r.seq },
							nfgenmsg(0),
							attr(1, be32(size)),
						),
					]
				: undefined,
	});
	const host = fakeHost({ netlink: kernel.netlink });
	const deadline = new Deadline(host, 1000);
	const table = new Conntrack(host, deadline);
	const found = await dumpsOfStale(host, deadline, table, EVERYTHING, mapped);
	table.close();
	expect(kernel.open()).toBe(0);
	return found.map((d) => (d ? `${d.family}/${d.proto}` : "all")).join(" ");
}

test.each<[string, number, readonly string[] | undefined, string]>([
	["one, of the protocol that is mapped", 200_000, [], "2/17"],
	[
		"those of the protocols that are published too",
		200_000,
		["udp [fd03::1]:53 > [fd88::2]:53 docker"],
		"2/17 10/17",
	],
	[
		"none more for rules of those that publish nothing",
		200_000,
		["tcp 203.0.113.1:80 > 10.88.0.2:80 kube-proxy"],
		"2/17",
	],
	[
		"all at once, where the parts would cost more",
		200_000,
		["udp", "tcp"].flatMap((proto) => [
			`${proto} [fd03::1]:53 > [fd88::2]:53 docker`,
			`${proto} 203.0.113.1:53 > 10.88.0.2:53 docker`,
		]),
		"all",
	],
	["all at once of a small table", 600, [], "all"],
	["none of an empty table", 0, [], ""],
])("%s", async (_, size, lines, want) => {
	expect(await dumps(size, lines)).toBe(want);
});

test("the part of the published ports alone, where nothing is mapped", async () => {
	const lines = ["tcp 203.0.113.1:80 > 10.88.0.2:80 netavark"];
	expect(await dumps(200_000, lines, [])).toBe("2/6");
	expect(await dumps(200_000, [], [])).toBe("");
});
