// `stats` against what the kernel counts, with the conntrack tool as the second
// pair of eyes. Trouble is made for real: packets of one new flow meet.

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { must, run } from "../support/exec.ts";
import { createNamespace, ip, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { startWorker } from "../support/worker.ts";

const EXECUTABLE = join(OUR_BIN, "conntrack-flush");
const QUEUE = fileURLToPath(new URL("stats.queue.ts", import.meta.url));

async function namespace(): Promise<Namespace> {
	const ns = await createNamespace("stats");
	onTestFinished(() => ns.remove());
	return ns;
}

interface Shown {
	readonly entries: number;
	readonly max: number;
	readonly counters: Readonly<Record<string, number>>;
	readonly cpus?: readonly {
		readonly cpu: number;
		readonly counters: Readonly<Record<string, number>>;
	}[];
}

async function stats(ns: Namespace, ...flags: string[]): Promise<Shown> {
	const words = [EXECUTABLE, "stats", "-o", "json", ...flags];
	return JSON.parse(await must(ns.inside(words)));
}

/** `conntrack -S`, a row for each CPU. */
async function toolStats(ns: Namespace): Promise<Record<string, number>[]> {
	const text = await must(ns.inside(["conntrack", "-S"]));
	return text
		.trim()
		.split("\n")
		.map((line) =>
			Object.fromEntries(
				[...line.matchAll(/(\w+)=(\d+)/g)].map(([, name = "", value]) => [
					name.replace("chaintoolong", "chain_toolong"),
					Number(value),
				]),
			),
		);
}

/** Two packets of one new flow that wait for each other before their entry is inserted. */
async function meet(ns: Namespace, send: string): Promise<void> {
	await ip(ns, ["address add 203.0.113.1/32 dev lo"]);
	for (const rule of [
		// makes the namespace track its packets
		"-A INPUT -m conntrack --ctstate INVALID -j DROP",
		"-t mangle -A OUTPUT -d 203.0.113.1 -p udp --dport 53 -j NFQUEUE",
		"-t mangle -A OUTPUT -d 203.0.113.1 -p tcp --syn --dport 53 -j NFQUEUE",
	])
		await must(ns.inside(`iptables -w ${rule}`.split(" ")));
	const queue = startWorker(ns, QUEUE, { args: ["2"] });
	onTestFinished(() => void queue.kill("SIGKILL"));
	const next = () =>
		Promise.race([once(queue, "message"), once(queue, "exit")]);
	expect(await next()).toEqual(["ready", undefined]);
	const done = next();
	await must(ns.inside(["python3", "-c", send]));
	expect(await done).toEqual(["done", undefined]);
}

test("an entry made over netlink counts as inserted, on its CPU", async () => {
	const ns = await namespace();
	const flow = "-p udp -s 192.0.2.7 -d 203.0.113.1 --sport 1 --dport 2 -t 100";
	await must(ns.inside(`taskset -c 0 conntrack -I ${flow}`.split(" ")));
	const { cpus, counters, entries, max } = await stats(ns, "--per-cpu");
	expect([entries, counters.insert]).toEqual([1, 1]);
	expect(cpus?.map((c) => c.counters.insert)[0]).toBe(1);
	const limit = readFileSync("/proc/sys/net/netfilter/nf_conntrack_max");
	expect(max).toBe(Number(limit));
	expect(cpus?.map(({ cpu, counters: c }) => ({ cpu, ...c }))).toEqual(
		await toolStats(ns),
	);
});

test("two datagrams of a new flow meet: both pass, clash_resolve", async () => {
	const ns = await namespace();
	await meet(
		ns,
		`
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("203.0.113.1", 53))
s.send(b"A?")
s.send(b"AAAA?")`,
	);
	const { counters, cpus } = await stats(ns, "--per-cpu");
	expect(counters).toMatchObject({
		clash_resolve: 1,
		insert_failed: 0,
		drop: 0,
	});
	expect(cpus?.map(({ cpu, counters: c }) => ({ cpu, ...c }))).toEqual(
		await toolStats(ns),
	);
	const shown = await must(ns.inside([EXECUTABLE, "stats"]));
	expect(shown).toMatch(/^clash_resolve +1$/m);
	expect(shown).toMatch(/^clash_resolve: [\s\S]*AAAA[\s\S]*DNS/m);
	expect(shown).not.toMatch(/^insert_failed:/m);
});

test("two SYNs of a new flow meet: one is lost, insert_failed and drop", async () => {
	const ns = await namespace();
	await meet(
		ns,
		`
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
s.connect(("203.0.113.1", 53))
syn = struct.pack("!HHLLBBHHH", 6000, 53, 1, 0, 5 << 4, 2, 1024, 0, 0)
s.send(syn)
s.send(syn)`,
	);
	const { counters, cpus } = await stats(ns, "--per-cpu");
	expect(counters).toMatchObject({ insert_failed: 1, drop: 1 });
	expect(cpus?.map(({ cpu, counters: c }) => ({ cpu, ...c }))).toEqual(
		await toolStats(ns),
	);
	const shown = await must(ns.inside([EXECUTABLE, "stats"]));
	expect(shown).toMatch(/^insert_failed: /m);
	// the packet that it counts is the same
	expect(shown).not.toMatch(/^drop: /m);
});

test("needs no file: procfs may be missing", async () => {
	const ns = await namespace();
	const strace = [
		"strace",
		"-f",
		"-e",
		"trace=open,openat",
		EXECUTABLE,
		"stats",
	];
	const { code, stderr } = await run(ns.inside(strace));
	expect(code).toBe(0);
	expect(stderr.match(/^open.*/gm) ?? []).toEqual([]);
});

test("--watch prints what was counted in each interval, and ends on SIGTERM", async () => {
	const ns = await namespace();
	const flow = (port: number) =>
		`conntrack -I -p udp -s 192.0.2.7 -d 203.0.113.1 --sport ${port} --dport 2 -t 100 >&2`;
	const dir = mkdtempSync(join(tmpdir(), "stats-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const script = `${EXECUTABLE} stats -w --interval 300ms -o json > ${dir}/out & pid=$!
		lines() { until [ $(wc -l < ${dir}/out) -ge $1 ]; do sleep 0.1; done; }
		lines 1; ${flow(1)}; ${flow(2)}; lines 6; kill $pid; wait $pid`;
	const { code } = await run(ns.inside(["sh", "-c", script]));
	const stdout = readFileSync(join(dir, "out"), "utf8");
	expect(code).toBe(0);
	const rows = stdout
		.trim()
		.split("\n")
		.map((line): Shown => JSON.parse(line));
	expect(rows.length).toBeGreaterThan(1);
	expect(rows.reduce((n, row) => n + (row.counters.insert ?? 0), 0)).toBe(2);
	expect(rows.at(0)?.entries).toBe(0);
	expect(rows.at(-1)?.entries).toBe(2);
});

test("without the capability it fails, exit 1", async () => {
	const ns = await namespace();
	const dropped = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
	const { code, stderr, stdout } = await run(
		ns.inside([...dropped, EXECUTABLE, "stats"]),
	);
	expect([code, stdout]).toEqual([1, ""]);
	expect(stderr).toContain("EPERM");
});
