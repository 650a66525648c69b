// `uninstall` through the command, on a node in memory.

import { describe, expect, test } from "vitest";
import {
	again,
	BINARY,
	CONF,
	call,
	changes,
	EDITED,
	FILE,
	LIST,
	NODE,
} from "../../../support/unit/installing.ts";

describe("uninstall", () => {
	test("the configuration first, the executable last, after the grace", async () => {
		const called = await again("uninstall --grace 7s", await call("install"));
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.out).toBe(`changed ${FILE}\nremoved ${BINARY}\n`);
		expect(called.host.clock.ms).toBe(7000);
		expect(Object.fromEntries(called.host.files)).toEqual(NODE);
		const at = (call: string) => called.calls.indexOf(call);
		expect(at(`unlink ${BINARY}`)).toBeGreaterThan(
			at(`rename ${CONF}/.10-net.conflist.conntrack-flush-new`),
		);
	});

	test.each<[string, string, string]>([
		[
			"a list that libcni does not load any more",
			EDITED.replace("{", `{"cniVersion":1,"mtu":1E400,`),
			LIST.replace("{", `{"cniVersion":1,"mtu":1E400,`),
		],
		[
			"a name that an escape hides",
			EDITED.replaceAll("conntrack-flush", "conntrack\\u002dflush"),
			LIST,
		],
		[
			"a key in another case",
			EDITED.replaceAll(`"type":"conn`, `"Type":"conn`),
			LIST,
		],
		[
			"the delegates of a Multus",
			`{"name":"m","type":"multus","delegates":[${EDITED}, ${EDITED}]}`,
			`{"name":"m","type":"multus","delegates":[${LIST}, ${LIST}]}`,
		],
		[
			"the delegates of a Multus in a list",
			`{"name":"m","plugins":[{"type":"multus","Delegates":[${EDITED}]}]}`,
			`{"name":"m","plugins":[{"type":"multus","Delegates":[${LIST}]}]}`,
		],
	])("takes our plugin items out of %s", async (_, text, want) => {
		const files = { ...NODE, [FILE]: text, [BINARY]: "executable" };
		const called = await call("uninstall", { files });
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.host.files.get(FILE)).toBe(want);
		expect(called.host.files.has(BINARY)).toBe(false);
	});

	test("takes them out of a file to which a Multus leads", async () => {
		const path = "/run/multus/10-net.conflist";
		const multus = `{"name":"m","type":"multus","clusterNetwork":"${path}"}`;
		const own = { [`${CONF}/00-multus.conf`]: multus, [path]: EDITED };
		const called = await call("uninstall", { files: { ...NODE, ...own } });
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.host.files.get(path)).toBe(LIST);
	});

	test("again finds nothing to do and does not wait", async () => {
		const called = await call("uninstall");
		expect([called.code, called.out]).toEqual([0, ""]);
		expect(called.host.clock.ms).toBe(0);
		expect(Object.fromEntries(called.host.files)).toEqual(NODE);
	});

	test("a primary that puts us back meanwhile keeps the executable", async () => {
		const done = await call("install");
		const { host } = done;
		const called = await again("uninstall", {
			host: { ...host, sleep: () => host.writeFile(FILE, EDITED, 0o644) },
		});
		expect(called.code).toBe(0);
		expect(called.out).toContain(`kept ${BINARY}: ${FILE} still names it\n`);
		expect(host.files.get(BINARY)).toBe("executable");
	});

	test.each<[string, string, string[], boolean]>([
		["nothing tells the runtime", "", [], true],
		["CRI-O", "", ["/run/crio/crio.sock"], true],
		["containerd", "", ["/run/containerd/containerd.sock"], false],
		["k3s's containerd", "", ["/run/k3s/containerd/containerd.sock"], false],
		[
			"both",
			"",
			["/run/crio/crio.sock", "/run/containerd/containerd.sock"],
			true,
		],
		[
			"it is said to be CRI-O",
			" --runtime-version cri-o://1.30.0",
			["/run/containerd/containerd.sock"],
			true,
		],
		[
			"it is said to be containerd",
			" --runtime-version containerd://1.7.0",
			["/run/crio/crio.sock"],
			false,
		],
	])(
		"a configuration in libcni's cache, %s",
		async (_, words, there, isKept) => {
			const cached = { "/var/lib/cni/results/n-4f2e-eth0": EDITED };
			const files = Object.fromEntries(there.map((path) => [path, ""]));
			const called = await again(
				`uninstall${words}`,
				await call("install", { files: { ...NODE, ...cached, ...files } }),
			);
			expect(called.code).toBe(0);
			expect(called.host.files.has(BINARY)).toBe(isKept);
		},
	);

	test.each<[string, string, boolean]>([
		[
			"containerd's container",
			"31 30 8:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/4f2e/hostname /etc/hostname rw - ext4 /dev/sda1 rw",
			false,
		],
		[
			"k3s's",
			"31 30 8:1 /var/lib/rancher/k3s/agent/containerd/io.containerd.grpc.v1.cri/sandboxes/4f2e/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw",
			false,
		],
		[
			"CRI-O's",
			"31 30 0:25 /containers/storage/overlay-containers/4f2e/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw",
			true,
		],
		[
			"a node that has mounted its containers' files",
			"31 30 8:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/4f2e/hostname /run/x rw - ext4 /dev/sda1 rw",
			true,
		],
	])(
		"a configuration in libcni's cache, and its own mounts are %s",
		async (_, mounts, isKept) => {
			const files = {
				...NODE,
				"/var/lib/cni/results/n-4f2e-eth0": EDITED,
				"/proc/self/mountinfo": `29 1 0:26 / / rw - overlay overlay rw\n${mounts}\n`,
			};
			const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1" };
			const called = await again(
				"uninstall",
				await call("install", { files, env }),
			);
			expect(called.code).toBe(0);
			expect(called.host.files.has(BINARY)).toBe(isKept);
		},
	);

	test("what Multus has delegated is ended by what it has kept of it, under containerd too", async () => {
		const kept = "/var/lib/cni/multus/4f2e";
		const called = await again(
			"uninstall",
			await call("install", {
				files: {
					...NODE,
					"/run/containerd/x": "",
					"/var/lib/cni/multus/results/n-4f2e-eth0": EDITED,
					[kept]: `[{"Bytes":"${Buffer.from(EDITED).toString("base64")}"}]`,
				},
			}),
		);
		expect(called.out).toContain(`kept ${BINARY}: ${kept} still names it\n`);
		called.host.unlink(kept);
		expect((await again("uninstall", called)).out).toContain(
			`removed ${BINARY}\n`,
		);
	});

	describe("--wait", () => {
		const CACHED = "/var/lib/cni/results/n-4f2e-eth0";
		/** Calls uninstall on a node with a pod of CRI-O's that ends after `ms`. */
		async function waiting(words: string, ms: number) {
			const { host } = await call("install", {
				files: { ...NODE, [CACHED]: EDITED, "/run/crio/crio.sock": "" },
			});
			return again(`uninstall ${words}`, {
				host: {
					...host,
					sleep(by: number) {
						host.clock.ms += by;
						if (host.clock.ms >= ms && host.files.has(CACHED))
							host.unlink(CACHED);
					},
				},
			});
		}
		test("until the last pod that names it has gone, and says once who does", async () => {
			const called = await waiting("--wait 5m", 60_000);
			expect([called.code, called.err]).toEqual([0, ""]);
			expect(called.out.split("\n")).toEqual([
				`changed ${FILE}`,
				`waiting to remove ${BINARY}: ${CACHED} still names it`,
				`removed ${BINARY}`,
				"",
			]);
			expect(called.host.clock.ms).toBeLessThan(65_000);
		});

		test("not for ever: exit 3", async () => {
			const called = await waiting("--wait 5m", 600_000);
			expect(called.code).toBe(3);
			expect(called.out).toContain(
				`kept ${BINARY}: ${CACHED} still names it\n`,
			);
			expect(called.host.clock.ms).toBeLessThan(310_000);
		});

		test("SIGTERM ends it", async () => {
			const { host } = await call("install", {
				files: { ...NODE, [CACHED]: EDITED, "/run/crio/crio.sock": "" },
			});
			const called = await again("uninstall --wait 5m", {
				host: { ...host, signal: () => "SIGTERM" },
			});
			expect(called.code).toBe(3);
			expect(host.clock.ms).toBeLessThan(10_000);
		});
	});

	test("--textfile: the metrics that a killed agent has left go", async () => {
		const path = "/var/lib/node_exporter/flush.prom";
		const called = await call(`uninstall --textfile ${path}`, {
			files: { ...NODE, [path]: "conntrack_flush_installed 1\n" },
		});
		expect([called.code, called.out]).toEqual([0, `removed ${path}\n`]);
		expect(called.host.files.has(path)).toBe(false);
	});

	test("leaves what is not ours in the directory of records", async () => {
		const dir = "/run/cni/conntrack-flush";
		const called = await call("uninstall", {
			files: {
				...NODE,
				[`${dir}/n:4f2e:eth0.json`]: "{}",
				[`${dir}/departed`]: "[]",
				[`${dir}/departed.1`]: "[]",
				[`${dir}/unusable`]: "EPERM",
				[`${dir}/metrics/journal`]: "[]",
				[`${dir}/notes`]: "mine",
			},
		});
		expect(called.code).toBe(0);
		expect(
			[...called.host.files.keys()].filter((p) => p.startsWith(dir)),
		).toEqual([`${dir}/notes`]);
	});

	test("--dry-run shows it and changes nothing", async () => {
		const called = await again("uninstall --dry-run", await call("install"));
		expect(called.out).toMatch(
			/^--- [\s\S]*\+.*\n.*\nwould remove \/opt\/cni\/bin\/conntrack-flush\n$/,
		);
		expect(changes(called)).toEqual([]);
	});
});
