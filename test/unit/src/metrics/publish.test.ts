// The publisher: the pages and the file, and what it does if it cannot make them.

import { describe, expect, test } from "vitest";
import { IPCTNL_MSG_CT_GET_STATS } from "../../../../src/conntrack/constants.ts";
import {
	type Condition,
	type Options,
	publisher,
} from "../../../../src/metrics/publish.ts";
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
import { DIR } from "../../../support/unit/spooling.ts";

describe("the publisher", () => {
	const ADDRESS = "127.0.0.1:9470";
	const FILE = "/var/lib/textfile/conntrack-flush.prom";
	function agent(options: FakeHostOptions = {}, more: Partial<Options> = {}) {
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
			{
				dataDir: DIR,
				version: "1.2.3",
				address: ADDRESS,
				textfile: FILE,
				collects: true,
				...more,
			},
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

	test("shows the page it is given, once it serves", async () => {
		const { p, page } = agent({}, { validMs: 5 });
		p.show("<p>early</p>");
		expect(page("/")).toBeUndefined();
		await p.open();
		p.show("<p>a page</p>");
		expect(page("/")).toEqual({
			status: 200,
			type: "text/html; charset=utf-8",
			body: "<p>a page</p>",
		});
	});

	test("tells whoever opens it that the address is in use", async () => {
		const { p, log } = agent({
			fail: (call) => (call === "serve" ? "EADDRINUSE" : undefined),
		});
		await expect(p.open()).rejects.toThrow("EADDRINUSE");
		expect(log).toEqual([]);
	});

	test("leaves the spool to the agent if it is none, and tells nothing that nobody knows", async () => {
		const { host, p, page } = agent({}, { collects: false });
		const unknown = { installed: undefined, configured: undefined };
		await p.run({ ...unknown, why: undefined });
		expect(host.calls.filter((c) => /mkdir|flock/.test(c))).toEqual([]);
		expect(page("/metrics")?.body).toContain("conntrack_entries 3\n");
		expect(page("/metrics")?.body).not.toMatch(
			/_(removed|entries|flushes)_total|_installed|_configured/,
		);
		expect(page("/readyz")).toMatchObject({
			status: 200,
			body: "[+] conntrack over netlink\n",
		});
		expect(p.statistics()?.entries).toBe(3);
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
		expect(page("/readyz")?.body).toMatch(
			/\[-\] conntrack over netlink\n.*EPERM.*\n$/,
		);
		expect(page("/metrics")?.body).toContain("ctnetlink_available 0\n");
		expect(log).toEqual(["warn cannot use conntrack"]);
	});

	test("counts what the plugin itself has said of conntrack, and stays ready", async () => {
		const { host, p, page } = agent({
			files: { [`${DIR}/unusable`]: "EPERM\n" },
		});
		await p.run(GOOD);
		expect(page("/metrics")?.body).toContain("plugin_usable 0\n");
		expect(page("/readyz")?.status).toBe(200);
		host.unlink(`${DIR}/unusable`);
		await p.run(GOOD);
		expect(page("/metrics")?.body).toContain("plugin_usable 1\n");
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
