// The shares of the whole table, estimated from a part of a dump.

import { expect, test } from "vitest";
import { Sample } from "../../../../src/conntrack/sample.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	doneMessage,
	type EntrySpec,
	entryMessage,
} from "../../../support/entries.ts";

const V4 = { orig: "192.0.2.7:1 > 203.0.113.1:53" };
const V6 = { orig: "[fd07::7]:1 > [fd03::1]:53" };

function sample(...specs: EntrySpec[]): Sample {
	const found = new Sample();
	for (const bytes of [
		...specs.map((s) => entryMessage(s, 1)),
		doneMessage(1),
	]) {
		const b = new RecvBuffer((bytes.length + 3) & ~3);
		b.bytes.set(bytes);
		found.add(b, messageAt(b, 0, bytes.length));
	}
	return found;
}
const times = (n: number, spec: EntrySpec): EntrySpec[] =>
	new Array<EntrySpec>(n).fill(spec);

test("families and protocols apart, ICMP and zones too", () => {
	const found = sample(
		...times(400, { ...V4, proto: "udp" }),
		...times(100, { ...V4, proto: "tcp" }),
		...times(225, { ...V6, proto: "udp", zone: 7 }),
		...times(275, { ...V4, proto: "icmp" }),
	);
	// two standard deviations less than the share that was seen
	expect(found.share(AF_INET, 17)).toBe(0.36);
	expect(found.share(AF_INET, 6)).toBe(0.08);
	expect(found.share(AF_INET6, 17)).toBe(0.195);
	expect(found.share(AF_INET6, 6)).toBe(0);
	expect(found.share(AF_INET, 132)).toBe(0);
});

test("what was hardly seen has no share, and an empty sample none of anything", () => {
	expect(sample(...times(3, V4), ...times(90, V6)).share(AF_INET, 17)).toBe(0);
	expect(sample().share(AF_INET, 17)).toBe(0);
});
