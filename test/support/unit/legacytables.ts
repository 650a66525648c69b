// The recorded nat tables of legacy iptables, and packets that meet their rules.

import { AF_INET, type Family } from "../../../src/net/ip.ts";
import { decodeLegacy } from "../../../src/rules/legacy.ts";
import {
	type Described,
	EVERYTHING,
	interestIn,
	linesOf,
	packetOf,
} from "../legacytable.ts";
import { viewOf } from "./blobs.ts";
import { readRecorded } from "./fixtures.ts";

const recorded = new Map(
	readRecorded("legacy.hex").map((r) => [r.name, r.message]),
);
export interface Bytes {
	readonly info: Uint8Array;
	readonly entries: Uint8Array;
}
/** A copy, which a test may spoil. */
export const tableOf = (family: Family): Bytes => {
	const part = (name: string): Uint8Array => {
		const bytes = recorded.get(`${name}${family === AF_INET ? 4 : 6}`);
		if (!bytes) throw new Error(`not recorded: ${name}`);
		return bytes.slice();
	};
	return { info: part("info"), entries: part("entries") };
};

const LOCALS = ["203.0.113.1", "fd03::1"];
export const V4 = {
	src: "192.0.2.7",
	dst: "203.0.113.1",
	dport: 8125,
	locals: LOCALS,
};
export const V6 = {
	src: "fd07::7",
	dst: "fd03::1",
	dport: 8080,
	locals: LOCALS,
};

export function lines({ info, entries }: Bytes, d: Described): string[] {
	const p = packetOf(d);
	const interest = d.isScreened ? interestIn(p) : EVERYTHING;
	const table = { info: viewOf(info), entries };
	return linesOf(decodeLegacy(table, p.family, interest), p);
}
