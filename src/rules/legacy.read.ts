// Reads the nat table of legacy iptables with getsockopt. Only a table that is there is
// asked for, because the question would load it. legacy.ts decodes it.

import { type FullHost, type Host, isSysError } from "../host.ts";
import type { Family } from "../net/ip.ts";
import { DecodeError } from "../netlink/nl.ts";
import { u32 } from "./blob.ts";
import { LAYOUTS, type Layout } from "./ipheader.ts";
import {
	decodeLegacy,
	digestOf,
	type LegacyRules,
	type LegacyTable,
} from "./legacy.ts";
import type { Interest } from "./model.ts";

/** A larger table is not read: it would have to be held as a whole. */
export const MAX_TABLE = 8 << 20;
/** So often a table is read that changes meanwhile. */
const TRIES = 5;

// linux/netfilter_ipv4/ip_tables.h; the numbers for IPv6 are the same
const IPT_SO_GET_INFO = 64;
const IPT_SO_GET_ENTRIES = 65;
// struct ipt_getinfo and struct ipt_get_entries, by bytes
const SIZE = 80;
const INFO_SIZE = 84;
/** The bytes before the entries in struct ipt_get_entries, whose counters are aligned to 8. */
const ENTRIES_AT = 40;

/**
 * Reads the rules for new flows. Returns undefined if the kernel has no legacy table nat
 * of this family, or if nobody may know. Rules that only packets of no interest match
 * are left out. Throws SysError, DecodeError, and Error if the table is too large.
 */
export function readLegacy(
	host: Host,
	family: Family,
	interest: Interest,
): LegacyRules | undefined {
	const table = readLegacyTable(host, family);
	return table && decodeLegacy(table, family, interest);
}

/** Returns the digest of the rules as they are now, or undefined if there is no such table. Throws as `readLegacy`. */
export function readDigest(host: Host, family: Family): number | undefined {
	const table = readLegacyTable(host, family);
	return table && digestOf(table.entries, LAYOUTS[family]);
}

/** Reads the table as the kernel gives it, or returns undefined if there is none. Throws as `readLegacy`. */
export function readLegacyTable(
	host: Host,
	family: Family,
): LegacyTable | undefined {
	// asked first, because the call would load the table
	return hasTable(host, LAYOUTS[family])
		? tableOf(host.full(), family)
		: undefined;
}

function hasTable(host: Host, { names }: Layout): boolean {
	try {
		return host.readFile(names).split("\n").includes("nat");
	} catch (e) {
		if (isSysError(e)) return false;
		throw e;
	}
}

/** Reads the table again if it has changed between the calls. */
function tableOf(host: FullHost, family: Family): LegacyTable {
	for (let tries = 1; ; tries++) {
		const info = ask(host, family, IPT_SO_GET_INFO, INFO_SIZE);
		const size = u32(info, SIZE);
		if (size > MAX_TABLE)
			throw new Error(`table nat of legacy iptables: ${size} bytes`);
		try {
			const length = ENTRIES_AT + size;
			const answer = ask(host, family, IPT_SO_GET_ENTRIES, length, size);
			const entries = new Uint8Array(answer.buffer, ENTRIES_AT);
			const again = ask(host, family, IPT_SO_GET_INFO, INFO_SIZE);
			if (isSame(info, again)) return { info, entries };
			if (tries === TRIES)
				throw new Error("table nat of legacy iptables changes all the time");
		} catch (e) {
			// get_entries: the size is no longer what it was
			if (tries === TRIES || !isSysError(e) || e.code !== "EAGAIN") throw e;
		}
	}
}

/** Asks for an option that begins with the table's name in 32 bytes and, if given, a size. */
function ask(
	host: FullHost,
	family: Family,
	option: number,
	length: number,
	size?: number,
): DataView {
	const value = new Uint8Array(length);
	for (let i = 0; i < 3; i++) value[i] = "nat".charCodeAt(i);
	if (size !== undefined) new Uint32Array(value.buffer, 32, 1)[0] = size;
	const got = host.getsockopt(family, LAYOUTS[family].level, option, value);
	if (got !== length)
		throw new DecodeError(`option ${option} of ${got} bytes, not ${length}`);
	return new DataView(value.buffer);
}

function isSame(a: DataView, b: DataView): boolean {
	for (let at = 0; at < a.byteLength; at += 4)
		if (a.getUint32(at) !== b.getUint32(at)) return false;
	return true;
}
