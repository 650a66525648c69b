// The pains that users of other installers have filed about the configuration, each
// with a test that our installer does not have it. The describe blocks are named
// after the pains.

import {
	appendFileSync,
	chownSync,
	existsSync,
	renameSync,
	statSync,
	utimesSync,
} from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { sleep } from "../support/clock.ts";
import { undoAll } from "../support/undo.ts";
import {
	CHAIN,
	chainOf,
	INTERVAL,
	installed,
	QUIET_MS,
	watching,
} from "./pains.ts";
import {
	BINARY,
	CONF,
	CONFLIST,
	createTree,
	PRISTINE,
	type Tree,
	until,
} from "./tree.ts";

afterEach(undoAll);

describe("primary overwrites the conflist", () => {
	test.each<[string, (tree: Tree) => void]>([
		["in place", (tree) => tree.write(CONFLIST, PRISTINE)],
		[
			"by renaming another",
			(tree) => {
				tree.write(`${CONF}/new`, PRISTINE);
				renameSync(tree.path(`${CONF}/new`), tree.path(CONFLIST));
			},
		],
		[
			"with another network",
			(tree) =>
				tree.write(
					CONFLIST,
					PRISTINE.replace("cbr0", "other").replace("0.3.1", "1.0.0"),
				),
		],
		[
			"with the same size and time",
			(tree) => {
				const { atime, mtime } = statSync(tree.path(CONFLIST));
				const text = tree
					.read(CONFLIST)
					.replaceAll("conntrack-flush", "conntrack-flash");
				tree.write(`${CONF}/new`, text);
				utimesSync(tree.path(`${CONF}/new`), atime, mtime);
				renameSync(tree.path(`${CONF}/new`), tree.path(CONFLIST));
			},
		],
	])("%s: the plugin items come back", async (_, overwrite) => {
		const tree = createTree();
		const started = await watching(tree);
		overwrite(tree);
		await until("back in the chain", () =>
			tree.read(CONFLIST).includes('"conntrack-flush"'),
		);
		expect((await started.end()).code).toBe(0);
	});

	test("under another name: the plugin items go where it went", async () => {
		const tree = createTree();
		const started = await watching(tree);
		tree.write(`${CONF}/05-azure.conflist`, PRISTINE);
		tree.remove(CONFLIST);
		await until("in the other file", () =>
			tree.read(`${CONF}/05-azure.conflist`).includes("conntrack-flush"),
		);
		await started.end();
	});

	test("half of a file is left alone until the rest comes", async () => {
		const tree = createTree();
		const started = await watching(tree);
		const half = PRISTINE.slice(0, 100);
		tree.write(CONFLIST, half);
		await sleep(QUIET_MS);
		expect(tree.read(CONFLIST)).toBe(half);
		appendFileSync(tree.path(CONFLIST), PRISTINE.slice(100));
		await until("in the chain", () =>
			tree.read(CONFLIST).includes("conntrack-flush"),
		);
		// what failed again and again was said once
		expect(started.log().match(/not JSON/g)).toHaveLength(1);
		await started.end();
	});

	test("a drop-in does not mind", async () => {
		const tree = createTree();
		await installed(tree, "--runtime-version", "containerd://2.1.0");
		expect(tree.read(CONFLIST)).toBe(PRISTINE);
		tree.write(CONFLIST, PRISTINE.replace("0.3.1", "1.0.0"));
		const ran = await tree.run([
			...["install", "--check"],
			...["--runtime-version", "containerd://2.1.0"],
		]);
		expect([ran.code, ran.stdout]).toEqual([0, ""]);
	});
});

describe("Cilium exclusive mode", () => {
	test("is refused, loudly, and nothing is changed", async () => {
		const files = {
			[CONFLIST]: PRISTINE,
			[`${CONF}/87-podman.conflist.cilium_bak`]: PRISTINE,
		};
		const tree = createTree(files);
		for (const mode of ["auto", "edit", "dropin"]) {
			const ran = await tree.run(["install", "--mode", mode]);
			expect([ran.code, ran.stdout.includes("changed")]).toEqual([1, false]);
			expect(ran.stderr).toMatch(/87-podman.*\n.*cni\.exclusive=false/);
		}
		expect(tree.read(CONFLIST)).toBe(PRISTINE);
	});
});

describe("rewriting cniVersion or the name of others", () => {
	test("every other byte, mode and owner of the file stay, and come back", async () => {
		const tree = createTree({});
		tree.write(CONFLIST, PRISTINE, 0o600);
		chownSync(tree.path(CONFLIST), 1000, 1001);
		const owned = { uid: 1000, gid: 1001 };
		await installed(tree);
		const text = tree.read(CONFLIST);
		expect(chainOf(text)).toEqual(CHAIN);
		expect(statSync(tree.path(CONFLIST)).mode & 0o7777).toBe(0o600);
		expect(statSync(tree.path(CONFLIST))).toMatchObject(owned);
		const lines = text.split("\n");
		expect(
			PRISTINE.split("\n").filter((line) => !lines.includes(line)),
		).toEqual([]);
		await tree.run(["uninstall", "--grace", "0"]);
		expect(tree.read(CONFLIST)).toBe(PRISTINE);
		expect(statSync(tree.path(CONFLIST)).mode & 0o7777).toBe(0o600);
		expect(statSync(tree.path(CONFLIST))).toMatchObject(owned);
	});

	test("without the right to give files away it is root's, and works", async () => {
		const tree = createTree();
		chownSync(tree.path(CONFLIST), 1000, 1001);
		const ran = await tree.run(["install"], {
			by: ["setpriv", "--bounding-set", "-chown", "--"],
		});
		expect([ran.code, ran.stderr]).toEqual([0, ""]);
		expect(chainOf(tree.read(CONFLIST))).toEqual(CHAIN);
	});
});

describe("own pod cannot start", () => {
	test("it needs no network, no API and no configuration: it waits, and says so once", async () => {
		const tree = createTree({});
		const started = tree.start(["install", "--watch", ...INTERVAL], {
			by: ["unshare", "--net", "--ipc", "--"],
		});
		await until("the executable is there", () => existsSync(tree.path(BINARY)));
		await sleep(QUIET_MS);
		expect(started.log().match(/msg=waiting/g)).toHaveLength(1);
		tree.write(CONFLIST, PRISTINE);
		await until("in the chain", () =>
			tree.read(CONFLIST).includes("conntrack-flush"),
		);
		expect((await started.end()).code).toBe(0);
	});
});

describe("loud failure or silent skip", () => {
	test("what it cannot do it says once, and goes on trying", async () => {
		const single = `{"cniVersion":"0.3.1","name":"n","type":"ptp"}`;
		const tree = createTree({ [`${CONF}/10-net.conf`]: single });
		const started = tree.start(["install", "--watch", ...INTERVAL]);
		await until("it has said so", () =>
			started.log().includes("single plugin ptp"),
		);
		await sleep(QUIET_MS);
		expect(started.log().match(/single plugin ptp/g)).toHaveLength(1);
		expect(tree.read(`${CONF}/10-net.conf`)).toBe(single);
		tree.remove(`${CONF}/10-net.conf`);
		tree.write(CONFLIST, PRISTINE);
		await until("in the chain", () =>
			tree.read(CONFLIST).includes("conntrack-flush"),
		);
		await started.end();
	});
});
