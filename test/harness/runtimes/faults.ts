// Faults that our plugin may meet on a node, and how to bring them about. None of
// it may fail a pod's start or its deletion.

import type { Machine } from "../../support/runtimes/machine.ts";

export interface Fault {
	readonly name: string;
	readonly make: (machine: Machine) => Promise<void>;
	readonly undo: (machine: Machine) => Promise<void>;
	/** Our DEL helps the senders all the same; on ADD, portmap's own flush does. */
	readonly helps: boolean;
}

const PLUGIN = "/opt/cni/bin/conntrack-flush";
/** The default of the key dataDir. */
export const STATE = "/run/cni/conntrack-flush";
const LOG = "/run/conntrack-flush.log";

export const FAULTS: readonly Fault[] = [
	{
		name: "no CAP_NET_ADMIN",
		make: (machine) =>
			wrap(machine, "setpriv --bounding-set=-net_admin --inh-caps=-net_admin"),
		undo: unwrap,
		helps: false,
	},
	{
		name: "dataDir on a read-only file system",
		make: (machine) => mountState(machine, "ro"),
		undo: unmountState,
		helps: true,
	},
	{
		name: "dataDir on a full file system",
		make: async (machine) => {
			await mountState(machine, "size=4k");
			await machine.run([
				...["dd", "if=/dev/zero", `of=${STATE}/ballast`],
				"bs=4k",
			]);
		},
		undo: unmountState,
		helps: true,
	},
];

/** Undoes a fault. A DEL that could not do all is finished once it can be. */
export async function mend(
	machine: Machine,
	undo: Fault["undo"],
): Promise<void> {
	await undo(machine);
	await machine.must([PLUGIN, "reconcile"]);
}

/** The lines in which the plugin complained since the last call. */
export async function complaints(machine: Machine): Promise<string[]> {
	const said = await machine.must(["sh", "-c", `cat ${LOG}; : >${LOG}`]);
	return said.split("\n").filter((line) => /level=(warn|error) /.test(line));
}

/** Has the plugin write to a log of its own, and run behind `prefix`. */
async function wrap(machine: Machine, prefix: string): Promise<void> {
	await machine.must(["mkdir", "-p", "/opt/cni/real"]);
	await machine.must(["cp", PLUGIN, "/opt/cni/real/"]);
	await machine.write(
		PLUGIN,
		`#!/bin/sh\nexec 2>>${LOG}\nexec ${prefix} /opt/cni/real/conntrack-flush\n`,
		"0755",
	);
}

export interface Overheard {
	/** `VERB version` of each call, with every version that its document names. */
	log(): Promise<string[]>;
	unwrap(): Promise<void>;
}

/** Has every call of the plugin written down. */
export async function overheard(machine: Machine): Promise<Overheard> {
	await wrap(machine, "");
	const heard = "/run/overheard.log";
	await machine.write(
		PLUGIN,
		`#!/bin/sh
conf=$(cat)
versions=$(printf %s "$conf" | grep -o '"cniVersion":"[^"]*"' | cut -d'"' -f4 | sort -u)
case $CNI_COMMAND in VERSION) ;; *) echo $CNI_COMMAND $versions >>${heard} ;; esac
printf %s "$conf" | exec /opt/cni/real/conntrack-flush
`,
		"0755",
	);
	await machine.must(["rm", "-f", heard]);
	return {
		log: async () =>
			(await machine.must(["cat", heard])).split("\n").filter(Boolean),
		unwrap: () => unwrap(machine),
	};
}

async function unwrap(machine: Machine): Promise<void> {
	await machine.must(["cp", "/opt/cni/real/conntrack-flush", PLUGIN]);
}

async function mountState(machine: Machine, options: string): Promise<void> {
	await wrap(machine, "");
	await machine.must(["mkdir", "-p", STATE]);
	await machine.must(["mount", "-t", "tmpfs", "-o", options, "state", STATE]);
}

async function unmountState(machine: Machine): Promise<void> {
	await machine.must(["umount", STATE]);
	await unwrap(machine);
}
