// What Services and EndpointSlices have in common: names, labels, ports, protocols and
// addresses, in JSON that may be odd.

import { jsonOf } from "../log.ts";
import { own } from "../lookup.ts";
import { type IP, parseIP } from "../net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
	type Proto,
} from "../net/proto.ts";
import { isObject } from "../objects.ts";

/** Is called for a value that is skipped, with a sentence that names it. */
export type Warn = (sentence: string) => void;

export type Json = Record<string, unknown>;

/** The API's words: it refuses them in small letters. */
const PROTOCOLS = {
	TCP: IPPROTO_TCP,
	UDP: IPPROTO_UDP,
	SCTP: IPPROTO_SCTP,
} as const;

export function stringOf(value: unknown): string | undefined {
	return typeof value === "string" && value !== "" ? value : undefined;
}

/** Returns the object, or an empty one for anything else. */
export function objectOf(value: unknown): Json {
	return isObject(value) ? value : {};
}

/** Returns the list; an empty one for null and what is absent; undefined for anything else. */
export function listOf(value: unknown): readonly unknown[] | undefined {
	return Array.isArray(value) ? value : (value ?? undefined) ? undefined : [];
}

/** Returns the protocol of a port, TCP if it names none, as the API server does. Returns undefined for a protocol without ports. */
export function protoOf(value: unknown): Proto | undefined {
	return typeof (value ?? "TCP") === "string"
		? own<Proto>(PROTOCOLS, stringOf(value) ?? "TCP")
		: undefined;
}

/**
 * Reads an address as kube-proxy does (netutils.ParseIPSloppy): as parseIP, but numbers
 * may have leading zeros, and are decimal all the same. Of such an address `note` gets a
 * word. Returns undefined for what is no address.
 */
export function readIP(
	value: unknown,
	note: (word: string) => void,
): IP | undefined {
	if (typeof value !== "string" || value.length > 64) return undefined;
	const ip = parseIP(value);
	if (ip !== undefined) return ip;
	const decimal = parseIP(value.replace(/(^|[.:])0+(?=[\da-f])/gi, "$1"));
	if (decimal !== undefined)
		note(`${jsonOf(value, 80)} is read as ${decimal}, as kube-proxy does`);
	return decimal;
}

/** Returns a sentence about a value that is skipped: `ns/dns: spec.externalIPs.0 is skipped: "" is no address` */
export function skipped(
	where: string,
	key: string,
	value: unknown,
	why: string,
): string {
	return `${where}: ${key} is skipped: ${jsonOf(value, 80)} ${why}`;
}
