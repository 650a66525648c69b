// `install` through the command, where it refuses: it then changes nothing, and says
// what to do instead.

import { describe, expect, test } from "vitest";
import {
	BIN,
	CONF,
	call,
	changes,
	FILE,
	LIST,
	NODE,
} from "../../../support/unit/installing.ts";

describe("install refuses, exit 1, the configuration as it was", () => {
	test.each<[string, string, Record<string, string | undefined>, RegExp]>([
		[
			"no configuration",
			"",
			{ [FILE]: undefined, [`${CONF}/README`]: "" },
			/no network configuration yet\n/,
		],
		[
			"no directory of configurations",
			"--cni-conf-dir /nowhere",
			{},
			/no network configuration yet\n/,
		],
		[
			"plugins that are elsewhere",
			"--cni-bin-dir /usr/lib/cni",
			{ "/usr/lib/cni/x": "" },
			/bridge, which .* names, is not in \/usr\/lib\/cni\n/,
		],
		[
			"a file before it that is no configuration: containerd loads nothing",
			"",
			{ [`${CONF}/00-x.conf`]: "{" },
			/00-x\.conf is no network configuration: not JSON\n/,
		],
		[
			"a list under a name of single plugins",
			"",
			{ [`${CONF}/00-x.conf`]: LIST },
			/does not end in \.conflist\n/,
		],
		[
			"a Multus that calls nothing",
			"",
			{
				[FILE]: undefined,
				[`${CONF}/00-multus.conf`]: `{"name":"m","type":"multus"}`,
			},
			/neither delegates nor clusterNetwork/,
		],
		[
			"a network whose name leads out of the directory",
			"--mode dropin",
			{ [FILE]: LIST.replace(`"n"`, `"../n"`) },
			/not the name of a network: \.\.\/n\n/,
		],
	])("%s", async (_, words, more, message) => {
		const files = Object.fromEntries(
			Object.entries({ ...NODE, ...more }).filter(
				(e): e is [string, string] => e[1] !== undefined,
			),
		);
		const called = await call(`install ${words}`.trim(), { files });
		expect(called.code).toBe(1);
		expect(called.err).toMatch(message);
		expect(Object.fromEntries(called.host.files)).toEqual(files);
		expect(changes(called)).toEqual([]);
	});

	test("a second installer", async () => {
		const called = await call("install", {
			fail: (what) => (what === "flock" ? "EAGAIN" : undefined),
		});
		expect(called.code).toBe(1);
		expect(called.err).toMatch(/another installer is at work/);
		expect(called.host.files.get(FILE)).toBe(LIST);
	});

	test.each(["EACCES", "EPERM"])(
		"what the system forbids root: %s",
		async (code) => {
			const called = await call("install", {
				fail: (what, path) =>
					what === "copyFile" && path.startsWith(BIN) ? code : undefined,
			});
			expect(called.code).toBe(1);
			expect(called.err).toMatch(
				/\/opt\/cni\/bin.*\n.*DAC_OVERRIDE.*SELinux.*spc_t/,
			);
			expect(called.host.files.get(FILE)).toBe(LIST);
		},
	);

	test.each(["--check --watch", "--dry-run --check"])(
		"%s: exit 2",
		async (words) => {
			const called = await call(`install ${words}`);
			expect([called.code, changes(called)]).toEqual([2, []]);
		},
	);

	test("what is not UTF-8, with advice", async () => {
		const called = await call("install", {
			fail: (what, path) =>
				what === "readFile" && path === FILE ? "EILSEQ" : undefined,
		});
		expect([called.code, changes(called)]).toEqual([1, []]);
		expect(called.err).toMatch(/10-net\.conflist is not UTF-8\n.*--mode print/);
	});

	test.each([
		["--interval 1s", /--interval is for install --watch/],
		["--reconcile-interval 0", /--reconcile-interval is for/],
		["--sweep", /--sweep is for/],
		["--dry-run --metrics-address 127.0.0.1:9470", /--metrics-address is for/],
		["--check --textfile /x.prom", /--textfile is for/],
		["--watch --interval 0", /--interval: less than 10 ms: 0/],
		[
			"--watch --reconcile-interval 1ms",
			/--reconcile-interval: less than 1000 ms: 1ms/,
		],
		[
			"--watch --textfile /x.txt",
			/--textfile: not a name in \.prom.*: \/x\.txt/,
		],
		["--watch --textfile /.prom", /--textfile: not a name/],
		...[
			"localhost:9470",
			":9470",
			"9470",
			"127.0.0.1:99999",
			"127.0.0.1:0",
			"127.0.0.1",
			"::1:9470",
			"[127.0.0.1]:9470",
			"[::1]",
		].map((address): [string, RegExp] => [
			`--watch --metrics-address ${address}`,
			/--metrics-address: not an address and a port such as .*: \S+\n/,
		]),
		["--runtime-version 2.1", /not like containerd/],
		["--cni-bin-dir bin", /not an absolute path: bin/],
		["--mode edti", /Did you mean edit/],
	])("%s: exit 2", async (words, message) => {
		const called = await call(`install ${words}`);
		expect([called.code, changes(called)]).toEqual([2, []]);
		expect(called.err).toMatch(message);
	});
});
