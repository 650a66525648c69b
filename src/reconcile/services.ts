// Services as a source of desired state. It judges as kube-proxy's reconciler does: it
// removes entries by the Service's port and keeps those to the address and port of a
// serving endpoint. A Service without endpoints and a deleted one keep none. But a
// nodePort counts on the node's own addresses only, as in kube-proxy's rules, whereas its
// reconciler takes every entry with that destination port, even one from a pod to a
// server far away. The document that names the Services is in frontends.ts.

import type { Entry } from "../conntrack/entry.ts";
import type { Family, IP } from "../net/ip.ts";
import { type Proto, portKey } from "../net/proto.ts";
import { isDNATed, isListeners, type Reason } from "../policy/stale.ts";
import type { Source } from "./source.ts";

/** A destination that a Service claims, and the endpoints to which it sends the traffic. */
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

/** The claims that a loop remembers from pass to pass. */
export interface History {
	/** The claims of the last document. */
	readonly last: readonly Claim[];
	/** The claims that had vanished from the last document. */
	readonly vanished: readonly Claim[];
}

export const NO_HISTORY: History = { last: [], vanished: [] };

/**
 * Returns the claims of a pass: those of its document, and without endpoints those that
 * have vanished from it. A Service that was made again is named in the document, and so
 * has its own endpoints. A vanished claim counts in two passes, because rules may go
 * later than the document says. It counts in no more, because then the address may
 * belong to another.
 */
export function addVanished(
	{ last, vanished }: History,
	now: readonly Claim[],
): Claim[] {
	return [...now, ...findVanished([...vanished, ...last], now)];
}

/** Returns the history after a pass. If the pass was not done, its vanished claims count again in the next. */
export function remember(
	{ last, vanished }: History,
	now: readonly Claim[],
	done: boolean,
): History {
	const found = findVanished(last, now);
	return done
		? { last: now, vanished: found }
		: { last: [...now, ...found], vanished };
}

/** Returns those of `before` whose destination `now` does not name, without endpoints. */
function findVanished(
	before: readonly Claim[],
	now: readonly Claim[],
): Claim[] {
	const named = new Set(now.map(formatDestination));
	return before
		.filter((claim) => !named.has(formatDestination(claim)))
		.map((claim) => ({ ...claim, endpoints: new Map() }));
}

/** Makes a source of desired state of the claims. */
export function makeClaimSource(claims: readonly Claim[]): Source {
	const found = new Map<number, Map<IP | Family, Claim>>();
	for (const claim of claims) {
		const key = portKey(claim.proto, claim.port);
		const same = found.get(key) ?? new Map<IP | Family, Claim>();
		found.set(key, same.set(claim.ip ?? claim.family, claim));
	}
	return (isLocal) => {
		/** Returns the claim to the entry's address or, if there is none, the one to all addresses: the rules stand in this order. */
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
				return claim && findContradiction(claim, e);
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

/** Returns why the entry contradicts the claim, or undefined if it does not. */
function findContradiction(claim: Claim, e: Entry): Reason | undefined {
	if (leadsTo(claim, e)) return undefined;
	const natted = isDNATed(e);
	if (!natted && isListeners(e)) return undefined;
	if (claim.endpoints.has(e.reply.src)) return "other-port";
	return natted ? "no-endpoint" : "no-dnat";
}

/** Returns the destination as a text; no two claims of a document have the same. */
export function formatDestination({ proto, family, ip, port }: Claim): string {
	return `${proto} ${ip ?? family} ${port}`;
}
