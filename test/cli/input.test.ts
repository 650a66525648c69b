// Pipes are read like files: `<(command)` of a shell, a FIFO, and standard input by its
// name.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";

let node: Namespace;
let dir: string;
beforeAll(async () => {
	node = await createNamespace("node");
	dir = mkdtempSync(join(tmpdir(), "input-"));
	mkdirSync(join(dir, "data"));
	execFileSync("mkfifo", [join(dir, "fifo")]);
	writeFileSync(
		join(dir, "data/podnet:a:eth0.json"),
		JSON.stringify({
			version: 1,
			network: "podnet",
			containerID: "a",
			ifname: "eth0",
			added: 0,
			mappings: [],
			pods: [],
		}),
	);
});
afterAll(async () => {
	await undoAll();
	rmSync(dir, { recursive: true });
});

const DOCUMENT = JSON.stringify({
	frontends: [{ ips: ["10.96.0.10"], port: 53, endpoints: [] }],
});

/** Runs a line of bash, which has the text in `$TEXT`. */
const type = (line: string, text: string, input = "") =>
	run(node.inside(["bash", "--norc", "-c", `cd ${dir}; ${line}`]), {
		input,
		env: { PATH: `${OUR_BIN}:${process.env.PATH}`, TEXT: text },
	});

test.each([
	'gc --data-dir $PWD/data --valid <(echo "$TEXT")',
	'gc --data-dir $PWD/data --valid fifo & echo "$TEXT" > fifo; wait $!',
	'gc --data-dir $PWD/data --valid /dev/stdin <<< "$TEXT"',
])("%s", async (line) =>
	expect(await type(`conntrack-flush ${line}`, "a")).toMatchObject({
		code: 0,
		stdout: "dropped 0\n",
		stderr: "",
	}),
);

test.each([
	'reconcile --frontends <(echo "$TEXT")',
	'reconcile --frontends /dev/stdin < <(echo "$TEXT")',
])("%s", async (line) =>
	expect(await type(`conntrack-flush ${line}`, DOCUMENT)).toMatchObject({
		code: 0,
		stdout: "deleted 0, gone before 0, kept 0, looked at 0\n",
		stderr: "",
	}),
);

test("a loop needs what it can read again", async () =>
	expect(
		await type(
			'conntrack-flush reconcile --interval 1s --frontends <(echo "$TEXT")',
			DOCUMENT,
		),
	).toMatchObject({
		code: 2,
		stderr: expect.stringContaining("a file, which it can read again"),
	}));
