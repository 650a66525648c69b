// The flags of `list` and `flush` that select entries, and the selection that they
// describe. It reads no table.

import type { IP } from "../net/ip.ts";
import { IPPROTO_UDP, PROTOCOLS, type Proto } from "../net/proto.ts";
import type { PortSpan } from "../net/region.ts";
import { familiesOf, type Selection } from "../policy/selection.ts";
import type { CacheSource } from "../state/liveness.ts";
import { UsageError } from "./usage.ts";
import {
	ADDRESS,
	CACHE_DIR_FLAG,
	choice,
	DATA_DIR_FLAG,
	FAMILY,
	number,
	PLACE,
	PORTS,
	text,
} from "./values.ts";

export const ALL_PROTOS: readonly Proto[] = Object.values(PROTOCOLS);
export const PROTOS: Readonly<Record<string, readonly Proto[]>> = {
	...Object.fromEntries(
		Object.entries(PROTOCOLS).map(([name, proto]) => [name, [proto]]),
	),
	all: ALL_PROTOS,
};

export const HOST_PORT = {
	...PORTS,
	many: true,
	help: "select entries that came to this port of the node, or one of these: 8000-8010, or 8125,9125",
} as const;
export const HOST_IP = {
	...ADDRESS,
	help: "select entries that came to this address; without it, a port is one of any address of the node",
};
/** The conditions by place and by pod. */
export const WHERE = {
	from: { ...PLACE, help: "select entries of these clients" },
	to: {
		...PLACE,
		help: "select entries that were sent to this destination, wherever it is",
	},
	leadsTo: {
		...PLACE,
		alias: "--pod-ip",
		help: "select entries that a rule has sent to this place, such as the address of a pod; --pod-ip is the same",
	},
	answeredAt: {
		...PLACE,
		help: "select entries whose replies come to this place, such as an address that NAT has put in the place of the client's, and that the node has lost",
	},
	pod: {
		...text("POD"),
		help: "select entries that a rule has sent to this pod: NAMESPACE/NAME, NAME, or the container's ID or its first 6 digits or more",
	},
} as const;
/** The other flags that select entries. */
export const SELECT = {
	family: { ...FAMILY, help: "select entries of this address family only" },
	zone: {
		...number("ZONE", 0, 65535),
		help: "select entries of this conntrack zone only, in one direction or both; 0 is the default zone",
	},
	stale: {
		help: "select only entries that keep traffic from this node's attachments",
	},
	dataDir: DATA_DIR_FLAG,
	cniCacheDir: CACHE_DIR_FLAG,
} as const;

/** The words about PLACE, for the help. */
export const PLACE_IN_WORDS =
	"A PLACE is an address, a prefix, ports, or one with the other: 10.88.0.2, 10.88.0.0/16, :53, :8000-8010, 10.88.0.2:53, [fd00::2]:53.";

/** Returns the flag `--proto`, which may be given several times. `fallback` describes the protocols without it. */
export function protoFlag(fallback: string) {
	return {
		...choice("PROTO", PROTOS),
		many: true,
		help: `select entries of this protocol; without it, ${fallback}`,
	} as const;
}

interface SelectionFlags
	extends Omit<Selection, "protos" | "hostPorts" | "podIPs"> {
	readonly proto: readonly (readonly Proto[])[];
	readonly hostPort: readonly (readonly PortSpan[])[];
}

/** Returns the selection that the flags describe; `podIPs` are the addresses of the pod that they name. Throws UsageError if no entry can match it. */
export function selectionOf(
	flags: SelectionFlags,
	podIPs: readonly IP[] | undefined,
	fallback: readonly Proto[],
): Selection {
	const { proto, hostPort, hostIP, from, to, leadsTo, answeredAt } = flags;
	const { family, zone } = flags;
	const s = {
		protos: proto.length > 0 ? [...new Set(proto.flat())] : fallback,
		hostPorts: hostPort.flat(),
		...{ hostIP, from, to, leadsTo, answeredAt, podIPs, family, zone },
	};
	if (familiesOf(s).length === 0)
		throw new UsageError(
			"the addresses and --family are not of one address family",
		);
	return s;
}

/** Returns libcni's cache as the flags describe it. Of an attachment that is only cached, UDP mappings count, or those of the protocols in `proto`. */
export function cacheOf(
	dir: string,
	proto: readonly (readonly Proto[])[],
): CacheSource {
	return { dir, protocols: proto.length > 0 ? proto.flat() : [IPPROTO_UDP] };
}
