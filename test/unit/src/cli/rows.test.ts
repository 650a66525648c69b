// The formats in which an entry is printed.

import { describe, expect, test } from "vitest";
import {
	entryPrinter,
	type Format,
	type Row,
} from "../../../../src/cli/rows.ts";
import { type EntrySpec, entry } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";

/** Returns the entries as they are printed in a format. */
function printed(format: Format, ...specs: readonly EntrySpec[]): string {
	const host = fakeHost();
	const printer = entryPrinter(host, format);
	for (const spec of specs)
		printer.row({
			entry: { ...entry(spec), timeout: 9, mark: 0x1f } as Row["entry"],
			verdict: { kind: "other", why: "no reason" } as Row["verdict"],
		});
	printer.end();
	return host.written(1);
}
const FLOW: EntrySpec = {
	id: 7,
	orig: "192.0.2.7:1 > 203.0.113.1:53",
	reply: "10.88.0.2:5353 > 192.0.2.7:1",
	status: ["DST_NAT"],
};

describe("an entry as", () => {
	test("a row of a table", () =>
		expect(printed("table", FLOW)).toBe(
			"VERDICT  PROTO  FROM         TO              LEADS TO        WHY\n" +
				"other    udp    192.0.2.7:1  203.0.113.1:53  10.88.0.2:5353  no reason\n",
		));

	test.each<[string, EntrySpec["status"]]>([
		["UNREPLIED", ["DST_NAT"]],
		["REPLIED", ["DST_NAT", "SEEN_REPLY"]],
		["ASSURED", ["DST_NAT", "SEEN_REPLY", "ASSURED"]],
	])("a wider row: %s, its seconds, mark and zone", (state, status) =>
		expect(
			printed("wide", { ...FLOW, zone: 3, ...(status && { status }) }),
		).toContain(`  ${state}  9s    0x1f  3     no reason\n`),
	);

	test.each<[string, Partial<EntrySpec>, string]>([
		["none", {}, "0"],
		["both directions", { zone: 9 }, "9"],
		["the original direction", { origZone: 9 }, "orig 9"],
		["the reply direction", { replyZone: 9 }, "reply 9"],
	])("a wider row with the zone of %s", (_, zone, words) => {
		const text = printed("wide", { ...FLOW, ...zone });
		expect(text).toMatch(new RegExp(` 0x1f  ${words} +no reason\n$`));
		const [row] = JSON.parse(printed("json", { ...FLOW, ...zone }));
		expect(
			[row.zoneDirection, row.zone].filter((w) => w !== undefined).join(" "),
		).toBe(words);
	});

	test("a wider row whose source is translated, and one whose source is not", () => {
		const text = printed("wide", FLOW, {
			...FLOW,
			reply: "203.0.113.1:53 > 198.51.100.1:9",
		});
		expect(text).toMatch(/LEADS TO +ANSWERED AT +STATE/);
		expect(text).toMatch(/10\.88\.0\.2:5353 +- +UNREPLIED/);
		expect(text).toMatch(/203\.0\.113\.1:53 +198\.51\.100\.1:9 +UNREPLIED/);
	});

	test("an object a line", () => {
		const lines = printed("jsonl", FLOW, FLOW).trimEnd().split("\n");
		expect(lines.map((line) => JSON.parse(line))).toMatchObject(
			[1, 2].map(() => ({
				verdict: "other",
				why: "no reason",
				family: "ipv4",
				proto: "udp",
				orig: { src: "192.0.2.7", sport: 1, dst: "203.0.113.1", dport: 53 },
				reply: { src: "10.88.0.2", sport: 5353, dst: "192.0.2.7", dport: 1 },
				timeout: 9,
				mark: 0x1f,
				zone: 0,
				id: 7,
			})),
		);
	});

	test.each([0, 1, 101])("%i items of one array", (n) =>
		expect(
			JSON.parse(printed("json", ...Array.from({ length: n }, () => FLOW))),
		).toHaveLength(n),
	);
});
