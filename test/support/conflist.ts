// The conflists of the tests: real bridge, host-local and portmap, with our
// plugin in one of the arrangements that the README recommends, or without it.

import { join } from "node:path";
import type { Conflist, Json } from "./chain.ts";
import { POD_NET4, POD_NET6, type Topology } from "./topology.ts";

/**
 * single: one plugin item behind portmap, ADD deletes and DEL retires.
 * split: `on: del` before portmap and `on: add` behind it, both delete.
 */
export type Arrangement = "single" | "split" | "without";

/** How portmap writes its rules; only the newest knows nftables. */
export type Backend = "iptables" | "nftables";

export interface ConflistOptions {
	readonly arrangement: Arrangement;
	readonly backend?: Backend;
	/** IPAM has one address of each family, so that the next pod gets the last one's. */
	readonly oneAddress?: boolean;
	readonly cniVersion?: string;
	/** Keys for our plugin items, such as protocols. */
	readonly keys?: Json;
}

/** The default of the key retireSeconds. */
export const RETIRE_SECONDS = 2;

export function conflist(
	topology: Topology,
	options: ConflistOptions,
): Conflist {
	const flush = (keys: Json) => ({
		type: "conntrack-flush",
		capabilities: { portMappings: true },
		dataDir: join(topology.dir, "state"),
		...keys,
		...options.keys,
	});
	const pool = (subnet: string, address: string) =>
		options.oneAddress === true
			? { subnet, rangeStart: address, rangeEnd: address }
			: { subnet };
	const bridge = {
		type: "bridge",
		bridge: "cni0",
		isGateway: true,
		ipam: {
			type: "host-local",
			dataDir: join(topology.dir, "ipam"),
			ranges: [[pool(POD_NET4, "10.88.0.77")], [pool(POD_NET6, "fd88::77")]],
			routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
		},
	};
	const { arrangement, backend } = options;
	const isSplit = arrangement === "split";
	const portmap = {
		type: "portmap",
		capabilities: { portMappings: true },
		...(backend && { backend }),
	};
	return {
		cniVersion: options.cniVersion ?? "1.0.0",
		name: "podnet",
		plugins: [
			bridge,
			...(isSplit ? [flush({ on: "del" })] : []),
			portmap,
			...(arrangement === "without"
				? []
				: [flush(isSplit ? { on: "add" } : {})]),
		],
	};
}

/**
 * The real portmap flushes UDP by port on ADD, which would hide whether our
 * plugin works, and kills the healthy flows that we want to watch. It decides
 * by the name of the protocol; iptables takes the number as well, and nft a name
 * with a space behind it. So this edit of what portmap alone is given yields its
 * rules without its flush.
 */
export function withoutOwnFlush(type: string, conf: Json): Json {
	if (type !== "portmap") return conf;
	const runtimeConfig = conf.runtimeConfig as
		| { readonly portMappings: readonly Json[] }
		| undefined;
	if (runtimeConfig === undefined) return conf;
	const udp = conf.backend === "nftables" ? "udp " : "17";
	return {
		...conf,
		runtimeConfig: {
			portMappings: runtimeConfig.portMappings.map((m) =>
				Object.fromEntries(
					Object.entries(m).map(([key, value]) => [
						key,
						key.toLowerCase() === "protocol" && value === "udp" ? udp : value,
					]),
				),
			),
		},
	};
}
