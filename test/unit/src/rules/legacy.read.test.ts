// The calls that read the nat table of legacy iptables.

import { describe, expect, test } from "vitest";
import type { FullHost } from "../../../../src/host.ts";
import { AF_INET, AF_INET6, type Family } from "../../../../src/net/ip.ts";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { MAX_TABLE, readLegacy } from "../../../../src/rules/legacy.read.ts";
import { u32 } from "../../../support/entries.ts";
import { fakeHost, sysError } from "../../../support/fakehost.ts";
import {
	type Described,
	EVERYTHING,
	linesOf,
	packetOf,
} from "../../../support/legacytable.ts";
import { lines, tableOf, V4, V6 } from "../../../support/unit/legacytables.ts";

describe("the calls", () => {
	const NAMES = "/proc/net/ip_tables_names";
	const files = { [NAMES]: "filter\nnat\n" };

	/** Answers from the recorded table; `meddle` may throw, or change the answer. */
	function answering(
		family: Family = AF_INET,
		meddle: (call: number, value: Uint8Array) => void = () => {},
	): FullHost["getsockopt"] {
		const { info, entries } = tableOf(family);
		let calls = 0;
		return (domain, level, name, value) => {
			expect(domain).toBe(family);
			expect(level).toBe(family === AF_INET ? 0 : 41);
			const asked = new TextDecoder().decode(value.subarray(0, 32));
			expect(asked.replaceAll("\0", "")).toBe("nat");
			if (name === 64) value.set(info);
			else {
				expect(name).toBe(65);
				expect(value.subarray(32, 36)).toEqual(u32(entries.length));
				value.set(entries, 40);
			}
			meddle(++calls, value);
			return value.length;
		};
	}

	test.each([
		["there is no such file", {}],
		["nat is not among the tables", { [NAMES]: "filter\nmynat\n" }],
		["there are no tables", { [NAMES]: "" }],
	])("nothing is asked if %s", (_, files) => {
		const host = fakeHost({ files });
		expect(readLegacy(host, AF_INET, EVERYTHING)).toBeUndefined();
		expect(host.calls.join()).toBe(`readFile ${NAMES}`);
	});

	test("nothing is asked if nobody may read the names", () => {
		const fail = (): string => "EACCES";
		const host = fakeHost({ files, fail });
		expect(readLegacy(host, AF_INET, EVERYTHING)).toBeUndefined();
	});

	test.each<[string, Family, string, Described]>([
		["IPv4", AF_INET, NAMES, V4],
		["IPv6", AF_INET6, "/proc/net/ip6_tables_names", V6],
	])("the table of %s", (_, family, path, d) => {
		const getsockopt = answering(family);
		const host = fakeHost({ files: { [path]: "nat\n" }, getsockopt });
		const rules = readLegacy(host, family, EVERYTHING);
		expect(rules && linesOf(rules, packetOf(d))).toEqual(
			lines(tableOf(family), d),
		);
	});

	test("a table whose size changes meanwhile is read again", () => {
		const getsockopt = answering(AF_INET, (call) => {
			if (call === 2 || call === 4) throw sysError("EAGAIN", "getsockopt");
		});
		const host = fakeHost({ files, getsockopt });
		expect(readLegacy(host, AF_INET, EVERYTHING)?.chains).toHaveLength(2);
		expect(host.calls).toHaveLength(1 + 7);
	});

	test("a table of the same size whose chains move meanwhile is read again", () => {
		const getsockopt = answering(AF_INET, (call, value) => {
			if (call === 1) value.set(u32(0x98), 36 + 4 * 3);
		});
		const host = fakeHost({ files, getsockopt });
		const rules = readLegacy(host, AF_INET, EVERYTHING);
		expect(rules && linesOf(rules, packetOf(V4))).toEqual(
			lines(tableOf(AF_INET), V4),
		);
		expect(host.calls).toHaveLength(1 + 6);
	});

	test.each<[string, (call: number, value: Uint8Array) => void, unknown]>([
		[
			"changes its size all the time",
			(call) => {
				if (call % 2 === 0) throw sysError("EAGAIN", "getsockopt");
			},
			expect.objectContaining({ code: "EAGAIN" }),
		],
		[
			"moves its chains all the time",
			(call, value) => value.set(u32(call), 36 + 4),
			new Error("table nat of legacy iptables changes all the time"),
		],
		[
			"may not be read",
			() => {
				throw sysError("EPERM", "getsockopt");
			},
			expect.objectContaining({ code: "EPERM" }),
		],
		[
			"is too large",
			(_, value) => value.set(u32(MAX_TABLE + 8), 80),
			new Error(`table nat of legacy iptables: ${MAX_TABLE + 8} bytes`),
		],
	])("a table that %s", (_, meddle, want) => {
		const host = fakeHost({ files, getsockopt: answering(AF_INET, meddle) });
		let got: unknown;
		try {
			readLegacy(host, AF_INET, EVERYTHING);
		} catch (e) {
			got = e;
		}
		expect(got).toEqual(want);
	});

	test("an answer of another length is refused", () => {
		const host = fakeHost({ files, getsockopt: () => 83 });
		expect(() => readLegacy(host, AF_INET, EVERYTHING)).toThrow(
			new DecodeError("option 64 of 83 bytes, not 84"),
		);
	});

	test("on Node, which has no such call, the rules cannot be read", () => {
		const host = fakeHost({ files });
		expect(() => readLegacy(host, AF_INET, EVERYTHING)).toThrow("ENOSYS");
	});
});
