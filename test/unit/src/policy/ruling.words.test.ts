// What people are told that the rules do.

import { expect, test } from "vitest";
import { rulesInWords } from "../../../../src/policy/ruling.words.ts";
import type { FamilyName } from "../../../support/book.ts";
import { flowEntry } from "../../../support/unit/flows.ts";
import { prospectOf } from "../../../support/unit/outcomes.ts";

test.each<[FamilyName, readonly string[], string]>([
	[
		"IPv4",
		["P:5353 netavark"],
		"the rules now send 203.0.113.1:8125 to 10.88.0.2:5353 (netavark)",
	],
	[
		"IPv6",
		["P:5353 docker"],
		"the rules now send [fd03::1]:8125 to [fd88::2]:5353 (docker)",
	],
	[
		"IPv4",
		["P kube-proxy"],
		"the rules now send 203.0.113.1:8125 to 10.88.0.2:8125 (kube-proxy)",
	],
	[
		"IPv4",
		[":53 hand"],
		"the rules now send 203.0.113.1:8125 to port 53 of the node itself (other)",
	],
	[
		"IPv4",
		["P-Q:5353-5360"],
		"the rules now send 203.0.113.1:8125 to 10.88.0.2:5353 and following (portmap)",
	],
	[
		"IPv4",
		["P:5353", "none", "P:5353", "Q:53 incus", "N:53 incus"],
		"the rules now send 203.0.113.1:8125 to 10.88.0.2:5353 (portmap), or to one of 2 more",
	],
	["IPv4", ["none"], "no rule sends 203.0.113.1:8125 anywhere"],
	["IPv4", ["drop"], "a rule drops what is sent to 203.0.113.1:8125"],
])("%s %j", (family, outcomes, want) => {
	const e = flowEntry(family, "udp", { orig: "C:1 > H:8125" });
	expect(rulesInWords(prospectOf(family, e, ...outcomes))).toBe(want);
});
