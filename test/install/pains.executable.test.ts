// The pains that users of other installers have filed about the executable, each with
// a test that our installer does not have it. The describe blocks are named after the
// pains.

import { spawn } from "node:child_process";
import {
	appendFileSync,
	chmodSync,
	copyFileSync,
	openSync,
	readFileSync,
	statSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { onEnd, undoAll } from "../support/undo.ts";
import { installed, isSelf, watching } from "./pains.ts";
import {
	BIN,
	BINARY,
	CONF,
	CONFLIST,
	createTree,
	EXECUTABLE,
	PRISTINE,
	type Tree,
	until,
} from "./tree.ts";

afterEach(undoAll);

describe("text file busy", () => {
	test("the executable is replaced while it runs, and the call under way goes on", async () => {
		const tree = createTree();
		// another version: the same code, other bytes
		copyFileSync(EXECUTABLE, tree.path(BINARY));
		appendFileSync(tree.path(BINARY), "another version");
		const call = spawn(tree.path(BINARY), {
			env: { CNI_COMMAND: "VERSION" },
			stdio: ["pipe", "pipe", "inherit"],
		});
		onEnd(() => call.kill("SIGKILL"));
		let said = "";
		call.stdout.on("data", (b: Buffer) => {
			said += b;
		});
		await until("it runs", () =>
			readFileSync(`/proc/${call.pid}/cmdline`, "latin1").includes(BINARY),
		);
		// this makes `cp` fail
		expect(() => openSync(tree.path(BINARY), "w")).toThrow(/ETXTBSY/);

		const ran = await tree.run(["install"]);
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		expect(ran.stdout).toContain(`replaced ${tree.path(BINARY)}\n`);
		expect(isSelf(tree.path(BINARY))).toBe(true);
		const ended = new Promise((resolve) => call.once("close", resolve));
		call.stdin.end('{"cniVersion":"1.0.0"}');
		expect(await ended).toBe(0);
		expect(said).toContain("supportedVersions");
	});

	test("an identical one is not touched", async () => {
		const tree = createTree();
		await installed(tree);
		const before = statSync(tree.path(BINARY), { bigint: true });
		const ran = await tree.run(["install"]);
		expect(ran.stdout).toContain(`unchanged ${tree.path(BINARY)}\n`);
		expect(statSync(tree.path(BINARY), { bigint: true })).toMatchObject({
			ino: before.ino,
			ctimeNs: before.ctimeNs,
		});
	});
});

describe("binary deleted by others", () => {
	test.each<[string, (tree: Tree) => void]>([
		["deleted", (t) => t.remove(BINARY)],
		[
			"replaced by another version",
			(t) => {
				t.remove(BINARY);
				t.write(BINARY, "#!/bin/sh\n", 0o755);
			},
		],
		["no longer executable", (t) => chmodSync(t.path(BINARY), 0o644)],
		[
			"cut",
			(t) => {
				const half = readFileSync(EXECUTABLE).subarray(0, 100_000);
				t.remove(BINARY);
				t.write(BINARY, half.toString("latin1"), 0o755);
			},
		],
	])("%s, again and again: it comes back", async (_, harm) => {
		const tree = createTree();
		const started = await watching(tree);
		for (let n = 0; n < 3; n++) {
			harm(tree);
			await until(
				"the executable is back",
				() =>
					isSelf(tree.path(BINARY)) &&
					(statSync(tree.path(BINARY)).mode & 0o777) === 0o755,
			);
		}
		await started.end();
	});
});

describe("binary before config", () => {
	test("where the executable cannot be put, the configuration is not changed", async () => {
		const tree = createTree();
		const ran = await tree.run(["install"], {
			by: [
				...["unshare", "--mount", "sh", "-c"],
				`mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; exec "$@"`,
				tree.path(BIN),
			],
		});
		expect(ran.code).toBe(1);
		expect(ran.stderr).toMatch(/\/opt\/cni\/bin.*EROFS/);
		expect(tree.read(CONFLIST)).toBe(PRISTINE);
	});

	test("where the runtime's plugins are elsewhere, the configuration is not changed", async () => {
		const tree = createTree();
		tree.remove(`${BIN}/flannel`);
		const ran = await tree.run(["install"]);
		expect(ran.code).toBe(1);
		expect(ran.stderr).toMatch(
			/flannel, which .*10-net.conflist names, is not in \S+\/opt\/cni\/bin\n.*--cni-bin-dir/,
		);
		expect(tree.read(CONFLIST)).toBe(PRISTINE);
	});
});

describe("SELinux: the label of a copy", () => {
	test("the temporary is made in the directory itself, whose label it gets", async () => {
		const tree = createTree();
		const trace = join(tree.root, "trace");
		await tree.run(["install"], {
			by: [
				"strace",
				"-qq",
				"-o",
				trace,
				"-e",
				"trace=rename,renameat,renameat2",
			],
		});
		const renames = [
			...readFileSync(trace, "utf8").matchAll(
				/^rename\w*\(.*?"(.*?)",.*?"(.*?)"/gm,
			),
		];
		expect(
			renames.map(([, from = "", to = ""]) => [join(from, ".."), to]),
		).toEqual([
			[tree.path(BIN), tree.path(BINARY)],
			[
				tree.path("/run/cni/conntrack-flush/backup"),
				tree.path("/run/cni/conntrack-flush/backup/10-net.conflist"),
			],
			[tree.path(CONF), tree.path(CONFLIST)],
		]);
	});
});
