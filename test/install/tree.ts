// A node's directories below one of our own, as a container sees them under
// /host, and the installer run on them.

import { type ChildProcess, spawn } from "node:child_process";
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { now, sleep } from "../support/clock.ts";
import { type Ran, run } from "../support/exec.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { onEnd } from "../support/undo.ts";

export const EXECUTABLE = join(OUR_BIN, "conntrack-flush");
export const BIN = "/opt/cni/bin";
export const CONF = "/etc/cni/net.d";
export const CONFLIST = `${CONF}/10-net.conflist`;
export const BINARY = `${BIN}/conntrack-flush`;

/** As flannel's ConfigMap has it. */
export const PRISTINE = `{
  "name": "cbr0",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "flannel",
      "delegate": { "hairpinMode": true, "isDefaultGateway": true }
    },
    {
      "type": "portmap",
      "capabilities": { "portMappings": true }
    }
  ]
}
`;

export interface Tree {
	readonly root: string;
	path(path: string): string;
	read(path: string): string;
	write(path: string, text: string, mode?: number): void;
	remove(path: string): void;
	/** Paths of all files below a directory, from the root. */
	list(path?: string): string[];
	/** The installer, with this tree for the node. */
	run(words: readonly string[], options?: RunOptions): Promise<Ran>;
	/** The same, running until the test ends. */
	start(words: readonly string[], options?: RunOptions): Started;
}

export interface RunOptions {
	/** What the command is run by: strace, unshare, … */
	readonly by?: readonly string[];
	readonly executable?: string;
}

export interface Started {
	readonly child: ChildProcess;
	/** Its log so far. */
	log(): string;
	/** Sends SIGTERM and resolves with the exit code and how long that took. */
	end(): Promise<{ readonly code: number | null; readonly ms: number }>;
}

/** A node with plugins, and a configuration unless it is told others. */
export function createTree(
	files: Readonly<Record<string, string>> = { [CONFLIST]: PRISTINE },
): Tree {
	const root = mkdtempSync(join(tmpdir(), "conntrack-flush-node-"));
	onEnd(() => rmSync(root, { recursive: true, force: true }));
	const path = (p: string): string => root + p;
	const tree: Tree = {
		root,
		path,
		read: (p) => readFileSync(path(p), "utf8"),
		write(p, text, mode = 0o644) {
			mkdirSync(dirname(path(p)), { recursive: true });
			writeFileSync(path(p), text);
			chmodSync(path(p), mode);
		},
		remove: (p) => rmSync(path(p), { recursive: true, force: true }),
		list: (p = "") =>
			readdirSync(path(p), { recursive: true, withFileTypes: true })
				.filter((entry) => !entry.isDirectory())
				.map((entry) => join(entry.parentPath, entry.name).slice(root.length))
				.sort(),
		run: (words, { by = [], executable = EXECUTABLE } = {}) =>
			run([...by, executable, ...words, "--host-root", root], { env: {} }),
		start(words, { by = [], executable = EXECUTABLE } = {}) {
			const [file = "", ...args] = [
				...[...by, executable, ...words],
				...["--host-root", root],
			];
			const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"] });
			onEnd(() => child.kill("SIGKILL"));
			let said = "";
			child.stderr.on("data", (b: Buffer) => {
				said += b;
			});
			const ended = new Promise<number | null>((resolve) =>
				child.once("close", resolve),
			);
			return {
				child,
				log: () => said,
				async end() {
					const from = now();
					child.kill("SIGTERM");
					return { code: await ended, ms: now() - from };
				},
			};
		},
	};
	for (const plugin of ["flannel", "portmap", "loopback"])
		tree.write(`${BIN}/${plugin}`, "", 0o755);
	mkdirSync(path(CONF), { recursive: true });
	for (const [p, text] of Object.entries(files)) tree.write(p, text);
	return tree;
}

/** Resolves when `holds` does; rejects with its last answer after ten seconds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
	const last = now() + 10_000;
	while (!attempt(holds)) {
		if (now() > last) throw new Error(`not within ten seconds: ${what}`);
		await sleep(10);
	}
}

/** A file that is being replaced may not be there. */
function attempt(holds: () => boolean): boolean {
	try {
		return holds();
	} catch {
		return false;
	}
}
