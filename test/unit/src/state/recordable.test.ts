// What a record holds of a pod with very many ports.

import { describe, expect, test } from "vitest";
import type { Fields } from "../../../../src/log.ts";
import type { Attachment, PortRow } from "../../../../src/policy/mapping.ts";
import { recordable } from "../../../../src/state/recordable.ts";
import { findRecord, writeRecord } from "../../../../src/state/store.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { POD, RECORDS } from "../../../support/unit/flushes.ts";

const V4 = mapping("IPv4", "udp");
const V6 = mapping("IPv6", "tcp", "H");
/** Every other port. */
const scattered = (n: number): PortRow[] =>
	Array.from({ length: n }, (_, i) => ({
		...(i % 2 === 0 ? V4 : V6),
		hostPort: i + 1,
		containerPort: 1 + ((i * 7) % 65_535),
	}));

function kept(a: Attachment) {
	const logged: [string, string, Fields][] = [];
	const found = recordable((...line) => logged.push(line), a);
	const host = fakeHost();
	writeRecord(host, RECORDS, found);
	return { found, logged, read: findRecord(host, RECORDS, a) };
}

describe("recordable", () => {
	test("keeps as many ports as a record holds, whatever their addresses", () => {
		const a = { ...POD, mappings: scattered(32_768) };
		const { found, logged, read } = kept(a);
		expect(found).toBe(a);
		expect(logged).toEqual([]);
		expect(read?.mappings).toHaveLength(32_768);
	});

	test("puts the pod's addresses in the place of more, and says so", () => {
		const { logged, read } = kept({ ...POD, mappings: scattered(32_769) });
		expect(read).toMatchObject({
			mappings: [],
			vague: true,
			podTargets: [V4, V6].map(({ family, proto, podIP }) => ({
				family,
				proto,
				podIP,
			})),
		});
		expect(logged).toEqual([
			[
				"warn",
				"too many ports for a record, which now has the addresses alone",
				{ ports: 32_769, rows: 32_769, rowsAtMost: 32_768 },
			],
		]);
	});
});
