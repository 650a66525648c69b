// The directory of a cluster, which says whose it is. A run that was killed leaves its
// cluster's directory, namespaces and cgroups, but no process: the next run removes
// them. The directory is not in /tmp, which may be memory: nodes' disks are in it.

import {
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { quietly } from "../support/exec.ts";
import { removeCgroups } from "../support/runtimes/cgroups.ts";
import { onEnd } from "../support/undo.ts";
import { namespacesOf } from "./lan.ts";

const PARENT = "/var/tmp";
const PREFIX = "conntrack-flush-cluster-";

export function directoryOf(cluster: string): string {
	return `${PARENT}/${PREFIX}${cluster}`;
}

export interface Directory {
	readonly path: string;
	remove(): void;
}

/** Makes the directory of a cluster of this process; throws if there is such a cluster. */
export function claimDirectory(cluster: string): Directory {
	removeLeftovers();
	const dir = directoryOf(cluster);
	// it comes with its owner, so that nobody takes it for a left-over
	const made = mkdtempSync(`${PARENT}/.${PREFIX}`);
	writeFileSync(`${made}/owner`, `${process.pid} ${startedAt(process.pid)}`);
	try {
		renameSync(made, dir);
	} catch (cause) {
		remove(made);
		throw new Error(`there is a cluster ${cluster} already`, { cause });
	}
	return { path: dir, remove: onEnd(() => remove(dir)) };
}

/** Returns the process that has the cluster, if there is one. */
export function ownerOf(cluster: string): number | undefined {
	try {
		const owner = readFileSync(`${directoryOf(cluster)}/owner`, "utf8");
		const [pid, started] = owner.split(" ");
		return startedAt(Number(pid)) === started ? Number(pid) : undefined;
	} catch {
		return undefined; // no cluster, or no such process
	}
}

/** Removes what clusters have left whose processes are gone. */
export function removeLeftovers(): void {
	for (const entry of readdirSync(PARENT)) {
		if (!entry.startsWith(PREFIX)) continue;
		const cluster = entry.slice(PREFIX.length);
		if (ownerOf(cluster) !== undefined) continue;
		for (const ns of namespacesOf(cluster)) {
			quietly(["ip", "netns", "del", ns]);
			removeCgroups(ns);
		}
		remove(directoryOf(cluster));
	}
}

function remove(dir: string): void {
	// what is killed may write for a moment more
	rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
}

/** Tells a process from a later one with its number; see proc_pid_stat(5). A zombie has ended. */
function startedAt(pid: number): string | undefined {
	const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return fields[0] === "Z" ? undefined : fields[19];
}
