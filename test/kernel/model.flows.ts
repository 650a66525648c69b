// Flows of every shape that a node with hostPorts has, made at random around the
// mappings of a case. Each has a source port of its own, so that no two entries meet.

import type { Family, Flow } from "../support/flow.ts";
import type { Random } from "../support/random.ts";
import { LOCAL, NOT_LOCAL } from "./model.world.ts";

/** The material of a case: hostPorts, where they lead, other pods. */
export interface Palette {
	readonly ports: readonly number[];
	readonly targets: readonly { readonly ip: string; readonly port: number }[];
}

/** Above all ports of mappings and below the remapped. */
const FIRST_SPORT = 10_000;
const REMAP = 25_000;
export const MOST_FLOWS = REMAP - 1;

const CLIENTS = {
	4: ["192.0.2.7", "203.0.113.2", "10.88.0.3", "10.88.0.2", "203.0.113.1"],
	6: ["fd07::7", "fd03::2", "fd88::3", "fd88::2", "fd03::1"],
} as const;
const GATEWAY = { 4: "10.88.0.1", 6: "fd88::1" } as const;

export function randomFlow(r: Random, n: number, palette: Palette): Flow {
	const family: Family = r.chance(0.6) ? 4 : 6;
	const proto = r.pick([
		"udp",
		"udp",
		"udp",
		"udp",
		"tcp",
		"tcp",
		"sctp",
		"sctp",
		"icmp",
	] as const);
	const port = r.pick(palette.ports);
	const dport = r.chance(0.75)
		? port
		: r.pick([port + 1, port - 1, ((port & 0xff) << 8) | (port >> 8), 53]);
	const sport = FIRST_SPORT + n;
	const src = r.pick<string>(CLIENTS[family]);
	const dst = r.pick<string>(r.chance(0.8) ? LOCAL[family] : NOT_LOCAL[family]);
	const targets = palette.targets.filter(
		(t) => t.ip.includes(":") === (family === 6),
	);
	const isNatted = proto !== "icmp" && targets.length > 0 && r.chance(0.65);
	const target = isNatted ? r.pick(targets) : { ip: dst, port: dport };
	const isMoved = target.ip !== dst;
	// the tool cannot say ports of SCTP, and NAT moves a pod's talk to itself
	const canNat = isMoved && proto !== "sctp" && target.ip !== src;
	const byNat = canNat && r.chance(0.4);
	const isMasked = isMoved && !byNat && r.chance(0.3);
	return {
		family,
		proto,
		src,
		sport,
		dst,
		dport,
		replySrc: target.ip,
		// an entry whose port alone was changed is no shape of portmap's
		replySport: isMoved ? target.port : dport,
		replyDst: isMasked ? GATEWAY[family] : src,
		replyDport: isMasked && r.chance(0.5) ? sport + REMAP : sport,
		byNat,
		seen: r.pick(["UNREPLIED", "SEEN_REPLY", "ASSURED"]),
		mark: r.chance(0.2) ? r.below(0x7fffffff) : 0,
		// without ports, zones alone would tell two of them apart
		zone: proto !== "icmp" && r.chance(0.2) ? 1 + r.below(65_000) : 0,
		zoneOf: r.pick(["both", "orig", "reply"]),
	};
}
