// The flags of `list` and `flush` that select entries, and the selection that they
// describe. It reads no table.

import { IPPROTO_UDP, PROTOCOLS, type Proto } from "../net/proto.ts";
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
	PORT,
} from "./values.ts";

export const ALL_PROTOS: readonly Proto[] = Object.values(PROTOCOLS);
export const PROTOS: Readonly<Record<string, readonly Proto[]>> = {
	...Object.fromEntries(
		Object.entries(PROTOCOLS).map(([name, proto]) => [name, [proto]]),
	),
	all: ALL_PROTOS,
};

export const HOST_PORT = {
	...PORT,
	help: "select entries that came to this port of the node",
};
export const HOST_IP = {
	...ADDRESS,
	help: "select entries that came to this address; without it, to any address of the node",
};
/** The other flags that select entries. */
export const SELECT = {
	podIP: {
		...ADDRESS,
		help: "select entries that a rule has sent to this pod, on any port",
	},
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

/** Returns the flag `--proto`, which may be given several times. `fallback` describes the protocols without it. */
export function protoFlag(fallback: string) {
	return {
		...choice("PROTO", PROTOS),
		many: true,
		help: `select entries of this protocol; without it, ${fallback}`,
	} as const;
}

type SelectionFlags = Omit<Selection, "protos"> & {
	readonly proto: readonly (readonly Proto[])[];
};

/** Returns the selection that the flags describe. Throws UsageError if no entry can match it. */
export function selectionOf(
	{ proto, hostPort, hostIP, podIP, family, zone }: SelectionFlags,
	fallback: readonly Proto[],
): Selection {
	const protos = proto.length > 0 ? [...new Set(proto.flat())] : fallback;
	const s = { protos, hostPort, hostIP, podIP, family, zone };
	if (familiesOf(s).length === 0)
		throw new UsageError(
			"--host-ip, --pod-ip and --family are not of one address family",
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
