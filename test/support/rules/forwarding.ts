// The programs that forward ports of the node: Incus and firewalld. They write nft.

import type { Random } from "../random.ts";
import { nftFamily } from "./palette.ts";
import {
	daddr,
	hooks,
	loopback,
	type Published,
	randomPublished,
	toPod,
} from "./publishing.ts";
import type { Written } from "./written.ts";

/** A port that a zone of firewalld forwards. */
export interface Forwarded extends Published {
	/** The interface of the zone. */
	readonly via: string;
	/** It leads to another port of the node itself. */
	readonly isToNode: boolean;
}

export function randomForwarded(r: Random): Forwarded {
	return {
		...randomPublished(r),
		via: r.pick(["up0", "up1", "br0"]),
		isToNode: r.chance(0.2),
	};
}

/** Incus: a proxy device with nat=true, or a forward of an address. */
export function incus(all: readonly Published[]): Written {
	const rule = (p: Published, isOutput: boolean): string => {
		const any = `meta nfproto ipv${p.version} ${isOutput ? `${nftFamily(p.version)} daddr != ${loopback(p.version)} ` : ""}fib daddr type local `;
		return `${daddr(p) || any}${p.proto} dport ${p.port} dnat ${nftFamily(p.version)} to ${toPod(p)}`;
	};
	const rules = (isOutput: boolean): string =>
		all.map((p) => rule(p, isOutput)).join("\n\t\t");
	return {
		tables: [],
		nft: [`table inet incus {${hooks(rules(false), rules(true))}\n}`],
	};
}

/** firewalld: zones by interface, after the others, with no test of the address. */
export function firewalld(all: readonly Forwarded[]): Written {
	const zones = ["up0", "up1", "br0"];
	const zone = (via: string): string => `
	chain nat_PRE_${via}_allow {
		${all
			.filter((p) => p.via === via)
			.map(
				(p) =>
					`meta nfproto ipv${p.version} ${p.proto} dport ${p.port}${p.hostIP === undefined ? `-${p.port + 1}` : ""} ${p.isToNode ? `redirect to :${p.podPort}` : `dnat ${nftFamily(p.version)} to ${toPod(p)}`}`,
			)
			.join("\n\t\t")}
	}
	chain nat_PRE_${via}_deny {
	}
	chain nat_PRE_${via} {
		jump nat_PRE_${via}_deny
		jump nat_PRE_${via}_allow
	}`;
	const table = `table inet firewalld {${zones.map(zone).join("")}
	chain nat_PREROUTING_ZONES {
		iifname "br0" goto nat_PRE_br0
		iifname "up1" goto nat_PRE_up1
		goto nat_PRE_up0
	}
	chain nat_OUTPUT_POLICIES_pre {
	}${hooks("jump nat_PREROUTING_ZONES", "jump nat_OUTPUT_POLICIES_pre", -90)}
}`;
	return { tables: [], nft: [table] };
}
