// Rules as nft and iptables-nft write them, and bytes that no kernel sends.

import { describe, expect, test } from "vitest";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import { type DNATRule, dnatOf, readDNAT } from "../../../../src/rules/dnat.ts";
import {
	attr,
	be32,
	concat,
	message,
	nest,
	nfgenmsg,
	u32,
} from "../../../support/entries.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";
import { chainOf } from "../../../support/unit/nftables.ts";

/** Reads a rule of the chain, or of the chain that the message names. */
function read(bytes: Uint8Array, chain = chainOf(bytes)): DNATRule | undefined {
	const b = new RecvBuffer(8192);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	const rule = readDNAT(b, messageAt(b, 0, bytes.length), chain);
	return rule && dnatOf(...rule);
}

const V4 = { backend: "nft", family: 2, element: undefined } as const;
const V6 = { ...V4, family: 10 } as const;
const INET = { ...V4, family: 1 } as const;
const IPTABLES = { table: "nat", chain: "CNI-DN-1" };
const NFT = { table: "t", chain: "c" };

describe("recorded rules", () => {
	const recorded = new Map(
		readRecorded("rules.hex").map((r) => [r.name, r.message]),
	);
	const rows: [string, Omit<DNATRule, "handle"> | undefined][] = [
		[
			"iptables-dnat",
			{ ...V4, ...IPTABLES, dport: 8125, ip: "10.88.0.2", port: 5353 },
		],
		[
			"iptables-dnat-address",
			{
				...V4,
				...IPTABLES,
				dport: undefined,
				ip: "10.88.0.2",
				port: undefined,
			},
		],
		[
			"ip6tables-dnat",
			{ ...V6, ...IPTABLES, dport: 8080, ip: "fd88::2", port: 80 },
		],
		[
			"ip6tables-dnat-short",
			{ ...V6, ...IPTABLES, dport: 8080, ip: "fd88::", port: 80 },
		],
		["iptables-redirect", undefined],
		["iptables-snat", undefined],
		["iptables-jump", undefined],
		["nft-dnat", { ...V4, ...NFT, dport: 8125, ip: "10.88.0.2", port: 5353 }],
		["nft-dnat-6", { ...V6, ...NFT, dport: 8080, ip: "fd88::2", port: 80 }],
		[
			"nft-dnat-inet",
			{
				...INET,
				...NFT,
				dport: 8125,
				ip: "10.88.0.2",
				port: undefined,
			},
		],
		[
			"nft-dnat-not-port",
			{ ...V4, ...NFT, dport: undefined, ip: "10.88.0.2", port: 5353 },
		],
		[
			"nft-dnat-source-port",
			{ ...V4, ...NFT, dport: undefined, ip: "10.88.0.2", port: 5353 },
		],
		["nft-dnat-map", undefined],
		["nft-snat", undefined],
		["nft-accept", undefined],
	];
	test.each(rows)("%s", (name, want) => {
		const bytes = recorded.get(name);
		if (!bytes) expect.fail("not recorded");
		const found = read(bytes);
		if (want === undefined) expect(found).toBeUndefined();
		else {
			expect(found).toEqual({ ...want, handle: found?.handle });
			expect(found?.handle).toBeGreaterThan(0);
		}
	});

	test("there is a row for each", () =>
		expect(rows.map(([name]) => name)).toEqual([...recorded.keys()]));

	test("cut anywhere, they are refused or read, and nothing else happens", () => {
		for (const bytes of recorded.values()) {
			const chain = chainOf(bytes);
			for (let length = 16; length < bytes.length; length++) {
				const cut = bytes.slice(0, length);
				new DataView(cut.buffer).setUint32(0, length, true);
				try {
					read(cut, chain);
				} catch (e) {
					expect(e).toBeInstanceOf(DecodeError);
				}
			}
		}
	});
});

describe("constructed rules", () => {
	const name = (text: string): Uint8Array =>
		Uint8Array.from([...`${text}\0`].map((c) => c.charCodeAt(0)));
	const rule = (family: number, ...expressions: Uint8Array[]): Uint8Array =>
		message(
			{ type: 0x0a06 },
			nfgenmsg(family),
			attr(1, name("nat")),
			attr(2, name("CNI-DN-1")),
			attr(3, be32(0), be32(7)),
			nest(4, ...expressions),
		);
	const target = (revision: number, info: Uint8Array, what = "DNAT") =>
		nest(
			1,
			attr(1, name("target")),
			nest(2, attr(1, name(what)), attr(2, be32(revision)), attr(3, info)),
		);
	const v4 = Uint8Array.of(10, 88, 0, 2);
	const ports = Uint8Array.of(0x14, 0xe9, 0x14, 0xe9);
	// nf_nat_ipv4_multi_range_compat
	const compat = (flags: number) => concat(u32(1), u32(flags), v4, v4, ports);
	const long = concat(v4, new Uint8Array(12));
	const range = (flags: number) => concat(u32(flags), long, long, ports);

	test.each<[string, Uint8Array, Partial<DNATRule> | undefined]>([
		[
			"revision 0, of old iptables",
			rule(2, target(0, compat(3))),
			{ ip: "10.88.0.2", port: 5353, handle: 7 },
		],
		[
			"revision 0 without ports",
			rule(2, target(0, compat(1))),
			{ ip: "10.88.0.2", port: undefined },
		],
		[
			"revision 0 of IPv6, which there is not",
			rule(10, target(0, compat(3))),
			undefined,
		],
		[
			"revision 1",
			rule(2, target(1, range(3))),
			{ ip: "10.88.0.2", port: 5353 },
		],
		["ports alone: the address stays", rule(2, target(2, range(2))), undefined],
		["another target", rule(2, target(2, range(3), "SNAT")), undefined],
		["another family: bridge", rule(7, target(2, range(3))), undefined],
		["no expressions", rule(2), undefined],
		[
			"nat from a register that nothing was loaded into",
			rule(
				2,
				nest(
					1,
					attr(1, name("nat")),
					nest(2, attr(1, be32(1)), attr(3, be32(1))),
				),
			),
			undefined,
		],
	])("%s", (_, bytes, want) => {
		const found = read(bytes, {
			...chainOf(bytes),
			family: bytes[16] === 10 ? 10 : 2,
		});
		if (want === undefined) expect(found).toBeUndefined();
		else expect(found).toMatchObject(want);
	});

	test("a range that is cut is refused", () =>
		expect(() => read(rule(2, target(2, range(3).slice(0, 30))))).toThrow(
			DecodeError,
		));

	test("without its header, a rule is refused", () =>
		expect(() =>
			read(message({ type: 0x0a06 }), { ...V4, table: "t", chain: "c" }),
		).toThrow(DecodeError));
});
