// The duties of `install --watch` side by side: each goes on whatever the others do.

import { describe, expect, test } from "vitest";
import { runAgent } from "../../../../src/cli/agent.ts";
import { leave, leftBehind } from "../../../../src/state/left.ts";
import { type FakeHostOptions, fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { DIR, ROUTES } from "../../../support/unit/calls.ts";
import { ENTRIES, records } from "../../../support/unit/garbage.ts";
import { FILE, LIST, NODE, WHERE } from "../../../support/unit/installing.ts";

const METRICS = { address: undefined, textfile: undefined };
const TEXTFILE = "/metrics/a.prom";
const ADDRESS = "127.0.0.1:9470";

/** Runs the agent for so long. The table has entries of three pods, and only the first is recorded. */
async function agent(
	ms: number,
	duties: Partial<Parameters<typeof runAgent>[3]> = {},
	options: FakeHostOptions & {
		readonly asleep?: (host: ReturnType<typeof fakeHost>) => void;
	} = {},
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, entries: ENTRIES, routes: ROUTES });
	const host = fakeHost({
		clock,
		netlink: kernel.netlink,
		files: { ...NODE, ...(await records("a")) },
		directories: ["/metrics"],
		signal: () => (clock.ms > ms ? "SIGTERM" : undefined),
		...options,
	});
	const { sleep } = host;
	const code = await runAgent(
		{
			...host,
			sleep(pause) {
				options.asleep?.(host);
				return sleep(pause);
			},
		},
		WHERE,
		{ mode: "edit", runtime: undefined, keys: {} },
		{
			everyMs: 200,
			reconcileMs: 1000,
			sweep: false,
			repairRules: undefined,
			metrics: METRICS,
			page: false,
			showClients: false,
			...duties,
		},
	);
	return { code, host, kernel, err: host.written(2) };
}

describe("until a signal comes", () => {
	test("it keeps the plugin in the chain and reconciles: exit 0", async () => {
		const { code, host, kernel } = await agent(100);
		expect(code).toBe(0);
		expect(host.files.get(FILE)).toContain("conntrack-flush");
		// that of the recorded pod
		expect(kernel.left()).toEqual([2]);
	});

	test("it serves its pages before it reconciles, which may take seconds", async () => {
		const { host } = await agent(100, {
			metrics: { address: ADDRESS, textfile: undefined },
		});
		const at = (call: string) =>
			host.calls.findIndex((c) => c.startsWith(call));
		expect(at("serve")).toBeGreaterThan(at("rename"));
		expect(at("readDir /var/lib/cni/results")).toBeGreaterThan(at("serve"));
	});

	test("it repairs what others undo", async () => {
		let undone = 0;
		const { host } = await agent(
			1000,
			{},
			{
				asleep(h) {
					if (undone++ === 0) h.writeFile(FILE, LIST, 0o644);
				},
			},
		);
		expect(undone).toBeGreaterThan(1);
		expect(host.files.get(FILE)).toContain("conntrack-flush");
	});

	test("what a verb has left is done, though not at once", async () => {
		const moments: number[] = [];
		let isLeft = false;
		const { kernel } = await agent(
			30_000,
			{ reconcileMs: 0 },
			{
				asleep(h) {
					// the first reconcile, of the agent's start, is over
					if (!isLeft && h.clock.ms > 1000) {
						const id = { network: "net", containerID: "a", ifname: "eth0" };
						leave(h, DIR, id);
						isLeft = true;
						moments.push(h.clock.ms);
					} else if (
						isLeft &&
						moments.length === 1 &&
						leftBehind(h, DIR).length === 0
					)
						moments.push(h.clock.ms);
				},
			},
		);
		const [left = 0, done = 0] = moments;
		expect(done - left).toBeGreaterThan(5000);
		expect(done - left).toBeLessThan(12_000);
		expect(kernel.left()).toEqual([2]);
	});

	test("records that cannot be read do not keep it from the chain", async () => {
		const { code, host, err } = await agent(
			100,
			{ sweep: true },
			{
				fail: (c, path) =>
					c === "readDir" && path === DIR ? "EIO" : undefined,
			},
		);
		expect(code).toBe(0);
		expect(err).toMatch(/msg="cannot reconcile" event=reconcile .*EIO/);
		expect(err).toMatch(/msg="cannot sweep" event=sweep .*EIO/);
		expect(host.files.get(FILE)).toContain("conntrack-flush");
	});
});

describe("the metrics", () => {
	test("are served and written while it runs, and gone at its end", async () => {
		const seen = new Set<string>();
		const { host } = await agent(
			100,
			{ metrics: { address: ADDRESS, textfile: TEXTFILE } },
			{
				asleep(h) {
					for (const page of h.servers.get(ADDRESS)?.keys() ?? [])
						seen.add(page);
					if (h.files.has(TEXTFILE)) seen.add(TEXTFILE);
				},
			},
		);
		expect([...seen]).toEqual(
			expect.arrayContaining([
				"/",
				"/metrics",
				"/healthz",
				"/readyz",
				TEXTFILE,
			]),
		);
		expect(host.servers.size).toBe(0);
		expect(host.files.has(TEXTFILE)).toBe(false);
	});

	test.each<[string, boolean, boolean]>([
		["127.0.0.1:9470", false, true],
		["[::1]:9470", false, true],
		["203.0.113.1:9470", false, false],
		["0.0.0.0:9470", false, false],
		["203.0.113.1:9470", true, true],
	])(
		"at %s, with --page: %s, a page that names pods is beside them: %s",
		async (address, page, isThere) => {
			const seen = new Set<string>();
			await agent(
				100,
				{ metrics: { address, textfile: undefined }, page },
				{
					asleep(h) {
						for (const path of h.servers.get(address)?.keys() ?? [])
							seen.add(path);
					},
				},
			);
			expect(seen).toContain("/metrics");
			expect(seen.has("/")).toBe(isThere);
		},
	);

	test("are neither served nor written unless that is asked for", async () => {
		const { host } = await agent(100);
		expect(host.calls.filter((c) => c.startsWith("serve"))).toEqual([]);
	});
});
