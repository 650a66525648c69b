// The entries of other protocols in a scan.

import { describe, expect, test } from "vitest";
import { lookAtOthers } from "../../../../src/conntrack/others.ts";
import { PortSet } from "../../../../src/conntrack/skip.ts";
import { isMapped } from "../../../../src/net/otherprotos.ts";
import {
	datagram,
	doneMessage,
	entryMessage,
} from "../../../support/entries.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";
import { scanDatagram } from "../../../support/unit/tables.ts";

describe("a listing of other protocols", () => {
	// the recorded entries among them are of ICMP, ICMPv6, UDP-Lite and GRE
	const recorded = readRecorded().map(({ message: m }) => m);
	const made = [33, 47, 50, 51, 99].flatMap((proto) =>
		[
			"192.0.2.7:6000 > 203.0.113.1:8125",
			"[fd07::7]:6000 > [fd03::1]:8125",
			"192.0.2.7:0 > 203.0.113.1:0",
		].flatMap((orig) =>
			[{}, { zone: 7 }, { origZone: 7 }].map((zone) =>
				entryMessage({ proto, orig, ...zone }, 1),
			),
		),
	);
	const messages = [...recorded, ...made];
	const count = async (
		shown: readonly number[] | "all",
		port?: number | null,
	) => {
		const ports = new PortSet();
		lookAtOthers(ports, shown);
		if (port !== undefined) ports.add(17, port);
		const bytes = datagram(...messages, doneMessage(1));
		const { hits, entries } = await scanDatagram(bytes, 1, ports);
		const protos = hits.map((text) => Number(text.split(" ")[1]));
		return {
			entries,
			udp: protos.filter(isMapped).length,
			other: protos.filter((proto) => !isMapped(proto)).length,
		};
	};
	const entries = messages.length;
	const other = made.length + 4;

	test("shows all of them", async () =>
		expect(await count("all")).toEqual({ entries, udp: 0, other }));

	test("shows one of them", async () =>
		expect(await count([50])).toEqual({
			entries,
			udp: 0,
			other: 9,
		}));

	test("beside the entries of a port, or of every port", async () => {
		const [one, all] = [await count([], 8125), await count("all", null)];
		expect(one.other).toBe(0);
		expect(one.udp).toBeGreaterThan(5);
		expect(all.udp).toBeGreaterThanOrEqual(one.udp);
		expect(all.other).toBe(other);
	});
});
