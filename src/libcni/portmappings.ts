// The port mappings that a runtime passes on, joined with the pod's addresses as
// portmap joins them when it makes its rules.

import { familyOf, hostIPOf, type IP, parseIP } from "../net/ip.ts";
import { type Proto, protocolOf } from "../net/proto.ts";
import { isObject } from "../objects.ts";
import type { PortRow } from "../policy/mapping.ts";
import { FEW, inRows, joining } from "../policy/portrow.ts";

/** Of an item that stands for several: their number. Each has the next hostPort and containerPort. */
export const ROW_LENGTH = Symbol("row length");

/** Tells what is wrong with an item. */
export interface ItemProblem {
	/** "type": a wrong type or shape, which only a broken runtime sends. "value": portmap makes no rule of it. */
	readonly kind: "type" | "value";
	/** The path of the wrong value: `portMappings[0].hostPort`. */
	readonly where: string;
	readonly value: unknown;
	/** The value that is expected: `must be an object`. */
	readonly must: string;
}

export type OnProblem = (problem: ItemProblem) => void;

interface PortMapping {
	readonly proto: Proto;
	readonly hostPort: number;
	readonly containerPort: number;
	readonly count: number | undefined;
	/** The wildcard of one family is kept, because it excludes the other family. */
	readonly hostIP: IP | undefined;
}

/**
 * Returns the mappings of the protocols for each of the pod's addresses, which are one
 * of each family at most; many of them in rows. Items that are no port mapping are left
 * out and passed to `onProblem`.
 */
export function resolveMappings(
	items: readonly unknown[],
	protocols: readonly Proto[],
	podIPs: readonly IP[],
	onProblem: OnProblem,
): readonly PortRow[] {
	const mappings: PortRow[] = [];
	// there is no room for an object for each of 65535 ports
	const join = items.length > FEW ? joining(mappings) : undefined;
	for (const [i, item] of items.entries()) {
		const where = `portMappings[${i}]`;
		const read = readPortMapping(item, where, protocols, onProblem);
		if (read === undefined) continue;
		const { proto, hostPort, containerPort, hostIP, count } = read;
		for (const podIP of podIPs) {
			const family = familyOf(podIP);
			if (hostIP !== undefined && familyOf(hostIP) !== family) continue;
			const mapping = {
				family,
				proto,
				hostPort,
				hostIP: hostIP === undefined ? null : hostIPOf(hostIP),
				podIP,
				containerPort,
				...(count !== undefined && { count }),
			};
			if (join) join(mapping);
			else mappings.push(mapping);
		}
	}
	return inRows(mappings);
}

/**
 * Reads one item. Its keys may have any letter case, because containerd writes
 * `HostPort`. Returns undefined if it maps no port of one of the protocols; then the
 * rest of the item is not looked at.
 */
function readPortMapping(
	item: unknown,
	where: string,
	protocols: readonly Proto[],
	onProblem: OnProblem,
): PortMapping | undefined {
	if (!isObject(item)) {
		onProblem({ kind: "type", where, value: item, must: "must be an object" });
		return undefined;
	}
	const members = new Map(
		Object.entries(item).map(([key, value]): [string, unknown] => [
			key.toLowerCase(),
			// Go reads null as an absent member
			value ?? undefined,
		]),
	);
	const protocol = readString(members, "protocol", where, onProblem);
	if (protocol === undefined) return undefined;
	const proto = protocolOf(protocol || "tcp");
	if (proto === undefined || !protocols.includes(proto)) return undefined;
	// runtimes also list ports that have no hostPort
	if ((members.get("hostport") ?? 0) === 0) return undefined;
	const hostPort = readPort(members, "hostPort", where, onProblem);
	const containerPort = readPort(members, "containerPort", where, onProblem);
	const text = readString(members, "hostIP", where, onProblem);
	if (
		hostPort === undefined ||
		containerPort === undefined ||
		text === undefined
	)
		return undefined;
	const hostIP = parseIP(text);
	if (text !== "" && hostIP === undefined) {
		onProblem({
			kind: "value",
			where: `${where}.hostIP`,
			value: text,
			must: "must be an IP address: portmap makes no rule for another",
		});
		return undefined;
	}
	const count = (item as { [ROW_LENGTH]?: number })[ROW_LENGTH];
	return { proto, hostPort, containerPort, hostIP, count };
}

function readString(
	members: ReadonlyMap<string, unknown>,
	key: string,
	item: string,
	onProblem: OnProblem,
): string | undefined {
	const value = members.get(key.toLowerCase()) ?? "";
	if (typeof value === "string") return value;
	const where = `${item}.${key}`;
	onProblem({ kind: "type", where, value, must: "must be a string" });
	return undefined;
}

function readPort(
	members: ReadonlyMap<string, unknown>,
	key: string,
	item: string,
	onProblem: OnProblem,
): number | undefined {
	const value = members.get(key.toLowerCase()) ?? 0;
	const isInteger = Number.isInteger(value);
	if (isInteger && Number(value) >= 1 && Number(value) <= 65535)
		return Number(value);
	onProblem({
		kind: isInteger ? "value" : "type",
		where: `${item}.${key}`,
		value,
		must: "must be an integer from 1 to 65535",
	});
	return undefined;
}
