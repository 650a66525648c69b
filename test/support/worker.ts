// TypeScript as Node runs it, and our own processes inside a namespace that take
// orders over a channel. What they say to their parent is not known here.

import type { ChildProcess, SerializationType } from "node:child_process";
import { start } from "./exec.ts";
import type { Namespace } from "./netns.ts";

/** Argv before the name of a TypeScript file. */
export const TSX: readonly string[] = [
	process.execPath,
	"--import",
	import.meta.resolve("tsx"),
];

export interface WorkerOptions {
	/** Argv before Node, such as taskset. */
	readonly by?: readonly string[];
	readonly args?: readonly string[];
	/** "advanced" also carries bytes. */
	readonly serialization?: SerializationType;
}

/** Starts the file inside the namespace. `ip netns exec` becomes the command, so the pid is the worker's own. */
export function startWorker(
	ns: Namespace,
	file: string,
	{ by = [], args = [], serialization = "json" }: WorkerOptions = {},
): ChildProcess {
	return start(ns.inside([...by, ...TSX, file, ...args]), {
		stdio: ["ignore", "inherit", "inherit", "ipc"],
		serialization,
	});
}
