// Services as a source of desired state: what kube-proxy's reconciler knows,
// without its faults. It too removes entries by the Service's port and keeps
// those to a serving endpoint's address and port, those of Services without
// endpoints and of deleted Services included. But a nodePort is one on the
// node's own addresses only, as in its rules: kube-proxy takes every entry with
// that destination port, also a pod's to a server far away.

import type { Entry } from "../conntrack/entry.ts";
import type { Family, IP } from "../net/ip.ts";
import { type Proto, portKey } from "../net/proto.ts";
import { isDNATed, isListeners, type Reason } from "../policy/stale.ts";
import type { Source } from "./source.ts";

/** A destination that a Service claims, and where it sends what comes there. */
export interface Claim {
	readonly family: Family;
	readonly proto: Proto;
	/** null: a nodePort, on every address of the node. */
	readonly ip: IP | null;
	readonly port: number;
	readonly name: string | undefined;
	/** Ports by address. */
	readonly endpoints: ReadonlyMap<IP, readonly number[]>;
}

/** What a loop keeps from pass to pass. */
export interface History {
	/** Of the last document. */
	readonly last: readonly Claim[];
	/** Those that it did not name any more. */
	readonly left: readonly Claim[];
}

export const NO_HISTORY: History = { last: [], left: [] };

/**
 * The claims of a pass: those of its document, and without endpoints those that
 * have vanished from it. A Service that was made again is named, and so has its
 * own. What has vanished is claimed in two passes, since rules may go later than
 * the document says; and in no more, since then the address may be another's.
 */
export function claimed(
	{ last, left }: History,
	now: readonly Claim[],
): Claim[] {
	return [...now, ...vanished([...left, ...last], now)];
}

/** What to keep after a pass; one that was not done has said no farewells. */
export function remember(
	{ last, left }: History,
	now: readonly Claim[],
	done: boolean,
): History {
	const going = vanished(last, now);
	return done ? { last: now, left: going } : { last: [...now, ...going], left };
}

function vanished(before: readonly Claim[], now: readonly Claim[]): Claim[] {
	const named = new Set(now.map(destination));
	return before
		.filter((claim) => !named.has(destination(claim)))
		.map((claim) => ({ ...claim, endpoints: new Map() }));
}

/** The claims as a source of desired state. */
export function serviced(claims: readonly Claim[]): Source {
	const found = new Map<number, Map<IP | Family, Claim>>();
	for (const claim of claims) {
		const key = portKey(claim.proto, claim.port);
		const same = found.get(key) ?? new Map<IP | Family, Claim>();
		found.set(key, same.set(claim.ip ?? claim.family, claim));
	}
	return (isLocal) => {
		/** That of the address before that of all addresses, as the rules stand. */
		const claimOf = (e: Entry): Claim | undefined => {
			const { dst, dport } = e.orig;
			const same = found.get(portKey(e.proto, dport));
			const own = same?.get(dst);
			if (own || !same) return own;
			const wide = same.get(e.family);
			// ::1 is never forwarded: there is no route_localnet for IPv6
			return wide && dst !== "::1" && isLocal(dst) ? wide : undefined;
		};
		return {
			ports: claims.map(({ family, proto, port }) => ({
				family,
				proto,
				hostPort: port,
			})),
			judge(e) {
				const claim = claimOf(e);
				return claim && contradiction(claim, e);
			},
			serves(e) {
				const claim = claimOf(e);
				return claim !== undefined && leadsTo(claim, e);
			},
			owner: (e) => claimOf(e)?.name,
		};
	};
}

function leadsTo({ endpoints }: Claim, e: Entry): boolean {
	return endpoints.get(e.reply.src)?.includes(e.reply.sport) === true;
}

function contradiction(claim: Claim, e: Entry): Reason | undefined {
	if (leadsTo(claim, e)) return undefined;
	const natted = isDNATed(e);
	if (!natted && isListeners(e)) return undefined;
	if (claim.endpoints.has(e.reply.src)) return "other-port";
	return natted ? "no-endpoint" : "no-dnat";
}

/** What a claim claims; no two of a document have the same. */
export function destination({ proto, family, ip, port }: Claim): string {
	return `${proto} ${ip ?? family} ${port}`;
}
