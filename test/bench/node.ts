// The scratch node: a network namespace with a node's addresses, a table of
// the size asked for, and a second namespace as the pod's. `remove` takes away
// all of it and restores nf_conntrack_max, the one global value touched.

import { spawnSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { endChildren, must } from "./child.ts";

const MAX = "/proc/sys/net/netfilter/nf_conntrack_max";
const NAMESPACES = "/run/netns";
/** Beside the mixture: what is stale, and what comes and goes. */
const ROOM = 131_072;

export const HOST4 = "203.0.113.1";
export const HOST6 = "fd03::1";

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

/** What a killed run left behind. */
function sweep(fill: string): void {
	for (const name of existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : []) {
		const pid = /^cfbench-(\d+)/.exec(name)?.[1];
		if (pid !== undefined && !existsSync(`/proc/${pid}`)) drop(fill, name);
	}
}

/** A namespace with entries is cleaned up late and slowly: empty it first. */
function drop(fill: string, name: string): void {
	spawnSync(fill, [name, "empty"]);
	spawnSync("ip", ["netns", "del", name]);
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

async function addresses(name: string): Promise<void> {
	const ip = (line: string): Promise<string> =>
		must(["ip", "-n", name, ...line.split(" ")]);
	await ip("link set lo up");
	for (const [link, v4, v6] of [
		["eth0", `${HOST4}/24`, `${HOST6}/64`],
		["cni0", "10.88.0.1/16", "fd88::1/64"],
	] as const) {
		await ip(`link add ${link} type veth peer name ${link}-peer`);
		await ip(`link set ${link} up`);
		await ip(`link set ${link}-peer up`);
		await ip(`addr add ${v4} dev ${link}`);
		await ip(`addr add ${v6} dev ${link} nodad`);
	}
}

export async function makeNode(fill: string, largest: number): Promise<Node> {
	sweep(fill);
	const name = `cfbench-${process.pid}`;
	const pod = `${name}-pod`;
	const dir = `/run/${name}`;
	const max = raiseMax(largest + ROOM);
	let have = 0;
	let gone = false;

	const remove = (): void => {
		if (gone) return;
		gone = true;
		endChildren();
		drop(fill, name);
		drop(fill, pod);
		rmSync(dir, { recursive: true, force: true });
		if (Number(readFileSync(MAX, "utf8")) !== max)
			writeFileSync(MAX, String(max));
	};
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
		process.once(signal, () => {
			remove();
			process.exit(130);
		});
	}

	try {
		await must(["ip", "netns", "add", name]);
		await must(["ip", "netns", "add", pod]);
		await addresses(name);
		mkdirSync(dir, { recursive: true });
	} catch (e) {
		remove();
		throw e;
	}

	const count = async (): Promise<number> =>
		Number(await must([fill, name, "count"]));
	return {
		name,
		pod,
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
		remove,
	};
}
