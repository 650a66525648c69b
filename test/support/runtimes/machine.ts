// A machine of its own around a namespace that plays the node: the runtimes
// find their usual paths, and nothing of the real machine's /etc, /opt, /run
// and /var is touched. It is a mount, pid, IPC and UTS namespace; when its first
// process ends, the kernel ends all others and takes the mounts away.

import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { now, sleep } from "../clock.ts";
import { must, type Ran, type RunOptions, run, start } from "../exec.ts";
import type { Namespace } from "../netns.ts";
import { onEnd } from "../undo.ts";
import { inNewCgroups, removeCgroups } from "./cgroups.ts";
import { tool } from "./tools.ts";

const SCRIPT = fileURLToPath(new URL("./machine.sh", import.meta.url));

export interface Machine {
	/** A cgroup for all that runs in containers, at the root of each hierarchy. */
	readonly cgroup: string;
	/** The command as run inside. */
	inside(argv: readonly string[]): string[];
	run(argv: readonly string[], options?: RunOptions): Promise<Ran>;
	must(argv: readonly string[], options?: RunOptions): Promise<string>;
	/** Text of a file inside. */
	read(path: string): Promise<string>;
	write(path: string, text: string, mode?: string): Promise<void>;
	/** Starts a process that stays; both outputs go to the file `log`. */
	start(
		argv: readonly string[],
		log: string,
		env?: Readonly<Record<string, string>>,
	): Promise<Service>;
	end(): void;
}

export interface Service {
	/** Sends the signal and waits for the end. */
	stop(signal: NodeJS.Signals): Promise<void>;
}

export interface MachineOptions {
	/** The script that becomes its process 1, with its arguments. */
	readonly init?: readonly string[];
	/** It sees a cgroup of this name as the root of each hierarchy. */
	readonly cgroupRoot?: string | undefined;
}

/** The longest that a daemon may take to start. */
const START_MS = 20_000;

let made = 0;

export async function createMachine(
	node: Namespace,
	{ init = [SCRIPT, tool("debian")], cgroupRoot }: MachineOptions = {},
): Promise<Machine> {
	const cgroup = cgroupRoot ?? `cf${process.pid}-${++made}`;
	const isRoot = cgroupRoot !== undefined;
	const endCgroups = onEnd(() => removeCgroups(cgroup));
	const argv = [
		// The namespace must not outlive a test that is killed with SIGKILL.
		...["setpriv", "--pdeathsig", "KILL"],
		...(isRoot ? inNewCgroups(cgroup) : []),
		...["nsenter", `--net=${node.path}`],
		...["unshare", "--mount", "--pid", "--ipc", "--uts"],
		...(isRoot ? ["--cgroup"] : []),
		...["--fork", "--kill-child", "--propagation", "private"],
		...["sh", ...init],
	];
	const outer = start(argv, { stdio: ["ignore", "pipe", "pipe"] });
	await untilUp(outer);
	const first = childOf(outer.pid);
	const inside = (argv: readonly string[]): string[] => [
		...["nsenter", "-t", String(first), "-m", "-n", "-p", "-i", "-u"],
		...(isRoot ? ["-C", "--"] : ["--"]),
		...argv,
	];
	return {
		cgroup,
		inside,
		run: (argv, options) => run(inside(argv), options),
		must: (argv, options) => must(inside(argv), options),
		read: (path) => must(inside(["cat", path])),
		async write(path, text, mode = "0644") {
			// In place at once, as whoever watches the directory expects it.
			const script =
				'mkdir -p "$(dirname "$0")"; cat >"$0.tmp"; chmod "$1" "$0.tmp"; mv "$0.tmp" "$0"';
			await must(inside(["sh", "-ec", script, path, mode]), { input: text });
		},
		start: (argv, log, env) => startService(inside(argv), log, env),
		end() {
			outer.kill("SIGKILL");
			endCgroups();
		},
	};
}

/** Tries until `works` resolves; rejects with its last error if that takes too long. */
export async function untilItWorks(
	works: () => Promise<void>,
	longestMs = START_MS,
	everyMs = 50,
): Promise<void> {
	const last = now() + longestMs;
	for (;;) {
		try {
			return await works();
		} catch (e) {
			if (now() > last) throw e;
			await sleep(everyMs);
		}
	}
}

function untilUp(outer: ChildProcess): Promise<void> {
	return new Promise((resolve, reject) => {
		let said = "";
		const hear = (b: Buffer): void => {
			said += b;
			if (said.includes("up\n")) resolve();
		};
		outer.stdout?.on("data", hear);
		outer.stderr?.on("data", hear);
		outer.once("error", reject);
		outer.once("exit", (code) =>
			reject(new Error(`the machine ended: ${code}: ${said.trim()}`)),
		);
	});
}

async function startService(
	argv: readonly string[],
	log: string,
	env: Readonly<Record<string, string>> = {},
): Promise<Service> {
	const out = openSync(log, "a");
	const nsenter = start(argv, {
		stdio: ["ignore", out, out],
		env: { ...process.env, ...env },
	});
	closeSync(out);
	const ended = new Promise<void>((resolve) => nsenter.once("exit", resolve));
	// nsenter forks to enter the pid namespace, and passes no signals on.
	let pid: number | undefined;
	while (pid === undefined && nsenter.exitCode === null) {
		await sleep(2);
		pid = childrenOf(nsenter.pid)[0];
	}
	return {
		async stop(signal) {
			if (pid !== undefined && nsenter.exitCode === null)
				process.kill(pid, signal);
			await ended;
		},
	};
}

function childOf(pid: number | undefined): number {
	const [child] = childrenOf(pid);
	if (child === undefined) throw new Error(`process ${pid} has no child`);
	return child;
}

function childrenOf(pid: number | undefined): number[] {
	try {
		return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
			.split(" ")
			.filter(Boolean)
			.map(Number);
	} catch {
		return []; // it has ended
	}
}
