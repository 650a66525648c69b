// `stats`: what it prints, as a table, as JSON and for Prometheus.

import { describe, expect, test } from "vitest";
import { COUNTERS, type Counter } from "../../../../src/conntrack/counters.ts";
import {
	attr,
	be32,
	doneMessage,
	message,
	nfgenmsg,
} from "../../../support/entries.ts";
import type { Request } from "../../../support/fakekernel.ts";
import { type CallOptions, call } from "../../../support/unit/calls.ts";

const TYPES = [1, 2, 4, 8, 9, 10, 11, 12, 13, 14, 15];

type Values = Partial<Record<Counter, number>>;

/** Returns a kernel with these counters, one CPU a row. Other counters are 0, and those in `lacking` are not sent. */
function kernel(
	cpus: readonly Values[],
	fill: readonly number[] = [3, 1000],
	lacking: readonly Counter[] = [],
): NonNullable<CallOptions["kernel"]> {
	const cpu = (seq: number, values: Values, n: number) =>
		message(
			{ type: 0x0104, flags: 2, seq },
			Uint8Array.of(0, 0, 0, n),
			...COUNTERS.filter(
				(name) => ![...lacking, "searched"].includes(name),
			).map((name) =>
				attr(TYPES[COUNTERS.indexOf(name)] ?? 0, be32(values[name] ?? 0)),
			),
		);
	return {
		answer: ({ type, seq }: Request) =>
			type === 0x0105
				? [
						message(
							{ type, seq },
							nfgenmsg(0),
							...fill.map((n, i) => attr(i + 1, be32(n))),
						),
					]
				: [...cpus.map((c, n) => cpu(seq, c, n)), doneMessage(seq)],
	};
}

const stats = (from: NonNullable<CallOptions["kernel"]>, ...flags: string[]) =>
	call("", {
		env: { CNI_COMMAND: undefined },
		kernel: from,
		host: { argv: ["stats", ...flags] },
	});

describe("as a table", () => {
	test("quiet counters need no explanation", async () => {
		const { out, code, err } = await stats(
			kernel([{ insert: 7 }, { insert: 5 }]),
		);
		expect([code, err]).toEqual([0, ""]);
		expect(out).toBe(`entries  3 of 1000 (0.3 %)

found            0
invalid          0
insert          12
insert_failed    0
drop             0
early_drop       0
error            0
search_restart   0
clash_resolve    0
chain_toolong    0
`);
	});

	test("a counter that the kernel lacks is not shown as 0", async () => {
		const { out } = await stats(
			kernel([{}], [3, 1000], ["clash_resolve", "chain_toolong"]),
		);
		expect(out).toMatch(/^search_restart +0\n$/m);
		expect(out).not.toContain("clash_resolve");
	});

	test.each<[Counter, RegExp]>([
		["insert_failed", /source port.*at random/],
		["drop", /nf_conntrack_max/],
		["early_drop", /nf_conntrack_max/],
		["error", /checksum/],
		["clash_resolve", /over 1 s.*oneCPUPerFlow/],
		["chain_toolong", /nf_conntrack_buckets/],
	])("%s is explained with what to do", async (name, advice) => {
		const { out } = await stats(kernel([{ [name]: 1 }]));
		const explained = out
			.slice(out.indexOf(`\n${name}: `))
			.replaceAll("\n", " ");
		expect(out).toContain(`\n${name}: `);
		expect(explained).toMatch(advice);
	});

	test.each([
		[799, false],
		[800, true],
	])("%i of 1000 entries: said to be nearly full: %s", async (entries, is) => {
		const { out } = await stats(kernel([{}], [entries, 1000]));
		expect(out.includes("nearly full")).toBe(is);
	});

	test("without a limit there is no share of it", async () => {
		const { out } = await stats(kernel([{}], [5]));
		expect(out).toMatch(/^entries {2}5\n/);
		expect(out).not.toContain("nearly full");
	});

	test("a row for each CPU, and their sum", async () => {
		const { out } = await stats(
			kernel([{ drop: 1 }, { drop: 1234567 }]),
			"--per-cpu",
		);
		const rows = out.split("\n").slice(2, 6);
		const at = (rows[0] ?? "").indexOf("drop") + "drop".length;
		expect(rows.map((r) => r.slice(0, at).trim().split(/\s+/).at(-1))).toEqual([
			"drop",
			"1",
			"1234567",
			"1234568",
		]);
		expect(rows.map((r) => r.trim().split(/\s+/)[0])).toEqual([
			"cpu",
			"0",
			"1",
			"all",
		]);
	});
});

test.each([
	[80, 2],
	[120, 1],
])(
	"a terminal of %i columns holds a row of --watch and its heading of %i lines",
	async (columns, lines) => {
		let polled = 0;
		const { out } = await call("", {
			env: { CNI_COMMAND: undefined },
			kernel: kernel([{ insert: 1 }], [262_144, 262_144]),
			host: {
				argv: ["stats", "--watch"],
				columns,
				signal: () => (polled++ < 4 ? undefined : "SIGTERM"),
			},
		});
		const rows = out.trimEnd().split("\n");
		expect(rows.slice(0, lines).join(" ")).toMatch(/insert_.*failed/);
		expect(rows.slice(lines).every((r) => /^ *262144( +0){10}$/.test(r))).toBe(
			true,
		);
		expect(rows.length).toBe(lines + 2);
		expect(new Set(rows.map((r) => r.length)).size).toBe(1);
		expect(rows[0]?.length).toBeLessThanOrEqual(columns);
	},
);

test("as JSON", async () => {
	const { out } = await stats(kernel([{ drop: 2 }, { drop: 3 }]), "-o", "json");
	const shown = JSON.parse(out);
	expect(shown).toMatchObject({ entries: 3, max: 1000, counters: { drop: 5 } });
	expect(shown.cpus).toBeUndefined();
});

test.each([
	["together", [], "conntrack_drop_total 5\n"],
	[
		"each",
		["--per-cpu"],
		'conntrack_drop_total{cpu="0"} 2\nconntrack_drop_total{cpu="1"} 3\n',
	],
])("for Prometheus, the CPUs %s", async (_, flags, lines) => {
	const { out } = await stats(
		kernel([{ drop: 2 }, { drop: 3 }]),
		"-o",
		"prometheus",
		...flags,
	);
	expect(out).toContain(
		`# HELP conntrack_drop_total Packets dropped because their entry could not be made.\n# TYPE conntrack_drop_total counter\n${lines}`,
	);
	expect(out).toMatch(/^conntrack_entries 3\n/m);
	expect(out).toMatch(/^conntrack_entries_limit 1000\n/m);
	for (const line of out.trimEnd().split("\n"))
		expect(line).toMatch(
			/^(# (HELP|TYPE) \w+ .+|\w+(\{(cpu="\d+",?)?(cause="port")?\})? \d+)$/,
		);
});

test.each([
	[["--watch", "-o", "prometheus"], /--watch is not for -o prometheus/],
	[["--watch", "--interval", "0"], /--interval: shorter than 100ms: 0/],
	[["--interval", "1s"], /--interval is for --watch/],
	[["-o", "jsno"], /Did you mean json\?/],
])("%j: exit 2, nothing asked", async (flags, text) => {
	const called = await stats(kernel([{}]), ...flags);
	expect([called.code, called.out]).toEqual([2, ""]);
	expect(called.err).toMatch(text);
	expect(called.host.calls).toEqual([]);
});
