// The conditions that every entry of legacy iptables begins with: addresses, interfaces
// and the protocol, as ip_packet_match and ip6_packet_match compare them. It knows no
// matches, no targets and no chains.

import { AF_INET, AF_INET6, type Family } from "../net/ip.ts";
import { u16 } from "./blob.ts";
import { both, type MatchAnswer, not, type Packet } from "./model.ts";

/** Where the parts of struct ipt_entry or ip6t_entry are. */
export interface Layout {
	/** The file that lists the tables of the family. */
	readonly names: string;
	/** IPPROTO_IP or IPPROTO_IPV6. */
	readonly level: number;
	/** The bytes of an address. Source, destination and their masks come first. */
	readonly address: number;
	/** The names of two interfaces and their masks, 16 bytes each. */
	readonly interfaces: number;
	readonly proto: number;
	readonly flags: number;
	readonly inverted: number;
	/** The flag IPT_F_GOTO or IP6T_F_GOTO. */
	readonly goto: number;
	/** The offset of the target; that of the next entry follows it. */
	readonly target: number;
	/** The bytes of the whole, after which matches come. */
	readonly entry: number;
}

export const LAYOUTS: Readonly<Record<Family, Layout>> = {
	[AF_INET]: {
		names: "/proc/net/ip_tables_names",
		level: 0,
		address: 4,
		interfaces: 16,
		proto: 80,
		flags: 82,
		inverted: 83,
		goto: 2,
		target: 88,
		entry: 112,
	},
	[AF_INET6]: {
		names: "/proc/net/ip6_tables_names",
		level: 41,
		address: 16,
		interfaces: 64,
		proto: 128,
		flags: 131,
		inverted: 132,
		goto: 4,
		target: 140,
		entry: 168,
	},
};

// linux/netfilter_ipv4/ip_tables.h
const IPT_F_FRAG = 1;
const IPT_INV_VIA_IN = 0x01;
const IPT_INV_VIA_OUT = 0x02;
const IPT_INV_SRCIP = 0x08;
const IPT_INV_DSTIP = 0x10;
const IPT_INV_FRAG = 0x20;
const IPT_INV_PROTO = 0x40;
// linux/netfilter_ipv6/ip6_tables.h
const IP6T_F_PROTO = 1;

const IFNAMSIZ = 16;

type Matches = (p: Packet) => MatchAnswer;

/** Returns the destination if the entry at an offset takes no other one. */
export function onlyDestination(
	bytes: Uint8Array,
	at: number,
	{ address, inverted }: Layout,
): Uint8Array | undefined {
	if (((bytes[at + inverted] ?? 0) & IPT_INV_DSTIP) !== 0) return undefined;
	const mask = at + 3 * address;
	for (let i = mask; i < mask + address; i++)
		if (bytes[i] !== 0xff) return undefined;
	return bytes.subarray(at + address, at + 2 * address);
}

/**
 * Returns the conditions of the entry at an offset, or undefined if every packet fulfils
 * them. The caller knows that the entry is whole.
 */
export function headerOf(
	bytes: Uint8Array,
	at: number,
	family: Family,
): Matches | undefined {
	const layout = LAYOUTS[family];
	const { address } = layout;
	const inverted = bytes[at + layout.inverted] ?? 0;
	const all: Matches[] = [];
	const add = (flag: number, matches: Matches | undefined): void => {
		const isInverted = (inverted & flag) !== 0;
		if (matches) all.push(isInverted ? (p) => not(matches(p)) : matches);
		else if (isInverted) all.push(() => "no");
	};

	const part = (from: number, length: number): Uint8Array =>
		bytes.slice(at + from, at + from + length);
	const masked = (
		want: number,
		mask: number,
		length: number,
		of: (p: Packet) => Uint8Array | undefined,
	): Matches | undefined =>
		maskedBy(part(want, length), part(mask, length), of);
	add(
		IPT_INV_SRCIP,
		masked(0, 2 * address, address, (p) => p.src),
	);
	add(
		IPT_INV_DSTIP,
		masked(address, 3 * address, address, (p) => p.dst),
	);
	const [names, masks] = [layout.interfaces, layout.interfaces + 2 * IFNAMSIZ];
	add(
		IPT_INV_VIA_IN,
		masked(names, masks, IFNAMSIZ, (p) =>
			interfaceName(p.isSentByNode ? "" : p.arrivesOn),
		),
	);
	add(
		IPT_INV_VIA_OUT,
		masked(names + IFNAMSIZ, masks + IFNAMSIZ, IFNAMSIZ, (p) =>
			interfaceName(p.isSentByNode ? undefined : ""),
		),
	);

	const view = new DataView(bytes.buffer, bytes.byteOffset + at, layout.entry);
	const proto = u16(view, layout.proto);
	const flags = bytes[at + layout.flags] ?? 0;
	const asksProto =
		proto !== 0 && (family === AF_INET || (flags & IP6T_F_PROTO) !== 0);
	if (asksProto) add(IPT_INV_PROTO, (p) => (p.proto === proto ? "yes" : "no"));
	// conntrack has put fragments together before the nat table sees them
	if (family === AF_INET)
		add(IPT_INV_FRAG, (flags & IPT_F_FRAG) !== 0 ? () => "no" : undefined);
	if (all.length === 0) return undefined;
	return (p) =>
		all.reduce<MatchAnswer>((answer, one) => both(answer, one(p)), "yes");
}

/** Returns undefined if the mask is empty. A name like `eth+` has its last letter outside of the mask. */
function maskedBy(
	want: Uint8Array,
	mask: Uint8Array,
	of: (p: Packet) => Uint8Array | undefined,
): Matches | undefined {
	if (mask.every((m) => m === 0)) return undefined;
	return (p) => {
		const got = of(p);
		if (got === undefined) return "maybe";
		return mask.every((m, i) => (((got[i] ?? 0) ^ (want[i] ?? 0)) & m) === 0)
			? "yes"
			: "no";
	};
}

function interfaceName(name: string | undefined): Uint8Array | undefined {
	if (name === undefined) return undefined;
	return Uint8Array.from({ length: IFNAMSIZ }, (_, i) =>
		i < name.length ? name.charCodeAt(i) : 0,
	);
}
