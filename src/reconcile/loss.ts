// What a loop believes of a document that has lost much since the last one: it may be one
// that was cut, as kubectl prints it when the API server fails midway.

import type { IP } from "../net/ip.ts";
import { type Claim, formatDestination, mergeClaims } from "./services.ts";

/** The part of the backends that may be missing from a document and be gone at once. */
const MAX_SHARE = 1 / 4;

/** What a loop remembers of its last document. A backend is an endpoint of a destination. */
export interface Believed {
	/** The claims that counted. */
	readonly claims: readonly Claim[];
	/** The backends that were missing from the document, and counted all the same. */
	readonly held: readonly Claim[];
	/** How many backends were missing of how many, if any were held. */
	readonly lack?: { readonly missing: number; readonly of: number };
}

export const NOTHING_YET: Believed = { claims: [], held: [] };

/**
 * Returns what counts of a document. If more than a quarter of the backends are missing,
 * and more than one, they still count, until the next document lacks them too.
 */
export function believe(
	before: Believed,
	document: readonly Claim[],
): Believed {
	const lost = lacking(before.claims, document);
	const [missing, of] = [count(lost), count(before.claims)];
	if (missing <= Math.max(1, of * MAX_SHARE))
		return { claims: document, held: [] };
	const again = lacking(before.held, document);
	const held = lacking(lost, again);
	if (held.length === 0) return { claims: document, held };
	const claims = mergeClaims([...document, ...held]);
	return { claims, held, lack: { missing, of } };
}

/**
 * Returns the backends of `before` that `now` has not. A destination whose endpoints `now`
 * does not know lacks none; one whose endpoints `before` does not know is a backend itself.
 */
function lacking(
	before: readonly Claim[],
	now: readonly Claim[],
): readonly Claim[] {
	const found = new Map(now.map((claim) => [formatDestination(claim), claim]));
	return before.flatMap((claim) => {
		const other = found.get(formatDestination(claim));
		if (other?.isPartial) return [];
		if (claim.isPartial) return other ? [] : [claim];
		const endpoints = new Map<IP, readonly number[]>();
		for (const [ip, ports] of claim.endpoints) {
			const still = other?.endpoints.get(ip) ?? [];
			const gone = ports.filter((port) => !still.includes(port));
			if (gone.length > 0) endpoints.set(ip, gone);
		}
		return endpoints.size > 0 ? [{ ...claim, endpoints }] : [];
	});
}

function count(claims: readonly Claim[]): number {
	let n = 0;
	for (const { endpoints, isPartial } of claims) {
		if (isPartial) n++;
		else for (const ports of endpoints.values()) n += ports.length;
	}
	return n;
}
