// The port mappings of runtimeConfig, joined with the pod's addresses as
// portmap joins them when it makes its rules.

import { isObject } from "../../plugin/cni/conf.ts";
import { type CniError, invalidConfig } from "../../plugin/cni/error.ts";
import { familyOf, hostIPOf, type IP, parseIP } from "../net/ip.ts";
import { type Proto, protocolOf } from "../net/proto.ts";
import type { Mapping, PodTraffic } from "../policy/stale.ts";

/**
 * What is wrong with an item: the type or shape of something, which only a broken
 * runtime sends, or a value for which portmap makes no rule.
 */
export type Problem = (e: CniError, kind: "type" | "value") => void;

interface PortMapping {
	readonly proto: Proto;
	readonly hostPort: number;
	readonly containerPort: number;
	/** Also the wildcard of one family, which excludes the other. */
	readonly hostIP: IP | undefined;
}

/** The numbers of protocols, each once. */
export function protocolsOf(names: readonly string[]): Proto[] {
	return names
		.map(protocolOf)
		.filter((p) => p !== undefined)
		.filter((p, i, all) => all.indexOf(p) === i);
}

/**
 * The mappings of the handled protocols, for each address of the pod. Items
 * that are no port mapping are left out and reported to `problem`.
 */
export function resolveMappings(
	items: readonly unknown[],
	protocols: readonly Proto[],
	podIPs: readonly IP[],
	problem: Problem,
): Mapping[] {
	const mappings: Mapping[] = [];
	for (const [i, item] of items.entries()) {
		const where = `portMappings[${i}]`;
		const read = readPortMapping(item, where, protocols, problem);
		if (read === undefined) continue;
		const { proto, hostPort, containerPort, hostIP } = read;
		for (const podIP of podIPs) {
			const family = familyOf(podIP);
			if (hostIP !== undefined && familyOf(hostIP) !== family) continue;
			mappings.push({
				family,
				proto,
				hostPort,
				hostIP: hostIP === undefined ? null : hostIPOf(hostIP),
				podIP,
				containerPort,
			});
		}
	}
	return mappings;
}

/** All that comes to the pod by the handled protocols. */
export function podTraffic(
	protocols: readonly Proto[],
	podIPs: readonly IP[],
): PodTraffic[] {
	return podIPs.flatMap((podIP) =>
		protocols.map((proto) => ({ family: familyOf(podIP), proto, podIP })),
	);
}

/**
 * Reads one item; its keys in any letter case, since containerd writes `HostPort`.
 * Undefined if it maps no port of a handled protocol: then no more of it is read.
 */
function readPortMapping(
	item: unknown,
	where: string,
	protocols: readonly Proto[],
	problem: Problem,
): PortMapping | undefined {
	if (!isObject(item)) {
		problem(invalidConfig(where, item, "must be an object"), "type");
		return undefined;
	}
	const members = new Map(
		Object.entries(item).map(([key, value]): [string, unknown] => [
			key.toLowerCase(),
			// Go reads null as if it were not there
			value ?? undefined,
		]),
	);
	const protocol = readString(members, "protocol", where, problem);
	if (protocol === undefined) return undefined;
	const proto = protocolOf(protocol || "tcp");
	if (proto === undefined || !protocols.includes(proto)) return undefined;
	// runtimes list ports without a hostPort too
	if ((members.get("hostport") ?? 0) === 0) return undefined;
	const hostPort = readPort(members, "hostPort", where, problem);
	const containerPort = readPort(members, "containerPort", where, problem);
	const text = readString(members, "hostIP", where, problem);
	if (
		hostPort === undefined ||
		containerPort === undefined ||
		text === undefined
	)
		return undefined;
	const hostIP = parseIP(text);
	if (text !== "" && hostIP === undefined) {
		const details = "must be an IP address: portmap makes no rule for another";
		problem(invalidConfig(`${where}.hostIP`, text, details), "value");
		return undefined;
	}
	return { proto, hostPort, containerPort, hostIP };
}

function readString(
	members: ReadonlyMap<string, unknown>,
	key: string,
	where: string,
	problem: Problem,
): string | undefined {
	const value = members.get(key.toLowerCase()) ?? "";
	if (typeof value === "string") return value;
	problem(invalidConfig(`${where}.${key}`, value, "must be a string"), "type");
	return undefined;
}

function readPort(
	members: ReadonlyMap<string, unknown>,
	key: string,
	where: string,
	problem: Problem,
): number | undefined {
	const value = members.get(key.toLowerCase()) ?? 0;
	const isInteger = Number.isInteger(value);
	if (isInteger && Number(value) >= 1 && Number(value) <= 65535)
		return Number(value);
	const details = `must be an integer from 1 to 65535`;
	problem(
		invalidConfig(`${where}.${key}`, value, details),
		isInteger ? "value" : "type",
	);
	return undefined;
}
