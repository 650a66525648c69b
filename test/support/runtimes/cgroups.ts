// The cgroups of a machine of machine.ts, in each hierarchy of version 1 under one
// name. Two levels: the machine's own, and `system` below it for its daemons, because
// the containers are to lie beside them.

import { existsSync } from "node:fs";
import { quietly } from "../exec.ts";

const ROOT = "/sys/fs/cgroup";

/** The hierarchies that runc and the kubelet want to find. */
export const HIERARCHIES: readonly string[] = [
	...["cpu", "cpuacct", "cpuset", "memory", "devices"],
	...["freezer", "blkio", "pids", "systemd"],
];

/** Returns the hierarchies that this machine does not have. */
export function missingHierarchies(): readonly string[] {
	return HIERARCHIES.filter((name) => !existsSync(`${ROOT}/${name}/tasks`));
}

/** Argv before a command: makes the cgroups `name` and runs the command in them. */
export function inNewCgroups(name: string): readonly string[] {
	const script = `name=$0
	for h in ${HIERARCHIES.join(" ")}; do
		d=${ROOT}/$h/$name
		mkdir "$d"
		if [ $h = cpuset ]; then
			cat ${ROOT}/$h/cpuset.cpus >"$d/cpuset.cpus"
			cat ${ROOT}/$h/cpuset.mems >"$d/cpuset.mems"
			echo 1 >"$d/cgroup.clone_children"
		fi
		mkdir "$d/system"
		echo 0 >"$d/cgroup.procs"
	done
	exec "$@"`;
	return ["sh", "-ec", script, name];
}

/** Argv before a daemon, inside a machine that is at the root of its cgroups. */
export const IN_SYSTEM_CGROUPS: readonly string[] = [
	...["sh", "-ec"],
	`for d in ${ROOT}/*/system; do echo 0 >"$d/cgroup.procs"; done; exec "$@"`,
	"sh",
];

/** Removes them with all below. Waits for processes, which end a little later than their machine does. */
export function removeCgroups(name: string): void {
	const script = `for i in $(seq 50); do
		find ${ROOT} -depth -type d \\( -path "*/$0" -o -path "*/$0/*" \\) -exec rmdir {} + 2>/dev/null
		[ -z "$(find ${ROOT} -type d -name "$0")" ] && exit
		sleep 0.1
	done`;
	quietly(["sh", "-c", script, name]);
}
