// A scan must find what a plain decoder finds, in whatever a datagram holds. See
// test/support/unit/plaindecoder.ts.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { PortSet, skipOthers } from "../../../../src/conntrack/skip.ts";
import { RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	datagram,
	doneMessage,
	entryAttrs,
	entryMessage,
	errorMessage,
	message,
	nfgenmsg,
	toHex,
	u8,
	u32,
} from "../../../support/entries.ts";
import { type Random, random } from "../../../support/random.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";
import { LENGTHS } from "../../../support/unit/lengths.child.ts";
import { plain } from "../../../support/unit/plaindecoder.ts";
import {
	PORTS,
	randomEntry,
	randomSpec,
} from "../../../support/unit/randomentries.ts";
import { scanDatagram } from "../../../support/unit/tables.ts";

/** A message that may stand in a datagram besides our entries. */
function otherOf(r: Random, seq: number): Uint8Array {
	return r.pick([
		() => entryMessage(randomSpec(r), seq + 1),
		() => message({ type: 0x0105, seq }, u32(0)),
		() => message({ type: 0x0102, seq }, nfgenmsg(2)),
		() => message({ type: 1, seq }, u8(1)),
		() => message({ type: 0x0100, seq }, u8(2)),
		() => message({ type: 0x0100, seq }),
	])();
}

function endOf(r: Random, seq: number): Uint8Array[] {
	const more = entryMessage(randomSpec(r), seq);
	return r.pick<() => Uint8Array[]>([
		() => [],
		() => [],
		() => [doneMessage(seq)],
		() => [doneMessage(seq), more],
		() => [errorMessage(22, seq), more],
		// at least a word is missing: less counts as the padding of an entry that is passed
		() => [more.subarray(0, r.below(more.length - 3))],
		() => [message({ type: 0x0100, seq }, u8(1))],
	])();
}

async function compare(
	seed: number,
	rounds: number,
	wild: boolean,
): Promise<number> {
	const r = random(seed);
	let hits = 0;
	for (let n = 0; n < rounds; n++) {
		const seq = 1 + r.below(3);
		const wanted = Array.from({ length: 1 + r.below(3) }, () => ({
			proto: r.pick([6, 17, 132] as const),
			port: r.pick(PORTS),
			// the loop trusts the kernel's layout of the reply tuple, see skipOthers
			...(!wild && r.chance(0.5) && { side: "reply" as const }),
		}));
		const ports = new PortSet();
		for (const { proto, port, side } of wanted) ports.add(proto, port, side);
		const messages = Array.from({ length: r.below(12) }, () =>
			wild && r.chance(0.2) ? otherOf(r, seq) : randomEntry(r, seq, wild),
		);
		const bytes = datagram(...messages, ...(wild ? endOf(r, seq) : []));
		const { unclear: _, ...want } = plain(bytes, seq, wanted);
		const found = await scanDatagram(bytes, seq, ports);
		// entries of other dumps are passed, and may be counted
		if (wild) found.entries = want.entries;
		if (JSON.stringify(found) !== JSON.stringify(want))
			expect.fail(
				`seed ${seed}, round ${n}: ${toHex(bytes)}\n${JSON.stringify({ wanted, want, found })}`,
			);
		hits += want.hits.length;
	}
	return hits;
}

describe("a scan finds what a plain decoder finds", () => {
	test("in recorded entries, for the ports that are there and for their neighbours", async () => {
		const messages = readRecorded().map((recorded) => recorded.message);
		const bytes = datagram(...messages, doneMessage(1));
		let hits = 0;
		for (const port of [0, 22, 53, 6000, 8125, 5353, 8124, 8126, 0xbd1f])
			for (const proto of [6, 17, 132] as const) {
				const ports = new PortSet();
				ports.add(proto, port);
				const { unclear: _, ...want } = plain(bytes, 1, [{ proto, port }]);
				expect(await scanDatagram(bytes, 1, ports)).toEqual(want);
				expect(want.entries).toBe(messages.length);
				hits += want.hits.length;
			}
		// all but the five of other protocols
		expect(hits).toBe(messages.length - 4);
	});

	test("in datagrams as the kernel lays them out", async () => {
		expect(await compare(4, 300, false)).toBeGreaterThan(40);
	});

	test("whatever order, unknown attributes, cuts, other messages and ends there are", async () => {
		expect(await compare(5, 1200, true)).toBeGreaterThan(80);
	});

	test("where the reply tuple comes before the original", async () => {
		const spec = {
			orig: "192.0.2.7:6000 > 203.0.113.1:8125",
			reply: "10.88.0.2:5353 > 192.0.2.7:6000",
		};
		const [orig, reply, ...rest] = entryAttrs(spec);
		const head = { type: 0x0100, flags: 2, seq: 1 };
		const attrs = [reply ?? u32(0), orig ?? u32(0), ...rest];
		const bytes = message(head, nfgenmsg(2), ...attrs);
		for (const port of [8125, 6000]) {
			const ports = new PortSet();
			ports.add(17, port);
			const { unclear: _, ...want } = plain(bytes, 1, [{ proto: 17, port }]);
			expect(await scanDatagram(bytes, 1, ports)).toEqual(want);
		}
	});

	test("with all ports of a protocol", async () => {
		const ports = new PortSet();
		ports.add(17, null);
		const bytes = datagram(...readRecorded().map(({ message: m }) => m));
		const udp = ["udp4", "udp6"].map((prefix) =>
			readRecorded().filter(({ name }) => name.startsWith(`${prefix}-`)),
		);
		const { hits } = await scanDatagram(bytes, 1, ports);
		expect(hits).toHaveLength(udp.flat().length);
	});
});

describe("all ports of some protocols, and one of others", () => {
	type Added = readonly [proto: 6 | 17 | 132, port: number | null];
	const ALL: readonly Added[] = [
		[17, null],
		[6, null],
	];
	const ONE: Added = [132, 8125];
	test.each<{ name: string; added: readonly Added[] }>([
		{ name: "the one first", added: [ONE, ...ALL] },
		{ name: "the one last", added: [...ALL, ONE] },
		{ name: "the one between", added: [[17, null], ONE, [6, null]] },
		{ name: "twice", added: [...ALL, ...ALL, ONE, ...ALL] },
	])("are the same in any order: $name", ({ added }) => {
		const ports = new PortSet();
		for (const [proto, port] of added) ports.add(proto, port);
		for (const port of [0, 53, 8124, 8125, 8126, 65535]) {
			expect(ports.has(17, port)).toBe(true);
			expect(ports.has(6, port)).toBe(true);
			expect(ports.has(132, port)).toBe(port === 8125);
			expect(ports.hasReply(17, port)).toBe(false);
		}
	});
});

test("finds what replies come to, in recorded entries of every layout", async () => {
	const messages = readRecorded().map((recorded) => recorded.message);
	const bytes = datagram(...messages, doneMessage(1));
	let hits = 0;
	for (const port of [0, 22, 53, 6000, 8125, 5353, 7, 1])
		for (const proto of [6, 17, 132] as const) {
			const ports = new PortSet();
			ports.add(proto, port, "reply");
			const wanted = [{ proto, port, side: "reply" }] as const;
			const { unclear: _, ...want } = plain(bytes, 1, wanted);
			expect(await scanDatagram(bytes, 1, ports)).toEqual(want);
			hits += want.hits.length;
		}
	expect(hits).toBeGreaterThan(10);
});

test("entries without a wanted port cost no decoding: the quick loop passes them", () => {
	const ports = new PortSet();
	ports.add(17, 9999);
	ports.add(17, 9999, "reply");
	for (const { name, message: bytes } of readRecorded()) {
		const b = new RecvBuffer(4096);
		b.bytes.set(bytes);
		const count = { entries: 0, kept: 0 };
		const end = skipOthers(b, 0, bytes.length, ports, count);
		expect(end, name).toBeGreaterThanOrEqual(bytes.length);
		expect(count.entries).toBe(1);
	}
});

// the scans run in a process of their own, because a loop that does not end cannot be stopped
describe("an entry that claims a wrong length", () => {
	const child = fileURLToPath(
		new URL("../../../support/unit/lengths.child.ts", import.meta.url),
	);
	const argv = ["--import", import.meta.resolve("tsx"), child];
	const { stdout, stderr } = spawnSync(process.execPath, argv, {
		timeout: 5000,
		encoding: "utf8",
	});
	const ended: Record<string, string> = Object.fromEntries(
		stdout.split("\n").map((line) => line.split(" ")),
	);
	test.each(LENGTHS)("of %i bytes ends the scan without a hit", (size) => {
		expect(`${size} ${ended[size]}`, stderr).toBe(`${size} malformed`);
	});
});
