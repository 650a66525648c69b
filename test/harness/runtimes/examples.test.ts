// Every file of conflist-examples is what libcni loads from a configuration
// directory, is true to what the product ships, and has its line in the README.

import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Conflist } from "../../support/chain.ts";
import { must, run } from "../../support/exec.ts";
import { OUR_BIN } from "../../support/requirements.ts";
import {
	conflistOf,
	DROP_IN,
	EXAMPLES,
	exampleOf,
	readExample,
	withoutUs,
} from "../../support/runtimes/examples.ts";
import { tool } from "../../support/runtimes/tools.ts";

const SCHEMA = JSON.parse(
	readFileSync("plugin/cni/conf.schema.json", "utf8"),
) as {
	readonly properties: object;
};

const isOurs = ({ type }: { readonly type: string }): boolean =>
	type === "conntrack-flush";

let dir = "";
beforeAll(() => {
	dir = mkdtempSync(join(tmpdir(), "conntrack-flush-examples-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The network as libcni sees it in a new directory with these files. */
async function load(
	files: Readonly<Record<string, string>>,
	network: string,
): Promise<Conflist> {
	const confDir = mkdtempSync(join(dir, "net.d-"));
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(join(confDir, path, ".."), { recursive: true });
		writeFileSync(join(confDir, path), text);
	}
	const said = await must([tool("programs/loadconf"), confDir, network]);
	return JSON.parse(said) as Conflist;
}

describe.each(EXAMPLES)("$file", (example) => {
	const list = conflistOf(example);

	test("libcni loads it as it is written", async () => {
		const seen = await load(
			{ [example.installedAs]: readExample(example.file) },
			list.name,
		);
		const { name, cniVersion, plugins } = list;
		expect(seen).toEqual({ name, cniVersion, plugins });
	});

	test("libcni has nothing to say against what is left without us", async () => {
		const rest = withoutUs(list);
		const seen = await load(
			{ [example.installedAs]: JSON.stringify(rest) },
			list.name,
		);
		expect(seen.plugins).toEqual(rest.plugins);
	});

	test("our keys are those of the plugin", async () => {
		for (const plugin of list.plugins.filter(isOurs)) {
			const { name, cniVersion } = list;
			const ran = await run([join(OUR_BIN, "conntrack-flush")], {
				input: JSON.stringify({ dataDir: dir, ...plugin, name, cniVersion }),
				env: {
					CNI_COMMAND: "DEL",
					CNI_CONTAINERID: "example",
					CNI_IFNAME: "eth0",
					CNI_PATH: dir,
				},
			});
			expect(ran).toMatchObject({ code: 0, stdout: "", stderr: "" });
			const known = Object.keys(SCHEMA.properties);
			const ours = Object.keys(plugin).filter(
				(key) => key !== "type" && key !== "capabilities",
			);
			expect(known).toEqual(expect.arrayContaining(ours));
		}
	});
});

test("the drop-in is appended to the network whose directory it is in, and to no other", async () => {
	const ours = JSON.parse(readExample(DROP_IN));
	const rest = withoutUs(conflistOf(exampleOf("containerd.conflist")));
	const files = {
		"10-containerd-net.conflist": JSON.stringify(rest),
		"20-other.conflist": JSON.stringify({ ...rest, name: "other" }),
		"containerd-net/90-conntrack-flush.conf": readExample(DROP_IN),
	};
	expect((await load(files, "containerd-net")).plugins).toEqual([
		...rest.plugins,
		ours,
	]);
	expect((await load(files, "other")).plugins).toEqual(rest.plugins);
});

test("podman's is Debian's file and our entry", () => {
	const shipped: unknown = JSON.parse(
		readFileSync(
			tool("debian/etc/cni/net.d/87-podman-bridge.conflist"),
			"utf8",
		),
	);
	expect(withoutUs(conflistOf(exampleOf("podman.conflist")))).toEqual(shipped);
});

test("the README's table names every file, and no other", () => {
	const named = [
		...readExample("README.md").matchAll(/^\| \[`(.+?)`\]\((.+?)\)/gm),
	].map(([, name, target]) => {
		expect(target).toBe(name);
		return name;
	});
	const there = readdirSync("conflist-examples", {
		recursive: true,
		encoding: "utf8",
	}).filter((f) => /\.conf(list)?$/.test(f));
	expect(named.sort()).toEqual(there.sort());
	expect(there.sort()).toEqual(
		[...EXAMPLES.map(({ file }) => file), DROP_IN].sort(),
	);
});
