// The DNAT of one rule or of one element of a map: where it sends, and which port it is
// for. It reads no chain (survey.ts does), and does not know whether a packet comes to
// the rule.

import { AF_INET, AF_INET6, formatIP, type IP, ipOf } from "../net/ip.ts";
import { protocolName } from "../net/proto.ts";
import type { Message, RecvBuffer } from "../netlink/reader.ts";
import { readRule } from "./expressions.ts";
import {
	type ChainID,
	compareBytes,
	type Element,
	type NatRule,
	type Place,
	type Register,
	type Step,
} from "./model.ts";

/** A rule with a DNAT to one address, or an element of a map from which a rule takes one. */
export interface DNATRule extends Place {
	/** The element, as nft writes it; undefined if the destination stands in the rule. */
	readonly element: { readonly map: string; readonly key: string } | undefined;
	/** The destination port that it is for, if it names exactly one. */
	readonly dport: number | undefined;
	readonly ip: IP;
	/** The port to send to; undefined leaves the port as it is. */
	readonly port: number | undefined;
}

/** Reads a rule of the chain, and the destination port that it compares. Throws DecodeError. */
export function readDNAT(
	b: RecvBuffer,
	m: Message,
	chain: ChainID,
): [NatRule, number | undefined] | undefined {
	let dport: number | undefined;
	const rule = readRule(b, m, chain, {
		address: () => true,
		port(n) {
			dport = n;
			return true;
		},
	});
	return rule && [rule, dport];
}

/** Returns the DNAT whose destination stands in the rule itself, or undefined if the rule has none to one address. */
export function dnatOf(
	rule: NatRule,
	dport: number | undefined,
): DNATRule | undefined {
	const constants = new Map<Register, Uint8Array>();
	for (const step of rule.steps) {
		if (step.is === "constant") constants.set(step.to, step.bytes);
		else if (step.is === "send") {
			const { addresses: a, ports } = step.target;
			return a && compareBytes(a.min, a.max) === 0
				? leadingTo(rule, dport, a.min, ports?.min)
				: undefined;
		} else if (step.is === "nat") {
			const address = step.address && constants.get(step.address.min);
			const port = step.ports && constants.get(step.ports.min);
			return address && leadingTo(rule, dport, address, port && u16(port, 0));
		}
	}
	return undefined;
}

function leadingTo(
	{ backend, family, table, chain, handle }: Place,
	dport: number | undefined,
	address: Uint8Array,
	port: number | undefined,
	element?: DNATRule["element"],
): DNATRule | undefined {
	if (address.length !== 4 && address.length !== 16) return undefined;
	const place = { backend, family, table, chain, handle };
	return { ...place, element, dport, ip: ipOf(address), port };
}

/** A map from which a rule takes a destination, by the offsets of what is known in its keys and data. */
export interface TargetMap {
	readonly set: string;
	readonly key: ReadonlyMap<number, "address" | "protocol" | "port">;
	/** The offset of the address, and that of the port if the map has ports. */
	readonly address: number;
	readonly port: number | undefined;
}

/** Returns the map from which the rule takes its destination, if it does. */
export function mapOf({ steps }: NatRule): TargetMap | undefined {
	const key = new Map<Register, "address" | "protocol" | "port">();
	let lookup: Extract<Step, { is: "lookup" }> | undefined;
	for (const step of steps) {
		if (step.is === "payload") {
			if (step.base === "network") key.set(step.to, "address");
			else if (step.offset === 2 && step.length === 2) key.set(step.to, "port");
		} else if (step.is === "fact" && step.fact === "protocol of layer 4")
			key.set(step.to, "protocol");
		else if (step.is === "lookup" && step.to !== undefined) lookup = step;
		else if (step.is === "nat" && lookup?.to !== undefined && step.address) {
			const { set, from, to } = lookup;
			return {
				set,
				key: new Map([...key].map(([at, what]) => [at - from, what])),
				address: step.address.min - to,
				port: step.ports && step.ports.min - to,
			};
		}
	}
	return undefined;
}

/** Returns the DNAT for one element of the map. */
export function mappedBy(
	rule: NatRule,
	map: TargetMap,
	{ key, data }: Element,
): DNATRule | undefined {
	if (!(data instanceof Uint8Array)) return undefined;
	const isV4 = rule.family === AF_INET;
	let dport: number | undefined;
	const words = [...map.key]
		.sort(([a], [b]) => a - b)
		.map(([at, what]) => {
			if (what === "protocol") return protocolName(key[at] ?? 0);
			if (what === "address")
				return formatIP(key, at, isV4 ? AF_INET : AF_INET6);
			dport = u16(key, at);
			return String(dport);
		});
	const address = data.slice(map.address, map.address + (isV4 ? 4 : 16));
	const port = map.port === undefined ? undefined : u16(data, map.port);
	const element = { map: map.set, key: words.join(" . ") };
	return leadingTo(rule, dport, address, port, element);
}

function u16(bytes: Uint8Array, at: number): number {
	return 256 * (bytes[at] ?? 0) + (bytes[at + 1] ?? 0);
}
