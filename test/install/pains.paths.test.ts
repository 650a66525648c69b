// The pains that users of other installers have filed about the places of a node's
// files, each with a test that our installer does not have it. The describe blocks are
// named after the pains.

import { copyFileSync, existsSync, symlinkSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { undoAll } from "../support/undo.ts";
import { CHAIN, chainOf, installed, isSelf } from "./pains.ts";
import {
	BIN,
	BINARY,
	CONF,
	CONFLIST,
	createTree,
	EXECUTABLE,
	PRISTINE,
} from "./tree.ts";

afterEach(undoAll);

describe("read-only or odd paths", () => {
	const K3S = "/var/lib/rancher/k3s";
	const MICROK8S = "/var/snap/microk8s/current";
	test.each<[string, string[], string]>([
		["kubeadm, EKS, AKS, kind", [BIN], CONF],
		["GKE", ["/home/kubernetes/bin"], CONF],
		["k3s", [`${K3S}/data/cni`], `${K3S}/agent/etc/cni/net.d`],
		[
			"k3s before October 2024",
			[`${K3S}/data/current/bin`],
			`${K3S}/agent/etc/cni/net.d`,
		],
		["microk8s", [`${MICROK8S}/opt/cni/bin`], `${MICROK8S}/args/cni-network`],
		["Debian's packages", ["/usr/lib/cni"], CONF],
		["Fedora's packages", ["/usr/libexec/cni"], CONF],
		["two directories of plugins", ["/opt/cni/bin", "/usr/lib/cni"], CONF],
	])("%s", async (_, bins, conf) => {
		const tree = createTree({ [`${conf}/10-net.conflist`]: PRISTINE });
		tree.remove("/opt");
		tree.remove(`${BIN}`);
		// many nodes have this directory, and nothing is in it
		tree.write("/opt/cni/bin/.keep", "");
		for (const bin of bins)
			for (const plugin of ["flannel", "portmap"])
				tree.write(`${bin}/${plugin}`, "", 0o755);
		await installed(tree);
		for (const bin of bins)
			expect(isSelf(tree.path(`${bin}/conntrack-flush`))).toBe(true);
		expect(
			tree.list().filter((p) => p.endsWith("/conntrack-flush")),
		).toHaveLength(bins.length);
		expect(chainOf(tree.read(`${conf}/10-net.conflist`))).toEqual(CHAIN);
		await tree.run(["uninstall", "--grace", "0"]);
		expect(tree.list().filter((p) => p.includes("conntrack-flush"))).toEqual(
			[],
		);
	});

	test("the flags of Multus name others", async () => {
		const tree = createTree({
			"/etc/kubernetes/cni/net.d/10-net.conflist": PRISTINE,
		});
		tree.write("/var/lib/cni/bin/flannel", "", 0o755);
		const where = [
			...["--cni-bin-dir", "/var/lib/cni/bin"],
			...["--cni-conf-dir", "/etc/kubernetes/cni/net.d/"],
			...["--master-cni-file-name", "10-net.conflist"],
		];
		await installed(tree, ...where);
		expect(existsSync(tree.path(BINARY))).toBe(false);
		expect(isSelf(tree.path("/var/lib/cni/bin/conntrack-flush"))).toBe(true);
	});

	test("a read-only directory that has the executable will do", async () => {
		const tree = createTree();
		copyFileSync(EXECUTABLE, tree.path(BINARY));
		const ran = await tree.run(["install"], {
			by: [
				...["unshare", "--mount", "sh", "-c"],
				`mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; exec "$@"`,
				tree.path(BIN),
			],
		});
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		expect(chainOf(tree.read(CONFLIST))).toEqual(CHAIN);
	});

	test("of two directories that were found, one may be read-only", async () => {
		const tree = createTree();
		for (const plugin of ["flannel", "portmap"])
			tree.write(`/usr/lib/cni/${plugin}`, "", 0o755);
		const readOnly = {
			by: [
				...["unshare", "--mount", "sh", "-c"],
				`mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; exec "$@"`,
				tree.path("/usr/lib/cni"),
			],
		};
		const ran = await tree.run(["install"], readOnly);
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		expect(isSelf(tree.path(BINARY))).toBe(true);
		const check = await tree.run(["install", "--check"], readOnly);
		expect([check.code, check.stdout]).toEqual([0, ""]);
		const out = await tree.run(["uninstall", "--grace", "0"], readOnly);
		expect([out.code, out.stderr]).toEqual([0, ""]);
		expect(existsSync(tree.path(BINARY))).toBe(false);
	});

	test("a conflist that is a link is not replaced by a file", async () => {
		const tree = createTree({ "/nix/store/net.conflist": PRISTINE });
		symlinkSync(tree.path("/nix/store/net.conflist"), tree.path(CONFLIST));
		const ran = await tree.run(["install"]);
		expect(ran.code).toBe(1);
		expect(ran.stderr).toContain("10-net.conflist is a link\n");
		expect(tree.read("/nix/store/net.conflist")).toBe(PRISTINE);
	});
});
