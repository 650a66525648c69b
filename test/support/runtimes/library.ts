// The library with which a runtime calls CNI, without the runtime: a process that makes
// the runtime's calls for one pod (test/oracle/cni/calls), each when it is told to.

import { createInterface } from "node:readline";
import { ended, start } from "../exec.ts";
import { MAPPINGS, type Node } from "./node.ts";
import { tool } from "./tools.ts";

export type LibraryCall = "status" | "gc" | "setup" | "check" | "teardown";

/** What a call returned. */
export interface Answer {
	readonly error?: string;
	readonly addresses?: readonly string[];
}

export interface Library {
	call(name: LibraryCall): Promise<Answer>;
	close(): Promise<void>;
}

/** Starts the process of a pod whose network namespace has the name `netns`. */
export function openLibrary(
	{ machine }: Node,
	runtime: "cri-o" | "containerd",
	netns: string,
): Library {
	const child = start(
		machine.inside([
			...[tool("oracle-cni/calls"), runtime, "/etc/cni/net.d", "/opt/cni/bin"],
			...[`/run/netns/${netns}`, JSON.stringify(MAPPINGS.slice(0, 1))],
		]),
		{ stdio: ["pipe", "pipe", "pipe"] },
	);
	const { stdin, stdout, stderr } = child;
	if (!stdin || !stdout || !stderr) throw new Error("no pipes");
	const lines = createInterface(stdout)[Symbol.asyncIterator]();
	const end = ended(child);
	return {
		async call(name) {
			stdin.write(`${name}\n`);
			const { value, done } = await lines.next();
			if (done) throw new Error(`${runtime}: ${name}: ${(await end).stderr}`);
			return JSON.parse(value);
		},
		async close() {
			stdin.end();
			const { code, stderr } = await end;
			if (code !== 0) throw new Error(`${runtime}: ${stderr}`);
		},
	};
}
