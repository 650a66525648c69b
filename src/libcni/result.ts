// The result of a chain, in every version of the specification: which addresses the
// pod has. What is malformed is passed over.

import { type Family, familyOf, type IP, parseCIDR } from "../net/ip.ts";
import { isObject } from "../objects.ts";

/**
 * Returns the pod's addresses: those of interfaces on the node's side do not count.
 * Knows `ips` (since 0.3.0) and `ip4` and `ip6` (before).
 */
export function addressesIn(
	result: Readonly<Record<string, unknown>>,
	ifname: string,
): IP[] {
	return textsIn(result, ifname)
		.map((text) => (typeof text === "string" ? parseCIDR(text) : undefined))
		.filter((ip) => ip !== undefined);
}

/** Returns the path of the pod's network namespace, or undefined if the result does not say it. */
export function sandboxIn(
	{ interfaces }: Readonly<Record<string, unknown>>,
	ifname: string,
): string | undefined {
	const links: unknown[] = Array.isArray(interfaces) ? interfaces : [];
	const sandbox = links
		.filter(isObject)
		.find(({ name, sandbox }) => name === ifname && Boolean(sandbox))?.sandbox;
	return typeof sandbox === "string" ? sandbox : undefined;
}

/** Returns the pod's first address of each family, which is the one that portmap makes rules for. */
export function podIPsIn(result: object | undefined, ifname: string): IP[] {
	return firstOfEachFamily(addressesIn({ ...result }, ifname));
}

export function firstOfEachFamily(ips: readonly IP[]): IP[] {
	const found = new Map<Family, IP>();
	for (const ip of ips)
		if (!found.has(familyOf(ip))) found.set(familyOf(ip), ip);
	return [...found.values()];
}

function textsIn(
	{ ips, interfaces, ip4, ip6 }: Readonly<Record<string, unknown>>,
	ifname: string,
): unknown[] {
	if (!Array.isArray(ips)) return [ip4, ip6].map((ip) => isObject(ip) && ip.ip);
	const links: unknown[] = Array.isArray(interfaces) ? interfaces : [];
	return ips.filter(isObject).flatMap(({ address, interface: index }) => {
		const link = typeof index === "number" ? links[index] : undefined;
		const isPods =
			!isObject(link) || (link.name === ifname && Boolean(link.sandbox));
		return isPods ? [address] : [];
	});
}
