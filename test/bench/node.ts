// The benchmark's node, with a table of the size asked for, and a second namespace as
// the pod's. `remove` takes all of it away, ends what still runs there, and restores
// nf_conntrack_max, the one global value touched.

import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { must, quietly } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { equip, GATEWAY, UPLINK } from "../support/node.ts";
import { onEnd, undoAll } from "../support/undo.ts";

const MAX = "/proc/sys/net/netfilter/nf_conntrack_max";
const NAMESPACES = "/run/netns";
/** It is in memory wherever bench runs. Records are in /run, which is in memory on nodes and need not be here: a new file costs a millisecond on ext4. */
const MEMORY = "/dev/shm";
/** Beside the mixture: what is stale, and what comes and goes. */
const ROOM = 131_072;

export interface Node {
	readonly name: string;
	readonly pod: string;
	/** Scratch directory in memory, as /run is on a node. */
	readonly dir: string;
	/** Most entries that fit here. */
	readonly limit: number;
	/** Exactly `size` entries of the mixture and no others. */
	table(size: number): Promise<void>;
	count(): Promise<number>;
	remove(): void;
}

export function buckets(): number {
	return Number(
		readFileSync("/proc/sys/net/netfilter/nf_conntrack_buckets", "utf8"),
	);
}

export function isRoot(): boolean {
	return process.getuid?.() === 0;
}

/** Removes what a run that was killed has left. */
function sweep(fill: string): void {
	for (const name of existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : []) {
		const pid = /^cfbench-(\d+)/.exec(name)?.[1];
		if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
		empty(fill, name);
		quietly(["ip", "netns", "del", name]);
	}
}

/** The kernel cleans a namespace with entries late and slowly, so it is emptied first. */
function empty(fill: string, name: string): void {
	quietly([fill, name, "empty"], 60_000);
}

/** Raises the limit if need be and if it may; returns what it was. */
function raiseMax(entries: number): number {
	const before = Number(readFileSync(MAX, "utf8"));
	if (before < entries) {
		try {
			writeFileSync(MAX, String(entries));
		} catch {
			// Not in the initial namespace: the caller sees the limit.
		}
	}
	return before;
}

export async function makeNode(fill: string, largest: number): Promise<Node> {
	sweep(fill);
	const name = `cfbench-${process.pid}`;
	const dir = `${MEMORY}/${name}`;
	const max = raiseMax(largest + ROOM);
	onEnd(() => {
		rmSync(dir, { recursive: true, force: true });
		if (Number(readFileSync(MAX, "utf8")) !== max)
			writeFileSync(MAX, String(max));
	});
	mkdirSync(dir, { recursive: true });
	// fill.c enters no namespace of another name
	const own = (name: string): Promise<Namespace> =>
		createNamespace("bench", { name, empty: () => empty(fill, name) });
	const pod = await own(`${name}-pod`);
	await equip(await own(name), {
		made: ["eth0", "cni0"],
		addresses: { eth0: UPLINK, cni0: GATEWAY },
	});

	let have = 0;
	const count = async (): Promise<number> =>
		Number(await must([fill, name, "count"]));
	return {
		name,
		pod: pod.name,
		dir,
		limit: Number(readFileSync(MAX, "utf8")) - 4096,
		count,
		async table(size) {
			// Some contenders delete more than they were asked for: start anew then.
			if ((await count()) !== have || size < have) {
				await must([fill, name, "empty"]);
				have = 0;
			}
			await must([fill, name, "table", String(have), String(size)]);
			have = size;
			const found = await count();
			if (found !== size) throw new Error(`table of ${size}: ${found} entries`);
		},
		remove: undoAll,
	};
}
