// Services as a source of desired state. It judges as kube-proxy's reconciler does: it
// removes entries by the Service's port and keeps those to the address and port of a
// serving endpoint. A Service without endpoints and a deleted one keep none. But a
// nodePort counts on the node's own addresses only, as in kube-proxy's rules, whereas its
// reconciler takes every entry with that destination port, even one from a pod to a
// server far away. The document that names the Services is in frontends.ts.

import type { Entry } from "../conntrack/entry.ts";
import type { Family, IP } from "../net/ip.ts";
import { PortIndex } from "../net/portindex.ts";
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
	/** The number of ports in a row if there are more than one. */
	readonly count?: number;
	readonly name: string | undefined;
	/** Ports by address. For ports in a row, a number from `ROW` on is of a port that goes up with the claim's own. */
	readonly endpoints: ReadonlyMap<IP, readonly number[]>;
	/** True if some endpoints are not known; then all entries stay. */
	readonly isPartial?: boolean | undefined;
	/** True if the proxy may have no rule for it on this node, so that a nodePort's rule decides. */
	readonly mayLackRule?: boolean | undefined;
}

/** It is added to the first of the ports to which those of a claim lead one by one. */
export const ROW = 65536;

/** Returns each destination once, with the endpoints of all claims to it. */
export function mergeClaims(claims: readonly Claim[]): Claim[] {
	const found = new Map<string, Claim>();
	for (const claim of claims) {
		const key = formatDestination(claim);
		const other = found.get(key);
		found.set(key, other ? mergeTwo(other, claim) : claim);
	}
	return [...found.values()];
}

function mergeTwo(a: Claim, b: Claim): Claim {
	const endpoints = new Map(a.endpoints);
	for (const [ip, ports] of b.endpoints)
		endpoints.set(ip, [...(endpoints.get(ip) ?? []), ...ports]);
	// the name is that of a claim with endpoints: the other Service has been deleted
	return {
		...(a.endpoints.size > 0 ? a : b),
		endpoints,
		isPartial: a.isPartial || b.isPartial,
		mayLackRule: a.mayLackRule || b.mayLackRule,
	};
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
		.map((claim) => ({ ...claim, endpoints: new Map(), isPartial: false }));
}

/** Makes a source of desired state of the claims. */
export function makeClaimSource(claims: readonly Claim[]): Source {
	const found = new Map<number, Map<IP | Family, Claim>>();
	const rows = new PortIndex<Claim>();
	for (const claim of claims) {
		const { proto, port, count } = claim;
		if (count !== undefined) {
			rows.addRow(proto, port, count, (at) => claimAt(claim, at));
			continue;
		}
		const key = portKey(proto, port);
		const same = found.get(key) ?? new Map<IP | Family, Claim>();
		found.set(key, same.set(claim.ip ?? claim.family, claim));
	}
	return (isLocal) => {
		/** Returns the claims that may decide: the one to the entry's address and, if no rule may stand for that, the one to all addresses. The rules stand in this order. */
		const claimsOf = (e: Entry): readonly Claim[] => {
			const { dst, dport } = e.orig;
			const same = found.get(portKey(e.proto, dport));
			const inRows = rows.get(e.proto, dport);
			if (!same && inRows.length === 0) return [];
			/** Returns what all claims to the destination say together. */
			const claimTo = (to: IP | Family): Claim | undefined => {
				const single = same?.get(to);
				return inRows
					.filter((claim) => (claim.ip ?? claim.family) === to)
					.reduce(
						(all: Claim | undefined, c) => (all ? mergeTwo(all, c) : c),
						single,
					);
			};
			const own = claimTo(dst);
			if (own && hasRule(own)) return [own];
			const wide = claimTo(e.family);
			// ::1 is never forwarded: there is no route_localnet for IPv6
			const isWide = wide && dst !== "::1" && isLocal(dst);
			return [own, isWide ? wide : undefined].filter((c) => c !== undefined);
		};
		const judge = (e: Entry): Reason | undefined =>
			findContradiction(claimsOf(e), e);
		return {
			ports: claims.map(({ family, proto, port, count }) => ({
				family,
				proto,
				hostPort: port,
				...(count !== undefined && { count }),
			})),
			judge,
			judgesKinds: judge,
			serves: (e) => claimsOf(e).some((claim) => leadsTo(claim, e)),
			owner: (e) => claimsOf(e)[0]?.name,
		};
	};
}

/** Returns the claim of one port of a row. */
function claimAt({ count: _, ...row }: Claim, port: number): Claim {
	const endpoints = new Map<IP, readonly number[]>();
	for (const [ip, ports] of row.endpoints)
		endpoints.set(
			ip,
			ports.map((p) => (p < ROW ? p : p - ROW + port - row.port)),
		);
	return { ...row, port, endpoints };
}

/** Returns true if kube-proxy surely has a rule for the destination: it writes none without endpoints. */
function hasRule({ endpoints, isPartial, mayLackRule }: Claim): boolean {
	return isPartial === true || (endpoints.size > 0 && mayLackRule !== true);
}

function leadsTo({ endpoints, isPartial }: Claim, e: Entry): boolean {
	return (
		isPartial === true ||
		endpoints.get(e.reply.src)?.includes(e.reply.sport) === true
	);
}

/** Returns why the entry contradicts all the claims, or undefined if it does not. */
function findContradiction(
	claims: readonly Claim[],
	e: Entry,
): Reason | undefined {
	if (claims.length === 0 || claims.some((claim) => leadsTo(claim, e)))
		return undefined;
	const natted = isDNATed(e);
	if (!natted && isListeners(e)) return undefined;
	if (claims.some(({ endpoints }) => endpoints.has(e.reply.src)))
		return "other-port";
	return natted ? "no-endpoint" : "no-dnat";
}

/** Returns the destination as a text; no two claims of a document have the same. */
export function formatDestination(claim: Claim): string {
	const { proto, family, ip, port, count } = claim;
	return `${proto} ${ip ?? family} ${port}${count === undefined ? "" : `+${count}`}`;
}
