// The fixture and the flows of kube-proxy's own test of its conntrack cleanup
// (pkg/proxy/conntrack, TestCleanStaleEntries), in both families, as real entries.

import { PROTOS, type ProtoName } from "../support/unit/flows.ts";
import type { Made } from "./creation.ts";

const BOOK = {
	IPv4: {
		vips: ["172.30.1.1", "192.168.99.100", "1.2.3.4"],
		/** Pods that are serving, not serving, and in no slice at all. */
		S: "10.240.0.4",
		N: "10.240.1.5",
		G: "10.240.2.6",
		node: "203.0.113.1",
		client: "192.0.2.7",
		server: "198.51.100.9",
	},
	IPv6: {
		vips: ["fd17:30::1", "fd19::99", "fd12::4"],
		S: "fd24::4",
		N: "fd24:1::5",
		G: "fd24:2::6",
		node: "fd03::1",
		client: "fd07::7",
		server: "fd09::9",
	},
} as const;
export type Family = keyof typeof BOOK;
type Pod = "S" | "N" | "G";
export const SERVING = endpoint(BOOK.IPv4.S, 9090);
export const SERVING6 = endpoint(BOOK.IPv6.S, 9090);
export const VIPS = [...BOOK.IPv4.vips, ...BOOK.IPv6.vips];

function endpoint(ip: string, port: number): string {
	return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Ports TCP 8000, UDP 8000 and SCTP 8000, the latter two with nodePort 32000. */
export const FRONTENDS = PROTOS.map((protocol) => ({
	name: `test/cleanup-test:${protocol}`,
	protocol,
	ips: VIPS,
	port: 8000,
	...(protocol !== "tcp" && { nodePort: 32000 }),
	endpoints: [SERVING, SERVING6],
}));

export interface Group {
	/** The number in the list of kube-proxy's rows, or a sentence of ours. */
	readonly name: string;
	readonly deleted: boolean;
	readonly flows: readonly Made[];
}

let port = 10_000;

/** A flow with a client port of its own; `to` undefined: no NAT. */
function flow(
	family: Family,
	proto: ProtoName,
	dst: string,
	dport: number,
	to?: Pod,
	podPort = 9090,
): Made {
	const book = BOOK[family];
	const client = endpoint(book.client, ++port);
	return {
		proto,
		orig: `${client} > ${endpoint(dst, dport)}`,
		...(to && { reply: `${endpoint(book[to], podPort)} > ${client}` }),
	};
}

const PODS: readonly Pod[] = ["S", "N", "G"];
const OTHERS: readonly ProtoName[] = ["tcp", "sctp"];

/** kube-proxy's rows: 72 entries, of which 14 go. Where it leaves the destination out, an address of the node stands. */
export function theirRows(family: Family): Group[] {
	const { vips, node } = BOOK[family];
	const vip = (proto: ProtoName, dport: number, to?: Pod, podPort?: number) =>
		vips.map((ip) => flow(family, proto, ip, dport, to, podPort));
	const rows: [name: string, deleted: boolean, flows: Made[]][] = [
		[
			"1: VIP to the endpoint, at a port that it has no more",
			true,
			vip("udp", 8000, "S", 8080),
		],
		["2: VIP to the serving endpoint", false, vip("udp", 8000, "S")],
		["3: VIP to the endpoint that does not serve", true, vip("udp", 8000, "N")],
		["4: VIP to what is in no slice", true, vip("udp", 8000, "G")],
		[
			"5: a VIP's port of no Service",
			false,
			PODS.flatMap((pod) => vip("udp", 3000, pod)),
		],
		[
			"6: TCP and SCTP, of both ports",
			false,
			OTHERS.flatMap((proto) =>
				PODS.flatMap((pod) => [
					...vip(proto, 8000, pod),
					...vip(proto, 3000, pod),
				]),
			),
		],
		[
			"7: nodePort to the serving endpoint",
			false,
			[flow(family, "udp", node, 32000, "S")],
		],
		[
			"8: nodePort to the others",
			true,
			[
				flow(family, "udp", node, 32000, "N"),
				flow(family, "udp", node, 32000, "G"),
			],
		],
		[
			"9: TCP and SCTP of the nodePort",
			false,
			OTHERS.flatMap((proto) =>
				PODS.map((pod) => flow(family, proto, node, 32000, pod)),
			),
		],
		["10: VIP without DNAT", true, vip("udp", 8000)],
		["11: a VIP's port of no Service, without DNAT", false, vip("udp", 3000)],
	];
	return rows.map(([name, deleted, flows]) => ({
		name: `${family} ${name}`,
		deleted,
		flows,
	}));
}

/** The rows that kube-proxy does not test. */
export function ourRows(family: Family): Group[] {
	const { vips, node, server, client, S } = BOOK[family];
	const [vip = ""] = vips;
	const served = flow(family, "udp", vip, 8000, "S");
	const zoned = (zone: number, to: Pod): Made => ({
		...flow(family, "udp", vip, 8000, to),
		zone,
	});
	const rows: [name: string, deleted: boolean, flows: Made[]][] = [
		[
			"a pod's to a server far away, at the Service's port and the nodePort's number",
			false,
			[flow(family, "udp", server, 8000), flow(family, "udp", server, 32000)],
		],
		[
			"the nodePort's number at a VIP",
			false,
			[flow(family, "udp", vip, 32000, "G")],
		],
		[
			"to the serving endpoint, masqueraded",
			false,
			[
				{
					...served,
					reply: `${endpoint(S, 9090)} > ${endpoint(node, 40_000)}`,
				},
			],
		],
		["in a zone, to the serving endpoint", false, [zoned(7, "S")]],
		["in a zone, to another", true, [zoned(7, "N"), zoned(65535, "G")]],
		[
			"answered long since, to another",
			true,
			[
				{
					...flow(family, "udp", vip, 8000, "N"),
					status: ["SEEN_REPLY", "ASSURED"],
				},
			],
		],
		[
			"UDP-Lite, which nobody maps",
			false,
			[
				{
					proto: "udplite",
					orig: `${endpoint(client, 1)} > ${endpoint(vip, 8000)}`,
				},
			],
		],
	];
	return rows.map(([name, deleted, flows]) => ({
		name: `${family} ${name}`,
		deleted,
		flows,
	}));
}
