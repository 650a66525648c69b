// Services as a source of desired state: reconciliation against a document of frontends
// and endpoints, with a table in memory. The rows that kube-proxy itself tests are in
// test/kernel/reconcile.

import { describe, expect, test } from "vitest";
import { readFrontends } from "../../../../src/reconcile/frontends.ts";
import { reconcile } from "../../../../src/reconcile/reconcile.ts";
import { recorded } from "../../../../src/reconcile/recorded.ts";
import { makeClaimSource } from "../../../../src/reconcile/services.ts";
import { BOOKS } from "../../../support/book.ts";
import { BOTH_NAT, mapping, REPLIED } from "../../../support/unit/flows.ts";
import {
	attached,
	DNS,
	document,
	type Row,
	to,
	world,
} from "../../../support/unit/world.ts";

const { H, V, I, P, Q } = BOOKS.IPv4;
const of = (proto: string, row: Row): Row => ({ ...row, proto });

const RANGE = { ips: [V], port: "5000-5999", endpoints: [`${P}:6000-6999`] };

describe("of the entries that a frontend claims", () => {
	test.each<[string, object[], Row[], string[]]>([
		["what leads to an endpoint stays", [DNS], [to("P:5353", 1)], []],
		[
			"what leads there masqueraded, by a hairpin or from another port stays",
			[DNS],
			[
				{ orig: "N:1 > V:53", reply: "P:5353 > G:1", status: BOTH_NAT },
				{ orig: "P:2 > V:53", reply: "P:5353 > G:2", status: BOTH_NAT },
				{ orig: "C:3 > H:30053", reply: "P:5353 > G:999", status: BOTH_NAT },
			],
			[],
		],
		["what leads elsewhere goes", [DNS], [to("Q:5353", 1)], ["C:1 > V:53"]],
		[
			"what leads to another port of the endpoint goes",
			[DNS],
			[to("P:53", 1)],
			["C:1 > V:53"],
		],
		[
			"what was made while no rule was there goes",
			[DNS],
			[{ orig: "C:1 > V:53" }, { orig: "C:2 > H:30053", status: REPLIED }],
			["C:1 > V:53", "C:2 > H:30053"],
		],
		["another port of the address stays", [DNS], [to("Q:5353", 1, "V:54")], []],
		["another address stays", [DNS], [to("Q:5353", 1, "S:53")], []],
		[
			"a nodePort is one on every address of the node",
			[DNS],
			["H:30053", "H2:30053", "G:30053", "L:30053"].map((dst, i) =>
				to("Q:5353", i + 1, dst),
			),
			["C:1 > H:30053", "C:2 > H2:30053", "C:3 > G:30053", "C:4 > L:30053"],
		],
		[
			"the nodePort's number on another host stays, which kube-proxy would delete",
			[DNS],
			[
				{ orig: "P:1 > S:30053" },
				{ orig: "N:2 > S:30053", reply: "S:30053 > H:2", status: ["SRC_NAT"] },
				to("Q:5353", 3, "V:30053"),
				to("Q:5353", 4, "B:30053"),
			],
			[],
		],
		[
			"a claim of one address comes before that of all addresses",
			[DNS, { ips: [H], port: 30053, endpoints: [`${Q}:1`], name: "external" }],
			[to("Q:1", 1, "H:30053"), to("P:5353", 2, "H:30053")],
			["C:2 > H:30053"],
		],
		[
			"a claim of one address without endpoints has no rule, so that of all addresses decides",
			[DNS, { ips: [H], port: 30053, endpoints: [], name: "external" }],
			[
				to("Q:1", 1, "H:30053"),
				to("P:5353", 2, "H:30053"),
				to("P:5353", 3, "V:30053"),
			],
			["C:1 > H:30053"],
		],
		[
			"an address of kube-ipvs0 is claimed by its Service alone",
			[DNS, { ips: [I], port: 53, endpoints: [`${P}:5353`] }],
			[to("Q:5353", 1, "I:53"), to("Q:5353", 2, "I:30053")],
			["C:1 > I:53"],
		],
		[
			"each port of a range leads to its own",
			[RANGE],
			[
				to("P:6000", 1, "V:5000"),
				to("P:6999", 2, "V:5999"),
				to("P:6001", 3, "V:5000"),
				to("Q:6500", 4, "V:5500"),
				to("Q:7000", 5, "V:6000"),
			],
			["C:3 > V:5000", "C:4 > V:5500"],
		],
		[
			"all ports of a range may lead to one",
			[{ ...RANGE, endpoints: [`${P}:53`] }],
			[
				to("P:53", 1, "V:5000"),
				to("P:53", 2, "V:5999"),
				to("P:54", 3, "V:5001"),
			],
			["C:3 > V:5001"],
		],
		[
			"a port in a range may have endpoints of its own beside it",
			[RANGE, { ips: [V], port: 5500, endpoints: [`${Q}:1`] }],
			[
				to("P:6500", 1, "V:5500"),
				to("Q:1", 2, "V:5500"),
				to("Q:2", 3, "V:5500"),
				to("Q:1", 4, "V:5501"),
			],
			["C:3 > V:5500", "C:4 > V:5501"],
		],
		[
			"a range of nodePorts is one on every address of the node",
			[{ nodePort: "30000-30999", endpoints: [`${P}:6000-6999`] }],
			[
				to("P:6001", 1, "H:30001"),
				to("Q:6001", 2, "H2:30001"),
				to("Q:6001", 3, "S:30001"),
				to("Q:6001", 4, "H:31000"),
			],
			["C:2 > H2:30001"],
		],
		[
			"without endpoints all go",
			[{ ...DNS, endpoints: [] }],
			[to("P:5353", 1), to("Q:5353", 2, "H:30053"), { orig: "C:3 > V:53" }],
			["C:1 > V:53", "C:2 > H:30053", "C:3 > V:53"],
		],
		[
			"a Service that was deleted and made again has what it has now",
			[
				{ ...DNS, endpoints: [] },
				{ ...DNS, endpoints: [`${Q}:5353`] },
			],
			[to("P:5353", 1), to("Q:5353", 2)],
			["C:1 > V:53"],
		],
		[
			"in whichever order they come",
			[
				{ ...DNS, endpoints: [`${Q}:5353`] },
				{ ...DNS, endpoints: [] },
			],
			[to("P:5353", 1), to("Q:5353", 2)],
			["C:1 > V:53"],
		],
		[
			"a frontend in two parts has the endpoints of both, and several ports of one address",
			[DNS, { ...DNS, endpoints: [`${P}:54`, `${Q}:5353`] }],
			[to("P:5353", 1), to("P:54", 2), to("Q:5353", 3), to("Q:54", 4)],
			["C:4 > V:53"],
		],
		[
			"an endpoint may have several ports",
			[{ ...DNS, endpoints: [`${P}:5353`, `${P}:54`] }],
			[to("P:5353", 1), to("P:54", 2), to("P:55", 3)],
			["C:3 > V:53"],
		],
		[
			"of TCP what a rule has sent elsewhere goes, the node's listeners stay",
			[{ ...DNS, protocol: "TCP" }],
			[
				of("tcp", to("Q:5353", 1)),
				of("tcp", to("P:5353", 2)),
				of("tcp", { orig: "C:3 > H:30053" }),
				to("Q:5353", 4),
			],
			["tcp C:1 > V:53"],
		],
		[
			"of SCTP also what no rule has sent, unless it is established",
			[{ ...DNS, protocol: "sctp" }],
			[
				of("sctp", to("Q:5353", 1)),
				of("sctp", { orig: "C:2 > V:53" }),
				of("sctp", { orig: "C:3 > H:30053", status: REPLIED }),
			],
			["sctp C:1 > V:53", "sctp C:2 > V:53"],
		],
		[
			"the same port of several protocols is judged by each",
			[DNS, { ...DNS, protocol: "tcp", endpoints: [`${Q}:5353`] }],
			[
				to("P:5353", 1),
				to("Q:5353", 2),
				of("tcp", to("P:5353", 3)),
				of("tcp", to("Q:5353", 4)),
			],
			["C:2 > V:53", "tcp C:3 > V:53"],
		],
		[
			"other protocols than those with ports stay",
			[DNS],
			[of("icmp", { orig: "C:53 > V:53" }), of("udplite", to("Q:5353", 1))],
			[],
		],
		[
			"the highest port is a port",
			[{ ips: [V], port: 65535, endpoints: [`${P}:65535`] }],
			[to("P:65535", 65535, "V:65535"), to("P:1", 1, "V:65535")],
			["C:1 > V:65535"],
		],
		[
			"what is in a zone goes with its zone",
			[DNS],
			[{ ...to("Q:5353", 1), zone: 7 }],
			["C:1 > V:53"],
		],
	])("%s", async (_, frontends, rows, want) => {
		const { context, removed } = world(rows, [], {
			links: { "kube-ipvs0": 9 },
		});
		const claims = await readFrontends(document(...frontends));
		const { deleted } = await reconcile(
			context,
			[makeClaimSource(claims)],
			"delete",
		);
		expect(removed()).toEqual(want);
		expect(deleted).toBe(want.length);
	});
});

test("every find is told with its reason and the Service's name, that of the one with endpoints", async () => {
	const { context } = world([
		to("Q:5353", 1),
		to("P:53", 2),
		{ orig: "C:3 > H:30053" },
	]);
	const old = { ...DNS, name: "ns/old", endpoints: [] };
	for (const frontends of [
		[DNS, old],
		[old, DNS],
	]) {
		const found: unknown[] = [];
		const claims = await readFrontends(document(...frontends));
		await reconcile(
			context,
			[makeClaimSource(claims)],
			"count",
			({ orig }, reason, owner) => found.push([orig.sport, reason, owner]),
		);
		expect(found).toEqual([
			[1, "no-endpoint", "ns/dns"],
			[2, "other-port", "ns/dns"],
			[3, "no-dnat", "ns/dns"],
		]);
	}
});

describe("with the recorded attachments", () => {
	/** An external address that is the node's, and a hostPort of the same number. */
	const external = {
		name: "ns/ext",
		ips: [H],
		port: 8125,
		endpoints: [`${Q}:1`],
	};
	const records = [attached("p", mapping("IPv4", "udp"))];
	test("an entry that is right for one of them stays, what is right for none goes", async () => {
		const { context, removed } = world(
			[
				to("P:5353", 1, "H:8125"),
				to("Q:1", 2, "H:8125"),
				to("N:1", 3, "H:8125"),
				to("N:1", 4, "H2:8125"),
				to("N:1", 5),
			],
			records,
		);
		const claims = await readFrontends(document(external, DNS));
		const found: unknown[] = [];
		await reconcile(
			context,
			[recorded(context), makeClaimSource(claims)],
			"delete",
			({ orig }, reason, owner) => found.push([orig.sport, reason, owner]),
		);
		expect(removed()).toEqual(["C:3 > H:8125", "C:4 > H2:8125", "C:5 > V:53"]);
		expect(found).toEqual([
			[3, "other-pod", "ns/p"],
			[4, "other-pod", "ns/p"],
			[5, "no-endpoint", "ns/dns"],
		]);
	});
});

describe("the work", () => {
	test("is one count, one dump and as few deletions as there are entries to go, whatever the number of frontends", async () => {
		const frontends = Array.from({ length: 1000 }, (_, i) => ({
			ips: [`10.96.${i >> 8}.${i & 255}`],
			port: 53,
			endpoints: [`${P}:5353`],
		}));
		const rows = [
			...Array.from({ length: 450 }, (_, i) => to("Q:5353", i + 1)),
			to("P:5353", 999),
		];
		const { context, kernel, removed } = world(rows, [], { perDatagram: 50 });
		const claims = await readFrontends(document(...frontends));
		await reconcile(context, [makeClaimSource(claims)], "delete");
		expect(removed()).toHaveLength(450);
		const types = kernel.requests
			.filter((r) => r.protocol === 12)
			.map((r) => r.type);
		const times = (type: number) => types.filter((t) => t === type).length;
		expect([times(0x0105), times(0x0101), times(0x0102)]).toEqual([1, 1, 450]);
		expect(kernel.batches.filter((n) => n > 1)).toEqual([200, 200, 50]);
	});

	test("begins again where the kernel interrupts the dump", async () => {
		let dumps = 0;
		const { context, removed } = world([to("P:5353", 1), to("Q:5353", 2)], [], {
			answer: (r) =>
				r.type === 0x0101 && dumps++ === 0 ? ["EINTR"] : undefined,
		});
		const claims = await readFrontends(document(DNS));
		await reconcile(context, [makeClaimSource(claims)], "delete");
		expect(removed()).toEqual(["C:2 > V:53"]);
	});

	test("is none without claims", async () => {
		const { context, kernel } = world([to("Q:5353", 1)]);
		await reconcile(context, [makeClaimSource([])], "delete");
		expect(
			kernel.requests.filter((r) => r.protocol === 12).map((r) => r.type),
		).toEqual([0x0105]);
	});
});
