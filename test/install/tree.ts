// A node's directories below one of our own, as a container sees them under /host,
// and the installer run on them. It starts no runtime.

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

/** The conflist of flannel's ConfigMap. */
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
	/** Returns the paths of all files below a directory, from the root. */
	list(path?: string): string[];
	/** Runs the installer on this tree to its end. */
	run(words: readonly string[], options?: RunOptions): Promise<Ran>;
	/** Starts the installer on this tree. It runs until the test ends. */
	start(words: readonly string[], options?: RunOptions): Started;
}

export interface RunOptions {
	/** The program that runs the command, with its arguments: strace, unshare, … */
	readonly by?: readonly string[];
	readonly executable?: string;
}

export interface Started {
	readonly child: ChildProcess;
	/** Returns its log so far. */
	log(): string;
	/** Sends SIGTERM and resolves with the exit code and the time until the end. */
	end(): Promise<{ readonly code: number | null; readonly ms: number }>;
}

/** Creates a node with plugins and these files, or with a pristine configuration. */
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

/** Returns false if `holds` throws: a file that is being replaced may be absent. */
function attempt(holds: () => boolean): boolean {
	try {
		return holds();
	} catch {
		return false;
	}
}
