// From a verb's report to what Prometheus reads.

import { describe, expect, test } from "vitest";
import { IPCTNL_MSG_CT_GET_STATS } from "../../../../src/conntrack/constants.ts";
import { logReport, type Report } from "../../../../src/flush/report.ts";
import { collect } from "../../../../src/metrics/collect.ts";
import { type Condition, publisher } from "../../../../src/metrics/publish.ts";
import { type Gauges, metricsText } from "../../../../src/metrics/text.ts";
import {
	addLines,
	noTotals,
	type Totals,
} from "../../../../src/metrics/totals.ts";
import { NetlinkError } from "../../../../src/netlink/nl.ts";
import {
	attr,
	be32,
	doneMessage,
	message,
	nfgenmsg,
} from "../../../support/entries.ts";
import {
	type FakeHostOptions,
	fakeHost,
	sysError,
} from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";

const DIR = "/run/cni/conntrack-flush";
const log = (): void => {};
const JOURNAL = `${DIR}/metrics/journal`;

function report(change: Partial<Report> = {}): Report {
	return {
		how: "scan",
		deleted: 0,
		retired: 0,
		expired: 0,
		kept: 0,
		scanned: { entries: 0, kept: 0, undecodable: 0 },
		reasons: new Map(),
		verdicts: new Map(),
		failed: new Map(),
		ms: 1,
		error: undefined,
		...change,
	};
}

/** The samples that a report, handed over by a verb, ends as; zeros left out. */
function samples(change: Partial<Report>, event = "ADD"): string[] {
	const host = fakeHost({ directories: [`${DIR}/metrics`] });
	logReport({ host, dataDir: DIR, event, log }, report(change));
	const totals = noTotals();
	collect(host, DIR, totals);
	collect(host, DIR, totals);
	return samplesOf(metricsText(totals, GAUGES));
}

function samplesOf(text: string): string[] {
	return text
		.split("\n")
		.filter((line) =>
			/^conntrack_flush_(?!duration)\w+_total.* [^0]/.test(line),
		)
		.map((line) => line.replace("conntrack_flush_", ""));
}

const GAUGES: Gauges = {
	version: "1.2.3",
	installed: true,
	configured: false,
	statistics: undefined,
	attachments: undefined,
};

describe("a report becomes", () => {
	test.each<[name: string, change: Partial<Report>, want: string[]]>([
		[
			"a flush, by event and way",
			{ how: "nothing" },
			['flushes_total{event="ADD",how="nothing"} 1'],
		],
		[
			"entries, by what became of them",
			{ deleted: 3, retired: 4, expired: 5, kept: 6 },
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'entries_total{outcome="deleted"} 3',
				'entries_total{outcome="gone"} 5',
				'entries_total{outcome="kept"} 6',
				'entries_total{outcome="retired"} 4',
				'removed_total{reason="dead-pod",protocol="unknown"} 7',
			],
		],
		[
			"entries that a kernel flush removed",
			{
				how: "kernel-flush",
				deleted: 5,
				verdicts: new Map([["dead-pod/17", 5]]),
			},
			[
				'flushes_total{event="ADD",how="kernel-flush"} 1',
				'entries_total{outcome="deleted"} 5',
				'stale_entries_total{reason="dead-pod",protocol="udp"} 5',
				'removed_total{reason="dead-pod",protocol="udp"} 5',
			],
		],
		[
			"entries removed, by reason and protocol",
			{
				deleted: 3,
				retired: 1,
				verdicts: new Map([
					["no-dnat/17", 2],
					["other-pod/6", 2],
				]),
			},
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'entries_total{outcome="deleted"} 3',
				'entries_total{outcome="retired"} 1',
				'stale_entries_total{reason="no-dnat",protocol="udp"} 2',
				'stale_entries_total{reason="other-pod",protocol="tcp"} 2',
				'removed_total{reason="no-dnat",protocol="udp"} 2',
				'removed_total{reason="other-pod",protocol="tcp"} 2',
			],
		],
		[
			"their share where some were gone before, and the sum is right",
			{
				deleted: 5,
				expired: 5,
				verdicts: new Map([
					["no-dnat/17", 3],
					["other-pod/17", 3],
					["other-port/17", 4],
				]),
			},
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'entries_total{outcome="deleted"} 5',
				'entries_total{outcome="gone"} 5',
				'stale_entries_total{reason="no-dnat",protocol="udp"} 3',
				'stale_entries_total{reason="other-pod",protocol="udp"} 3',
				'stale_entries_total{reason="other-port",protocol="udp"} 4',
				'removed_total{reason="no-dnat",protocol="udp"} 2',
				'removed_total{reason="other-pod",protocol="udp"} 1',
				'removed_total{reason="other-port",protocol="udp"} 2',
			],
		],
		[
			"stale entries, by reason and protocol",
			{
				verdicts: new Map([
					["no-dnat/17", 2],
					["other-pod/132", 1],
					["other-pod/6", 3],
				]),
			},
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'stale_entries_total{reason="no-dnat",protocol="udp"} 2',
				'stale_entries_total{reason="other-pod",protocol="sctp"} 1',
				'stale_entries_total{reason="other-pod",protocol="tcp"} 3',
			],
		],
		[
			"removals that the kernel refused, by errno",
			{
				failed: new Map([
					[16, 2],
					[999, 1],
				]),
			},
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'entries_total{outcome="refused"} 3',
				'failures_total{cause="EBUSY"} 2',
				'failures_total{cause="errno 999"} 1',
			],
		],
		[
			"a failure of the kernel",
			{ error: new NetlinkError("dump", 1, undefined) },
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'failures_total{cause="EPERM"} 1',
			],
		],
		[
			"a failure of the system",
			{ error: sysError("ENOBUFS", "recvmsg") },
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'failures_total{cause="ENOBUFS"} 1',
			],
		],
		[
			"a failure of another kind, by its name",
			{ error: new RangeError("x") },
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'failures_total{cause="RangeError"} 1',
			],
		],
	])("%s", (_, change, want) => {
		expect(samples(change)).toEqual(want);
	});
});

describe("the journal", () => {
	const lines = (...reports: Partial<Report>[]): string => {
		const host = fakeHost({ directories: [`${DIR}/metrics`] });
		for (const r of reports)
			logReport({ host, dataDir: DIR, event: "DEL", log }, report(r));
		return host.files.get(JOURNAL) ?? "";
	};
	const deleted = (totals: Totals): number | undefined =>
		totals.entries.get("deleted");

	test("is not there where nobody counts", () => {
		const host = fakeHost({ directories: [DIR] });
		logReport({ host, dataDir: DIR, event: "DEL", log }, report());
		expect([...host.files]).toEqual([]);
	});

	test("that cannot be written is no error", () => {
		const host = fakeHost({
			directories: [`${DIR}/metrics`],
			fail: (call) => (call === "appendFile" ? "ENOSPC" : undefined),
		});
		logReport({ host, dataDir: DIR, event: "DEL", log }, report());
		expect(host.calls).toEqual([`appendFile ${JOURNAL}`]);
	});

	test("does not grow for ever where the agent has gone", () => {
		const host = fakeHost({ files: { [JOURNAL]: "x".repeat(512 * 1024) } });
		logReport({ host, dataDir: DIR, event: "DEL", log }, report());
		expect([...host.files]).toEqual([]);
		logReport({ host, dataDir: DIR, event: "DEL", log }, report());
		expect(host.files.get(JOURNAL)).toBe(lines({}));
	});

	test("is read one fold after verbs have stopped to write to it", () => {
		const host = fakeHost({ directories: [`${DIR}/metrics`] });
		const totals = noTotals();
		const seen: (number | undefined)[] = [];
		for (const n of [1, 10, 100, 0, 0]) {
			logReport(
				{ host, dataDir: DIR, event: "DEL", log },
				report({ deleted: n }),
			);
			collect(host, DIR, totals);
			seen.push(deleted(totals));
		}
		expect(seen).toEqual([0, 1, 11, 111, 111]);
	});

	test("of an agent before this one is counted at once", () => {
		const host = fakeHost({
			files: { [`${JOURNAL}.1`]: lines({ deleted: 7 }) },
		});
		const totals = noTotals();
		collect(host, DIR, totals);
		expect(deleted(totals)).toBe(7);
		expect([...host.files]).toEqual([]);
	});

	test.each<[name: string, text: string, want: number]>([
		["an empty journal", "", 0],
		["a line that is cut", lines({ deleted: 1 }).slice(0, -4), 0],
		["a line of another version", '["ADD","scan",1]\n', 0],
		["what is no line of ours", '{"length":10}\nnull\n12\n"text"\n', 0],
		["numbers that are none", '["ADD","scan",1,"9",0,0,0,{},{},null]\n', 0],
		["counts below zero", '["ADD","scan",1,-9,0,0,0,{},{},null]\n', 0],
		[
			"rubbish between good lines",
			`${lines({ deleted: 1 })}\0\0\n${lines({ deleted: 2 })}`,
			3,
		],
	])("%s", (_, text, want) => {
		const totals = noTotals();
		addLines(totals, text);
		expect(deleted(totals)).toBe(want);
	});
});

describe("the text", () => {
	test("has durations in buckets that add up, by event", () => {
		const host = fakeHost({ directories: [`${DIR}/metrics`] });
		for (const ms of [0, 1, 3, 7000])
			logReport({ host, dataDir: DIR, event: "GC", log }, report({ ms }));
		const totals = noTotals();
		collect(host, DIR, totals);
		collect(host, DIR, totals);
		const text = metricsText(totals, GAUGES);
		const values = text
			.split("\n")
			.filter((line) => line.startsWith("conntrack_flush_duration"))
			.map((line) => line.replace("conntrack_flush_duration_seconds", ""));
		expect(values.slice(0, 4)).toEqual([
			'_bucket{event="GC",le="0.001"} 2',
			'_bucket{event="GC",le="0.0025"} 2',
			'_bucket{event="GC",le="0.005"} 3',
			'_bucket{event="GC",le="0.01"} 3',
		]);
		expect(values.slice(-4)).toEqual([
			'_bucket{event="GC",le="5"} 3',
			'_bucket{event="GC",le="+Inf"} 4',
			'_sum{event="GC"} 7.004',
			'_count{event="GC"} 4',
		]);
	});

	test("has durations of less than a millisecond", () => {
		const host = fakeHost({ directories: [`${DIR}/metrics`] });
		for (const ms of [0.1234567, 0.25])
			logReport({ host, dataDir: DIR, event: "DEL", log }, report({ ms }));
		expect(host.files.get(JOURNAL)).toContain(`"scan",0.123,`);
		const totals = noTotals();
		collect(host, DIR, totals);
		collect(host, DIR, totals);
		expect(totals.durations.get("DEL")?.sum).toBeCloseTo(0.000373, 9);
	});

	test("has what was removed from the beginning, so that a first one shows", () => {
		expect(metricsText(noTotals(), GAUGES)).toContain(
			'conntrack_flush_removed_total{reason="dead-pod",protocol="udp"} 0\n',
		);
	});

	test("escapes what a label may not hold", () => {
		const totals = noTotals();
		addLines(totals, '["a\\"b\\\\c","scan",1,0,0,0,0,{},{},null]\n');
		expect(metricsText(totals, GAUGES)).toContain('event="a\\"b\\\\c"');
	});

	test("leaves out what is not known, and says so", () => {
		const text = metricsText(noTotals(), GAUGES);
		expect(text).toContain("conntrack_flush_ctnetlink_available 0\n");
		expect(text).not.toContain("conntrack_entries");
		expect(text).not.toContain("attachments");
	});

	test("has the kernel's own counters where it tells them", () => {
		const text = metricsText(noTotals(), {
			...GAUGES,
			attachments: 4,
			statistics: { entries: 5, max: 9, cpus: [], total: { insert_failed: 2 } },
		});
		expect(text).toContain("conntrack_flush_attachments 4\n");
		expect(text).toContain("\nconntrack_entries 5\n");
		expect(text).toContain("\nconntrack_insert_failed_total 2\n");
		expect(text.endsWith("\n")).toBe(true);
	});
});

describe("the publisher", () => {
	const ADDRESS = "127.0.0.1:9470";
	const FILE = "/var/lib/textfile/conntrack-flush.prom";
	function agent(options: FakeHostOptions = {}) {
		const log: string[] = [];
		const clock = { ms: 0 };
		const kernel = fakeKernel({
			clock,
			answer: ({ type, seq }) =>
				type === IPCTNL_MSG_CT_GET_STATS
					? [message({ type, seq }, nfgenmsg(0), attr(1, be32(3)))]
					: [doneMessage(seq)],
		});
		const host = fakeHost({
			clock,
			netlink: kernel.netlink,
			directories: ["/var/lib/textfile"],
			...options,
		});
		const p = publisher(
			host,
			{ dataDir: DIR, version: "1.2.3", address: ADDRESS, textfile: FILE },
			(level, msg) => log.push(`${level} ${msg}`),
		);
		const page = (path: string) => host.servers.get(ADDRESS)?.get(path);
		return { host, p, log, page };
	}
	const GOOD = { installed: true, configured: true, why: undefined };

	test("serves and writes the same text, and is ready", async () => {
		const { host, p, page } = agent();
		await p.run(GOOD);
		expect(page("/metrics")?.body).toContain("conntrack_flush_installed 1\n");
		expect(host.files.get(FILE)).toBe(page("/metrics")?.body);
		expect([...host.files.keys()]).toEqual([FILE]);
		expect(host.stat(FILE).mode).toBe(0o644);
		expect(page("/healthz")).toMatchObject({ status: 200, body: "ok\n" });
		expect(page("/readyz")?.status).toBe(200);
		p.close();
		expect(host.servers.size).toBe(0);
		// or it would say for ever that all is well
		expect([...host.files]).toEqual([]);
	});

	test("ends where it could not write", async () => {
		const { p, host } = agent({
			fail: (call) => (call === "writeFile" ? "EROFS" : undefined),
		});
		await p.run(GOOD);
		p.close();
		expect(host.servers.size).toBe(0);
	});

	test.each<[string, Condition, string]>([
		["not installed", { ...GOOD, installed: false }, "[-] executable in place"],
		[
			"not configured, and why",
			{ ...GOOD, configured: false, why: "10-ovn.conf configures a plugin" },
			"[-] configured\n[+] conntrack over netlink\n10-ovn.conf configures a plugin\n",
		],
	])("is not ready but alive: %s", async (_, now, line) => {
		const { p, page } = agent();
		await p.run(now);
		expect(page("/readyz")?.status).toBe(503);
		expect(page("/readyz")?.body).toContain(line);
		expect(page("/healthz")?.status).toBe(200);
	});

	test("is not ready where conntrack cannot be used, and says why once", async () => {
		const { p, page, log } = agent({
			netlink: () => {
				throw sysError("EPERM", "socket");
			},
		});
		await p.run(GOOD);
		await p.run(GOOD);
		expect(page("/readyz")?.status).toBe(503);
		expect(page("/metrics")?.body).toContain("ctnetlink_available 0\n");
		expect(log).toEqual(["warn cannot use conntrack"]);
	});

	test("goes on where it cannot write, and serves when the address is free", async () => {
		let taken = true;
		const { p, page, log } = agent({
			fail: (call, path) => {
				if (call === "writeFile" && path.startsWith(FILE)) return "EROFS";
				return call === "serve" && taken ? "EADDRINUSE" : undefined;
			},
		});
		await p.run(GOOD);
		expect(page("/metrics")).toBeUndefined();
		taken = false;
		await p.run(GOOD);
		expect(page("/metrics")?.status).toBe(200);
		expect(log).toEqual([
			"warn cannot write metrics",
			"warn cannot serve metrics",
		]);
	});
});
