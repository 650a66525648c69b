// What the nat rules may do with the first packet of a flow. A match that depends on more
// than the packet is taken both ways, so the result is every outcome that the rules
// allow. Pure: it reads no rule, and says which ones it would have needed.

import { type Ends, endsOf } from "./chain.ts";
import {
	type BaseChain,
	chainKey,
	compareBytes,
	type Knowledge,
	NFPROTO_INET,
	type Outcome,
	type Packet,
} from "./model.ts";

/** Returns every outcome that the rules allow for the packet, each once. */
export function evaluate(known: Knowledge, p: Packet): readonly Outcome[] {
	const found = new Map<string, Outcome>();
	const add = (o: Outcome): void => void found.set(outcomeKey(o), o);
	const memory = new Map<string, Ends>();
	for (const group of groupsOf(known.bases, p)) {
		// the order within a group is not known, so a packet gets past it only past all
		let passes = true;
		for (const base of group) {
			const ends = endsOf(known, base, p, memory);
			for (const o of ends.outcomes) add(o);
			const isDropped = ends.falls && base.policy === "drop";
			if (isDropped) add({ is: "dropped", by: base });
			if (!ends.accepts && (!ends.falls || isDropped)) passes = false;
		}
		if (!passes) return [...found.values()];
	}
	add({ is: "none" });
	return [...found.values()];
}

/**
 * Returns the base chains that see the packet, in the order of their priorities. The
 * first chain that changes the destination decides (nf_nat_inet_fn). Chains of equal
 * priority stand in one group: the one that was registered later comes first, and
 * nf_tables does not tell which that is.
 */
function groupsOf(bases: readonly BaseChain[], p: Packet): BaseChain[][] {
	const hook = p.isSentByNode ? "output" : "prerouting";
	const groups = new Map<number, BaseChain[]>();
	for (const base of bases) {
		if (base.hook !== hook) continue;
		if (base.family !== NFPROTO_INET && base.family !== p.family) continue;
		groups.set(base.priority, [...(groups.get(base.priority) ?? []), base]);
	}
	return [...groups.keys()]
		.sort((a, b) => a - b)
		.map((priority) => groups.get(priority) ?? []);
}

/** Returns true if an entry that leads to `address` and `port` agrees with the outcome. In doubt it agrees. */
export function leadsThere(
	o: Outcome,
	p: Packet,
	address: Uint8Array,
	port: number,
): boolean {
	switch (o.is) {
		case "unknown":
			return true;
		case "dropped":
			return false;
		case "none":
			return port === p.dport && compareBytes(address, p.dst) === 0;
		case "target": {
			const { addresses, ports } = o.target;
			const { min = p.dport, max = p.dport } = ports ?? {};
			if (port < min || port > max) return false;
			return addresses
				? compareBytes(address, addresses.min) >= 0 &&
						compareBytes(address, addresses.max) <= 0
				: p.isLocal(address);
		}
	}
}

function outcomeKey(o: Outcome): string {
	switch (o.is) {
		case "none":
			return "none";
		case "dropped":
			return `dropped ${chainKey(o.by)}`;
		case "unknown":
			return `unknown ${chainKey(o.by)} ${o.by.handle}`;
		case "target": {
			const { addresses, ports } = o.target;
			return `${chainKey(o.by)} ${o.by.handle} ${addresses?.min},${addresses?.max} ${ports?.min}-${ports?.max}`;
		}
	}
}
