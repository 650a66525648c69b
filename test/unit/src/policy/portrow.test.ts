// Ports in rows: what is joined, and that a look-up sees the same mappings as before.

import { describe, expect, test } from "vitest";
import {
	byPort,
	isSingle,
	type Mapping,
	type PortRow,
} from "../../../../src/policy/mapping.ts";
import {
	FEW,
	inRows,
	joining,
	portsIn,
	singlesOf,
} from "../../../../src/policy/portrow.ts";
import { random } from "../../../support/random.ts";
import { mapping } from "../../../support/unit/flows.ts";

const M = mapping("IPv4", "udp");
const at = (hostPort: number, containerPort = hostPort): Mapping => ({
	...M,
	hostPort,
	containerPort,
});
const row = (hostPort: number, count: number, containerPort = hostPort) => ({
	...at(hostPort, containerPort),
	count,
});
const range = (from: number, n: number): Mapping[] =>
	Array.from({ length: n }, (_, i) => at(from + i));

function joined(mappings: readonly PortRow[]): PortRow[] {
	const rows: PortRow[] = [];
	mappings.forEach(joining(rows));
	return rows;
}

describe("joining", () => {
	test.each<[string, PortRow[], PortRow[]]>([
		["one port stays one", [at(1)], [at(1)]],
		["two in a row are one row", [at(1), at(2)], [row(1, 2)]],
		["the same port twice is one", [at(1), at(1)], [at(1)]],
		["a row goes on with a row", [row(1, 3), row(4, 2)], [row(1, 5)]],
		["a row in a row is in it", [row(1, 9), row(3, 2)], [row(1, 9)]],
		["rows that overlap are one", [row(1, 5), row(3, 9)], [row(1, 11)]],
		["a gap ends a row", [at(1), at(3)], [at(1), at(3)]],
		["a lower port begins a row", [at(5), at(4)], [at(5), at(4)]],
		[
			"another containerPort begins a row",
			[at(1, 81), at(2, 83)],
			[at(1, 81), at(2, 83)],
		],
		[
			"the ports of the pod may be others than those of the node",
			[at(1, 81), at(2, 82)],
			[row(1, 2, 81)],
		],
		[
			"the same hostPort to another containerPort is kept",
			[at(1, 81), at(1, 82)],
			[at(1, 81), at(1, 82)],
		],
		[
			"each protocol has its row, though the runtime takes turns",
			[at(1), { ...at(1), proto: 6 }, at(2), { ...at(2), proto: 6 }],
			[row(1, 2), { ...row(1, 2), proto: 6 }],
		],
		[
			"each pod has its row",
			[at(1), { ...at(1), podIP: "10.0.0.9" }, at(2)],
			[row(1, 2), { ...at(1), podIP: "10.0.0.9" }],
		],
		[
			"each hostIP has its row",
			[at(1), { ...at(2), hostIP: "192.0.2.1" }],
			[at(1), { ...at(2), hostIP: "192.0.2.1" }],
		],
	])("%s", (_, mappings, want) => expect(joined(mappings)).toEqual(want));
});

describe("inRows", () => {
	test("leaves a few as they are", () => {
		const few = range(1, FEW);
		expect(inRows(few)).toBe(few);
	});

	test("makes one row of many, in whatever order they come", () => {
		expect(inRows(range(1, FEW + 1).reverse())).toEqual([row(1, FEW + 1)]);
	});

	test("all ports of a node are one row", () =>
		expect(inRows(range(1, 65_535))).toEqual([row(1, 65_535)]));

	test("a look-up finds the same mappings in rows as one by one", () => {
		const { below } = random(16);
		const textsOf = (found: readonly Mapping[]): string[] =>
			[...new Set(found.map((m) => `${m.hostPort} ${m.containerPort}`))].sort();
		for (let round = 0; round < 50; round++) {
			const mappings = Array.from({ length: FEW + 1 + below(40) }, () => {
				const port = 100 + below(60);
				return at(port, port + below(2));
			});
			const rows = inRows(mappings);
			expect(rows.length).toBeLessThan(mappings.length);
			for (let port = 99; port < 161; port++) {
				const found = byPort(rows)(M.proto, port);
				expect(found.every(isSingle)).toBe(true);
				expect(textsOf(found)).toEqual(
					textsOf(byPort(mappings)(M.proto, port)),
				);
			}
		}
	});
});

test("rows as single ports are the ports that were joined", () => {
	const rows = [at(7), row(65_530, 6, 100)];
	expect(singlesOf(rows)).toEqual([
		at(7),
		...range(65_530, 6).map((m, i) => ({ ...m, containerPort: 100 + i })),
	]);
	expect(portsIn(rows)).toBe(7);
	expect(portsIn([])).toBe(0);
});
