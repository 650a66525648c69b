// The host on Node 20: for the npm package, development and tests. It needs no Rust build.

import type { FullHost, Host } from "../../src/host.ts";
import * as files from "./node/files.ts";
import { driver } from "./node/interface.ts";
import { flock, watchLock } from "./node/locks.ts";
import { netlink } from "./node/netlink.ts";
import { write } from "./node/output.ts";
import { serve } from "./node/serve.ts";
import { sleeper } from "./node/sleeper.ts";
import { getsockopt } from "./node/sockopt.ts";
import { steer } from "./node/steer.ts";
import { columns } from "./node/terminal.ts";

export function nodeHost(
	argv: readonly string[],
	env: Readonly<Record<string, string | undefined>> = process.env,
): Host {
	const host: FullHost = {
		argv,
		env: (name) => env[name],
		stdin: files.readStdin,
		write,
		netlink,
		readFile: files.readFile,
		writeFile: files.writeFile,
		appendFile: files.appendFile,
		copyFile: files.copyFile,
		rename: files.rename,
		unlink: files.unlink,
		mkdir: files.mkdir,
		readDir: files.readDir,
		steer: (name) => void steer({ ...files, driver }, name),
		steering: (...terms) => steer({ ...files, driver }, ...terms),
		flock,
		now: () => Date.now(),
		ticks: () => Number(process.hrtime.bigint()) / 1e6,
		sleep,
		signal,
		full: () => host,
		columns,
		stat: files.stat,
		// a plain array, because the native host returns no Buffer
		readBytes: (path) => new Uint8Array(files.readBytes(path)),
		openText: files.openText,
		readLink: files.readLink,
		chown: files.chown,
		rmdir: files.rmdir,
		watchLock,
		sync: files.sync,
		getsockopt,
		serve,
	};
	return host;
}

type Signal = "SIGTERM" | "SIGINT";

/** A signal that follows another so soon means the same, because timeout(1) sends two. */
const SAME_MS = 1000;

let pending: Signal | undefined;
let came = 0;
let watching = false;
let wakeSleep: (() => void) | undefined;

/** Watches signals from the first poll on. A second signal has its default action. */
function signal(): Signal | undefined {
	if (!watching) {
		watching = true;
		process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
	}
	return pending;
}

function onSignal(name: Signal): void {
	if (pending === undefined) {
		pending = name;
		came = performance.now();
		wakeSleep?.();
	} else if (performance.now() - came > SAME_MS) {
		process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
		process.kill(process.pid, name);
	}
}

/** Ends early when a watched signal comes. */
function sleep(ms: number): Promise<void> {
	const timer = sleeper(ms);
	wakeSleep = timer.wake;
	return timer.done;
}
