// The scope of a sweep: which entries it may touch. Which of those have to go is decided
// in sweep.ts.

import type { Entry } from "../conntrack/entry.ts";
import { localAddresses } from "../flush/addresses.ts";
import type { Host } from "../host.ts";
import { inPrefix, ipBytes, parseIP } from "../net/ip.ts";
import { numbersOf } from "../net/portindex.ts";
import { IPPROTO_TCP } from "../net/proto.ts";
import { Deadline } from "../netlink/deadline.ts";
import { byPort, type Mapping } from "../policy/mapping.ts";
import { recordedAttachments } from "../state/inventory.ts";

const DEADLINE_MS = 5000;

/** The entries that a scope covers at one moment. */
export interface Coverage {
	/** Original destination ports; null: all of them. */
	readonly ports: readonly (number | null)[];
	/** Returns true if the entry, which has one of the ports, may be touched. */
	covers(e: Entry): boolean;
}

/** A scope is asked before each sample, because mappings change. */
export type Scope = (host: Host) => Promise<Coverage>;

const NOWHERE: Coverage = { ports: [], covers: () => false };

/** The scope of all entries. */
export const everything: Scope = async () => ({
	ports: [null],
	covers: () => true,
});

export interface Destination {
	readonly address: Uint8Array;
	/** The length of the address's prefix, in bits. */
	readonly prefix: number;
	/** null: any port. */
	readonly port: number | null;
}

/** Reads `CIDR[:PORT]`, with IPv6 before a port in brackets: `[fd00::/108]:443`. Returns undefined if the text is none. */
export function parseDestination(text: string): Destination | undefined {
	const [, bracketed, plain, port] =
		/^(?:\[(.+)\]|([^[\]]+?))(?::(\d{1,5}))?$/.exec(
			// the last colon of IPv6 without brackets begins no port
			text.split(":").length > 2 && !text.startsWith("[") ? `[${text}]` : text,
		) ?? [];
	const [address = "", prefix, more] = (bracketed ?? plain ?? "").split("/");
	const ip = parseIP(address);
	if (ip === undefined || more !== undefined) return undefined;
	const bytes = ipBytes(ip);
	const longest = 8 * bytes.length;
	const bits = prefix === undefined ? longest : Number(prefix);
	if (prefix !== undefined && (!/^\d{1,3}$/.test(prefix) || bits > longest))
		return undefined;
	if (port !== undefined && !(Number(port) > 0 && Number(port) <= 65535))
		return undefined;
	return {
		address: bytes,
		prefix: bits,
		port: port === undefined ? null : Number(port),
	};
}

/** Returns the scope of the entries to one of the destinations. */
export function towards(destinations: readonly Destination[]): Scope {
	const coverage: Coverage = {
		ports: destinations.map((d) => d.port),
		covers: ({ orig }) =>
			destinations.some(
				({ address, prefix, port }) =>
					(port === null || port === orig.dport) &&
					inPrefix(ipBytes(orig.dst), address, prefix),
			),
	};
	return async () => coverage;
}

/**
 * Returns the scope of the entries to TCP hostPorts of the recorded attachments. An
 * entry that leads to its pod is not in it: there the pod does not answer.
 */
export function mapped(dataDir: string): Scope {
	return async (host) => {
		const mappings = recordedAttachments(host, dataDir)
			.flatMap((a) => a.mappings)
			.filter((m) => m.proto === IPPROTO_TCP);
		if (mappings.length === 0) return NOWHERE;
		const wide = mappings.filter((m) => m.hostIP === null);
		const families = new Set(wide.map((m) => m.family));
		const locals = await localAddresses(
			host,
			families,
			new Deadline(host, DEADLINE_MS),
		);
		const mappingsOf = byPort(mappings);
		const isFor = (m: Mapping, { family, orig }: Entry): boolean =>
			m.family === family &&
			(m.hostIP === null ? locals.has(orig.dst) : m.hostIP === orig.dst);
		return {
			ports: [...numbersOf(mappings)],
			covers: (e) => {
				const own = mappingsOf(e.proto, e.orig.dport).filter((m) =>
					isFor(m, e),
				);
				return (
					own.length > 0 &&
					!own.some(
						(m) => m.podIP === e.reply.src && m.containerPort === e.reply.sport,
					)
				);
			},
		};
	};
}
