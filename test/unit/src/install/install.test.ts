// `install` through the command, on a node in memory. Its refusals are in
// install.refused.test.ts.

import { describe, expect, test } from "vitest";
import { main } from "../../../../plugin/main.ts";
import { type FakeHost, fakeHost } from "../../../support/fakehost.ts";
import {
	again,
	BIN,
	BINARY,
	CONF,
	call,
	changes,
	DROP_IN,
	EDITED,
	FILE,
	LIST,
	NODE,
} from "../../../support/unit/installing.ts";

const MULTUS = `{"name":"m","type":"multus","capabilities":{"portMappings":true},"clusterNetwork":"${FILE}"}`;

describe("install", () => {
	test("puts the executable there first, each by a synced temporary in its directory", async () => {
		const called = await call("install");
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.host.files.get(FILE)).toBe(EDITED);
		const calls = called.calls.filter(
			(c) =>
				(/^(copy|write|sync|rename)/.test(c) && c.includes("/etc/")) ||
				/^(copy|sync|rename).*bin/.test(c),
		);
		expect(calls).toEqual([
			`copyFile ${BIN}/.conntrack-flush.conntrack-flush-new`,
			`sync ${BIN}/.conntrack-flush.conntrack-flush-new`,
			`rename ${BIN}/.conntrack-flush.conntrack-flush-new`,
			`sync ${BIN}`,
			`writeFile ${CONF}/.10-net.conflist.conntrack-flush-new`,
			`sync ${CONF}/.10-net.conflist.conntrack-flush-new`,
			`rename ${CONF}/.10-net.conflist.conntrack-flush-new`,
			`sync ${CONF}`,
		]);
	});

	test.each([[""], [" --mode dropin"]])(
		"a second%s changes nothing",
		async (words) => {
			const first = await call(`install${words}`);
			const before = new Map(first.host.files);
			const second = await again(`install${words}`, first);
			expect([second.code, second.err]).toEqual([0, ""]);
			expect(second.out).toContain(`unchanged ${BINARY}\n`);
			expect(second.out).toContain(`unchanged ${FILE}\n`);
			expect(second.host.files).toEqual(before);
		},
	);

	test.each<
		[string, string, Record<string, string>, Record<string, string | undefined>]
	>([
		["edit", "--mode edit", {}, { [FILE]: EDITED, [DROP_IN]: undefined }],
		[
			"dropin",
			"--mode dropin",
			{},
			{
				[FILE]: LIST,
				[DROP_IN]: `{\n  "type": "conntrack-flush",\n  "capabilities": {\n    "portMappings": true\n  }\n}\n`,
			},
		],
		[
			"CRI-O's drop-in goes by the pod's address",
			"--runtime-version cri-o://1.33.0",
			{},
			{
				[FILE]: LIST,
				[DROP_IN]: `{\n  "type": "conntrack-flush",\n  "scope": "pod",\n  "retireSeconds": 0\n}\n`,
			},
		],
		[
			"CRI-O that is seen, and not named",
			"",
			{ "/run/crio/crio.sock": "" },
			{
				[FILE]: LIST.replace(
					"}}]}",
					`}},{"type":"conntrack-flush","scope":"pod","retireSeconds":0}]}`,
				),
			},
		],
		[
			"CRI-O is there, but the node's runtime is named",
			"--runtime-version containerd://1.7.27",
			{ "/run/crio/crio.sock": "" },
			{ [FILE]: EDITED },
		],
		[
			"a directory of records of one's own",
			"--data-dir /run/flush",
			{},
			{
				[FILE]: EDITED.replaceAll(
					/("on":.*?"portMappings":true\})/g,
					`$1,"dataDir":"/run/flush"`,
				),
			},
		],
		[
			"from a drop-in to plugin items: never both",
			"--mode edit",
			{ [DROP_IN]: `{"type":"conntrack-flush"}` },
			{ [FILE]: EDITED, [DROP_IN]: undefined },
		],
		[
			"from plugin items to a drop-in, with what the user has set in them",
			"--mode dropin --runtime-version cri-o://1.33.0",
			{ [FILE]: EDITED.replace(`"on":"del"`, `"on":"del","logLevel":"debug"`) },
			{
				[FILE]: LIST,
				[DROP_IN]: `{\n  "type": "conntrack-flush",\n  "scope": "pod",\n  "retireSeconds": 0,\n  "logLevel": "debug"\n}\n`,
			},
		],
		[
			"both, which nobody has asked for: repaired",
			"--runtime-version containerd://2.1.0",
			{ [FILE]: EDITED, [DROP_IN]: `{"type":"conntrack-flush"}` },
			{ [FILE]: EDITED, [DROP_IN]: undefined },
		],
		[
			"a drop-in that is there stays as the user has it",
			"",
			{
				[DROP_IN]: `{"type":"conntrack-flush","capabilities":{"portMappings":true},"protocols":["tcp"]}`,
			},
			{
				[FILE]: LIST,
				[DROP_IN]: `{"type":"conntrack-flush","capabilities":{"portMappings":true},"protocols":["tcp"]}`,
			},
		],
		[
			"a drop-in that is broken is written anew",
			"--mode dropin --proto udp --proto tcp",
			{ [DROP_IN]: `{"type":` },
			{
				[DROP_IN]: `{\n  "type": "conntrack-flush",\n  "capabilities": {\n    "portMappings": true\n  },\n  "protocols": [\n    "udp",\n    "tcp"\n  ]\n}\n`,
			},
		],
		[
			"the first file by name counts, others stay",
			"",
			{
				[`${CONF}/09-a.conflist`]: LIST,
				[`${CONF}/09-b.txt`]: "x",
				[`${CONF}/08-directory.conflist/x`]: "x",
			},
			{
				[`${CONF}/09-a.conflist`]: EDITED,
				[FILE]: LIST,
				[`${CONF}/09-b.txt`]: "x",
			},
		],
		[
			"the one that is named counts",
			"--master-cni-file-name 10-net.conflist",
			{ [`${CONF}/09-a.conflist`]: LIST },
			{ [`${CONF}/09-a.conflist`]: LIST, [FILE]: EDITED },
		],
		[
			"Multus calls another file",
			"--runtime-version containerd://2.1.0",
			{ [`${CONF}/00-multus.conf`]: MULTUS },
			{
				[`${CONF}/00-multus.conf`]: MULTUS,
				[FILE]: EDITED,
				[DROP_IN]: undefined,
			},
		],
	])("%s", async (_, words, files, want) => {
		const called = await call(`install ${words}`.trim(), {
			files: { ...NODE, ...files },
		});
		expect([called.code, called.err]).toEqual([0, ""]);
		for (const [path, text] of Object.entries(want))
			expect(called.host.files.get(path), path).toBe(text);
		expect(called.host.files.get(BINARY)).toBe("executable");
	});

	test("keeps the file of before outside the directory, and not one of its own", async () => {
		const first = await call("install");
		const backup = "/run/cni/conntrack-flush/backup/10-net.conflist";
		expect(first.host.files.get(backup)).toBe(LIST);
		const damaged = EDITED.replace(`"on":"add"`, `"on":"both"`);
		first.host.writeFile(FILE, damaged, 0o644);
		const second = await again("install", first);
		expect(second.host.files.get(FILE)).toBe(EDITED);
		expect(second.host.files.get(backup)).toBe(LIST);
	});

	test("takes away what a killed one has left", async () => {
		const done = await call("install");
		for (const path of [
			`${BIN}/.conntrack-flush.conntrack-flush-new`,
			`${CONF}/.10-net.conflist.conntrack-flush-new`,
		])
			done.host.writeFile(path, "half", 0o600);
		const called = await again("install", done);
		expect(called.code).toBe(0);
		expect(
			[...called.host.files.keys()].filter((p) => p.endsWith("-new")),
		).toEqual([]);
	});

	test("a new drop-in is said to be created", async () => {
		const { out } = await call("install --mode dropin");
		expect(out).toContain(`created ${DROP_IN}\n`);
	});

	test("CRI-O and containerd on one node: it says that it does not know", async () => {
		const files = { ...NODE, "/run/crio/x": "", "/run/containerd/x": "" };
		const { err, host } = await call("install", { files });
		expect(err).toMatch(/CRI-O and containerd are here.*--runtime-version/);
		expect(host.files.get(FILE)).toBe(EDITED);
	});

	test("a drop-in makes containerd look, by a file that goes", async () => {
		const called = await call("install --mode dropin");
		const calls = called.calls.filter((c) => /^(rename|unlink) \/etc/.test(c));
		expect(calls.at(-1)).toBe(`unlink ${CONF}/.conntrack-flush.nudge`);
		expect(calls[0]).toMatch(/^rename .*90-conntrack-flush/);
	});

	test("a primary that writes in between is not overwritten", async () => {
		const newer = LIST.replace(`"n"`, `"newer"`);
		let written = false;
		const files: Record<string, string> = { ...NODE };
		const host: FakeHost = fakeHost({
			argv: ["install"],
			files,
			fail(what, path) {
				// right before our rename
				if (what === "sync" && path.includes(".10-net") && !written) {
					written = true;
					host.writeFile(FILE, newer, 0o644);
				}
				return undefined;
			},
		});
		expect(await main(host)).toBe(0);
		expect(host.files.get(FILE)).toBe(EDITED.replace(`"n"`, `"newer"`));
	});
});

describe("what only looks", () => {
	test("--dry-run shows a diff and what would be copied", async () => {
		const called = await call("install --dry-run");
		expect(called.code).toBe(0);
		expect(called.out).toBe(
			`would install ${BINARY}\n--- ${FILE}\n+++ ${FILE}\n@@ -1,1 +1,1 @@\n-${LIST}\n\\ No newline at end of file\n+${EDITED}\n\\ No newline at end of file\n`,
		);
		expect(changes(called)).toEqual([]);
	});

	test("--check: 3 and what is not in place, 0 and nothing", async () => {
		const before = await call("install --check");
		expect([before.code, before.out]).toEqual([
			3,
			`missing or another version: ${BINARY}\nto be changed: ${FILE}\n`,
		]);
		expect(changes(before)).toEqual([]);
		const after = await again("install --check", await call("install"));
		expect([after.code, after.out, changes(after)]).toEqual([0, "", []]);
	});

	test("--check: 3 while there is no configuration", async () => {
		const called = await call("install --check --cni-conf-dir /nowhere");
		expect(called.code).toBe(3);
		expect(called.out).toContain("no network configuration yet\n");
	});

	test.each([
		["", `"on": "del"`],
		["--runtime-version cri-o://1.32.0", `"scope": "pod"`],
		["--data-dir /run/flush", `"dataDir": "/run/flush"`],
		["--proto udp --proto tcp", `"protocols": [ "udp", "tcp" ]`],
	])("--mode print %s", async (words, text) => {
		const called = await call(`install --mode print ${words}`.trim(), {
			files: {},
		});
		expect(called.code).toBe(0);
		expect(called.out).toContain(text);
		expect(changes(called)).toEqual([]);
	});
});
