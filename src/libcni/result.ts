// The result of the plugins before us, of every spec version: which addresses
// the pod has.

import { type Family, familyOf, type IP, parseCIDR } from "../net/ip.ts";

/**
 * The pod's address in each family, the first as portmap takes it: addresses of
 * interfaces on the host's side do not count. Knows `ips` (since 0.3.0) and
 * `ip4`/`ip6` (before). What is malformed is passed over.
 */
export function podIPs(prevResult: object | undefined, ifname: string): IP[] {
	const found = new Map<Family, IP>();
	for (const address of addresses(prevResult ?? {}, ifname)) {
		const ip = typeof address === "string" ? parseCIDR(address) : undefined;
		if (ip !== undefined && !found.has(familyOf(ip)))
			found.set(familyOf(ip), ip);
	}
	return [...found.values()];
}

function addresses(result: object, ifname: string): unknown[] {
	const { ips, interfaces, ip4, ip6 } = result as {
		ips?: unknown;
		interfaces?: unknown;
		ip4?: { ip?: unknown } | null;
		ip6?: { ip?: unknown } | null;
	};
	if (!Array.isArray(ips)) return [ip4?.ip, ip6?.ip];
	const links: unknown[] = Array.isArray(interfaces) ? interfaces : [];
	return ips
		.filter((ip: { interface?: unknown } | null) => {
			if (typeof ip?.interface !== "number") return true;
			const link = links[ip.interface] as
				| { name?: unknown; sandbox?: unknown }
				| null
				| undefined;
			if (!link) return true;
			return link.name === ifname && Boolean(link.sandbox);
		})
		.map((ip: { address?: unknown } | null) => ip?.address);
}
