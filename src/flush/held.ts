// Whether anybody may have an address. An ADD asks it before it removes what a dead pod
// began: the address may belong to a pod without hostPorts, which has no record. In doubt
// somebody has it.

import type { Context } from "../context.ts";
import { CACHE_DIR } from "../libcni/cache.ts";
import type { IP } from "../net/ip.ts";
import { type Attachment, isAssigned } from "../policy/mapping.ts";
import { cachedAttachments } from "../state/cached.ts";
import { othersThan } from "../state/others.ts";

/**
 * Returns true unless libcni's cache proves that nobody has the address. The cache knows
 * every attachment, but the runtime may keep it elsewhere: then no living attachment of
 * the network of `a` is in it. A file of it that cannot be read may have the address.
 * Throws DeadlineError.
 */
export function isHeld(context: Context, a: Attachment, ip: IP): boolean {
	const others = othersThan(context, a, [ip]);
	if (others.some((b) => b.vague) || isAssigned([a, ...others], ip))
		return true;
	let isWhole = true;
	const cached = cachedAttachments(context.host, CACHE_DIR, () => {
		isWhole = false;
	});
	return (
		!isWhole ||
		!cached.some(({ network }) => network === a.network) ||
		cached.some(({ ips }) => ips.includes(ip))
	);
}
