// The pains that users of other installers have filed about uninstalling, each with a
// test that our installer does not have it. The describe blocks are named after the
// pains.

import { spawnSync } from "node:child_process";
import {
	copyFileSync,
	existsSync,
	renameSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { undoAll } from "../support/undo.ts";
import { CHAIN, chainOf, installed, watching } from "./pains.ts";
import {
	BIN,
	BINARY,
	CONF,
	CONFLIST,
	createTree,
	EXECUTABLE,
	PRISTINE,
	type Tree,
} from "./tree.ts";

afterEach(undoAll);

describe("uninstall leaves references", () => {
	const cached = (text: string): string =>
		JSON.stringify({
			kind: "cniCacheV1",
			config: Buffer.from(text).toString("base64"),
		});

	test("without a trace: every file is as it was", async () => {
		const tree = createTree({
			[CONFLIST]: PRISTINE,
			[`${CONF}/87-podman.conflist`]: PRISTINE.replace("cbr0", "podman"),
		});
		const before = tree.list();
		await installed(tree);
		expect(tree.list()).not.toEqual(before);
		const ran = await tree.run(["uninstall", "--grace", "0"]);
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		expect(tree.list()).toEqual(before);
		expect(existsSync(tree.path("/run/cni/conntrack-flush"))).toBe(false);
		expect(tree.read(CONFLIST)).toBe(PRISTINE);
	});

	test("a drop-in goes with its directory, and only with its own", async () => {
		const tree = createTree();
		const before = tree.list();
		await installed(tree, "--mode", "dropin");
		expect(existsSync(tree.path(`${CONF}/cbr0/90-conntrack-flush.conf`))).toBe(
			true,
		);
		await tree.run(["uninstall", "--grace", "0"]);
		expect(tree.list()).toEqual(before);
		expect(existsSync(tree.path(`${CONF}/cbr0`))).toBe(false);
		tree.write(`${CONF}/cbr0/10-other.conf`, `{"type":"tuning"}`);
		await installed(tree, "--mode", "dropin");
		await tree.run(["uninstall", "--grace", "0"]);
		expect(tree.list(`${CONF}/cbr0`)).toEqual([`${CONF}/cbr0/10-other.conf`]);
	});

	test.each<[string, (tree: Tree) => void]>([
		["nothing is there", () => {}],
		["the executable alone", (t) => copyFileSync(EXECUTABLE, t.path(BINARY))],
		[
			"what a killed install left",
			(t) => t.write(`${BIN}/.conntrack-flush.conntrack-flush-new`, "x"),
		],
		[
			"the conflist alone, with a single plugin item after portmap",
			(t) =>
				t.write(
					CONFLIST,
					PRISTINE.replace(
						/(,\s+)(\{\s+"type": "portmap"[\s\S]*?\n {4}\})/,
						`$1$2$1{ "type": "conntrack-flush" }`,
					),
				),
		],
	])("half installed: %s", async (_, make) => {
		const tree = createTree();
		const before = tree.list();
		make(tree);
		for (let n = 0; n < 2; n++) {
			const ran = await tree.run(["uninstall", "--grace", "0"]);
			expect([ran.code, ran.stderr]).toEqual([0, ""]);
			expect(tree.list()).toEqual(before);
			expect(tree.read(CONFLIST)).toBe(PRISTINE);
		}
	});

	test.each(["", "x", "xx"])(
		"a configuration that CRI-O has cached keeps the executable (%j before it)",
		async (pad) => {
			const tree = createTree();
			await installed(tree);
			const path = "/var/lib/cni/results/cbr0-4f2e-eth0";
			tree.write(path, cached(pad + tree.read(CONFLIST)));
			const ran = await tree.run(["uninstall", "--grace", "0"]);
			expect(ran.code).toBe(0);
			expect(ran.stdout).toContain(
				`kept ${tree.path(BINARY)}: ${tree.path(path)} still names it\n`,
			);
			expect(tree.read(CONFLIST)).toBe(PRISTINE);
			expect(existsSync(tree.path(BINARY))).toBe(true);
			// the pod has ended
			tree.remove(path);
			expect((await tree.run(["uninstall", "--grace", "0"])).code).toBe(0);
			expect(existsSync(tree.path(BINARY))).toBe(false);
		},
	);

	test("containerd ends pods by the configuration of the moment: its cache keeps nothing", async () => {
		const tree = createTree();
		await installed(tree);
		tree.write(
			"/var/lib/cni/results/cbr0-4f2e-eth0",
			cached(tree.read(CONFLIST)),
		);
		await tree.run([
			...["uninstall", "--grace", "0"],
			...["--runtime-version", "containerd://1.7.27"],
		]);
		expect(existsSync(tree.path(BINARY))).toBe(false);
	});

	test.each([
		[
			"one that cannot be parsed",
			`{ "plugins": [{ "type": "conntrack-flush" },`,
		],
		[
			"a list of us alone",
			`{"name":"n","plugins":[{"type":"conntrack-flush"}]}`,
		],
	])(
		"a configuration that it cannot change keeps the executable: %s",
		async (_, text) => {
			const tree = createTree();
			await installed(tree);
			tree.write(`${CONF}/99-x.conflist`, text);
			const ran = await tree.run(["uninstall", "--grace", "0"]);
			expect(ran.stdout).toContain("99-x.conflist still names it");
			expect(existsSync(tree.path(BINARY))).toBe(true);
		},
	);

	test.each<[string, (tree: Tree) => void]>([
		["a directory", (t) => t.write(`${CONF}/00-x.conf/y`, "")],
		[
			"a link that leads nowhere",
			(t) => symlinkSync("/nowhere", t.path(`${CONF}/00-x.conf`)),
		],
		[
			"a link to itself",
			(t) => symlinkSync("00-x.conf", t.path(`${CONF}/00-x.conf`)),
		],
		["a pipe", (t) => void spawnSync("mkfifo", [t.path(`${CONF}/00-x.conf`)])],
		[
			"a link to another network's file",
			(t) => {
				t.write("/srv/net.conflist", PRISTINE);
				symlinkSync(t.path("/srv/net.conflist"), t.path(`${CONF}/99.conflist`));
			},
		],
		[
			"a file that is not UTF-8",
			(t) => {
				const text = PRISTINE.replace("cbr0", "r\u00e9seau");
				writeFileSync(t.path(`${CONF}/99.conflist`), text, "latin1");
			},
		],
	])("unusual files in the directory are no hindrance: %s", async (_, make) => {
		const tree = createTree();
		await installed(tree);
		make(tree);
		const before = tree.list(CONF);
		const ran = await tree.run(["uninstall", "--grace", "0"]);
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		expect(tree.read(CONFLIST)).toBe(PRISTINE);
		expect(existsSync(tree.path(BINARY))).toBe(false);
		expect(tree.list(CONF)).toEqual(before);
	});

	test.each<[string, (tree: Tree, text: string) => void, RegExp]>([
		[
			"a link",
			(t, text) => {
				t.write("/srv/net.conflist", text);
				symlinkSync(t.path("/srv/net.conflist"), t.path(`${CONF}/05.conflist`));
			},
			/05\.conflist is a link\n/,
		],
		[
			"not UTF-8",
			(t, text) =>
				writeFileSync(
					t.path(`${CONF}/05.conflist`),
					text.replace("cbr0", "r\u00e9seau"),
					"latin1",
				),
			/05\.conflist is not UTF-8\n.*by hand/,
		],
	])(
		"what it cannot change it says, does the rest, and keeps the executable: %s",
		async (_, make, message) => {
			const tree = createTree();
			await installed(tree);
			make(tree, tree.read(CONFLIST));
			const ran = await tree.run(["uninstall", "--grace", "0"]);
			expect(ran.code).toBe(1);
			expect(ran.stderr).toMatch(message);
			expect(ran.stdout).toContain("05.conflist still names it\n");
			expect(tree.read(CONFLIST)).toBe(PRISTINE);
			expect(existsSync(tree.path(BINARY))).toBe(true);
		},
	);

	test("what Cilium has renamed comes back without us", async () => {
		const tree = createTree();
		await installed(tree);
		const renamed = `${CONFLIST}.cilium_bak`;
		renameSync(tree.path(CONFLIST), tree.path(renamed));
		tree.write(`${CONF}/05-cilium.conflist`, PRISTINE);
		const ran = await tree.run(["uninstall", "--grace", "0"]);
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		expect(tree.read(renamed)).toBe(PRISTINE);
		expect(existsSync(tree.path(BINARY))).toBe(false);
	});

	test("an install --watch that would put everything back is not ignored", async () => {
		const tree = createTree();
		const started = await watching(tree);
		const ran = await tree.run(["uninstall", "--grace", "0"]);
		expect(ran.code).toBe(1);
		expect(ran.stderr).toMatch(/another installer is at work.*\n.*DaemonSet/);
		expect(chainOf(tree.read(CONFLIST))).toEqual(CHAIN);
		await started.end();
		expect((await tree.run(["uninstall", "--grace", "0"])).code).toBe(0);
	});

	test("SIGTERM is no uninstall: an upgrade restarts the pod", async () => {
		const tree = createTree();
		const started = await watching(tree);
		const { code, ms } = await started.end();
		expect(code).toBe(0);
		expect(ms).toBeLessThan(1000);
		expect(chainOf(tree.read(CONFLIST))).toEqual(CHAIN);
		expect(existsSync(tree.path(BINARY))).toBe(true);
	});
});
