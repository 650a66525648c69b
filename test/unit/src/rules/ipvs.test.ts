// The services of IPVS, as a Linux 6.1 printed them.

import { describe, expect, test } from "vitest";
import { servicesIn } from "../../../../src/rules/ipvs.ts";
import { type EntrySpec, entry } from "../../../support/entries.ts";

const HEAD = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
`;
const SERVICES = `${HEAD}\
UDP  CB007132:1FBD rr  persistent 75000 FFFFFFFF
  -> 0A590202:14E9      Masq    1      0          1         
  -> 0A590102:14E9      Masq    0      0          4         
UDP  [fd03:0000:0000:0000:0000:0000:0000:0050]:1FBD rr 
  -> [fd89:0001:0000:0000:0000:0000:0000:0002]:14E9      Masq    1      0          0         
SCTP  CB007132:0063 rr  
TCP  CB007133:0000 rr  persistent 75000 FFFFFFFF
FWM  00000007 rr 
`;
const found = servicesIn(SERVICES.split("\n"));

test("each service is counted, those of a mark too, and no server", () =>
	expect(found.services).toBe(5));

test("a list without services", () => {
	const none = servicesIn(HEAD.split("\n"));
	expect(none.services).toBe(0);
});

describe("an entry", () => {
	test.each<[string, EntrySpec, boolean]>([
		["to a service", { orig: "192.0.2.7:1 > 203.0.113.50:8125" }, true],
		[
			"to a service, which IPVS has led to a server",
			{
				orig: "192.0.2.7:1 > 203.0.113.50:8125",
				reply: "10.89.1.2:5353 > 192.0.2.7:1",
			},
			true,
		],
		["to a service of IPv6", { orig: "[fd07::7]:1 > [fd03::50]:8125" }, true],
		[
			"to a service of SCTP",
			{ proto: "sctp", orig: "192.0.2.7:1 > 203.0.113.50:99" },
			true,
		],
		[
			"to a service of all ports",
			{ proto: "tcp", orig: "192.0.2.7:1 > 203.0.113.51:4711" },
			true,
		],
		["to another port", { orig: "192.0.2.7:1 > 203.0.113.50:8126" }, false],
		["to another address", { orig: "192.0.2.7:1 > 203.0.113.52:8125" }, false],
		[
			"of another protocol",
			{ proto: "tcp", orig: "192.0.2.7:1 > 203.0.113.50:8125" },
			false,
		],
		["to a server", { orig: "192.0.2.7:1 > 10.89.2.2:5353" }, false],
		[
			"that a nat rule has led elsewhere before IPVS saw it",
			{
				orig: "192.0.2.7:1 > 203.0.113.50:8125",
				reply: "10.88.0.2:5353 > 192.0.2.7:1",
				status: ["DST_NAT"],
			},
			false,
		],
	])("%s: %o", (_, spec, want) => expect(found.has(entry(spec))).toBe(want));
});
