// Who receives in the cluster: the receivers in the pods of both nodes, found by the
// logs that the kubelets keep. A container that starts again is another receiver.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { now, sleep } from "../../support/clock.ts";
import {
	type Receiver as Followed,
	followReceiver,
} from "../../support/runtimes/receiver.ts";
import type { OnArrival } from "../../support/station.ts";
import type { ClusterNode } from "../cluster.ts";

const LOOK_MS = 50;
/** A receiver listens a moment after its log is there. */
const LISTENS_MS = 30_000;

export interface Receiver {
	/** NAMESPACE_POD_UID/CONTAINER/RESTARTS. */
	readonly name: string;
	/** The node that it is on: 0 or 1. */
	readonly node: number;
	/** When it began to listen. */
	readonly since: number;
}

export interface Receivers {
	/** Resolves with the one of the node that began last, as soon as it has begun after `since`. */
	newest(node: number, since: number, withinMs: number): Promise<Receiver>;
	close(): void;
}

/** Follows every receiver whose pod's name begins with `prefix`. */
export function followReceivers(
	nodes: readonly ClusterNode[],
	prefix: string,
	onArrival: OnArrival,
): Receivers {
	const followed = new Map<string, Followed>();
	const listening: Receiver[] = [];

	const look = (): void => {
		for (const [node, { disk }] of nodes.entries()) {
			const dir = join(disk, "var/log/pods");
			for (const name of logsIn(dir, `default_${prefix}`)) {
				if (followed.has(name)) continue;
				const log = join(dir, `${name}.log`);
				const receiver = followReceiver(name, log, onArrival);
				followed.set(name, receiver);
				receiver.listening(LISTENS_MS).then(
					(since) => listening.push({ name, node, since }),
					() => {}, // whoever waits for it says so
				);
			}
		}
	};
	const looking = setInterval(look, LOOK_MS);

	return {
		async newest(node, since, withinMs) {
			for (const last = now() + withinMs; ; await sleep(LOOK_MS)) {
				const found = listening
					.filter((r) => r.node === node && r.since >= since)
					.sort((a, b) => b.since - a.since)[0];
				if (found !== undefined) return found;
				if (now() > last)
					throw new Error(`no pod listens on ${nodes[node]?.name}`);
			}
		},
		close() {
			clearInterval(looking);
			for (const receiver of followed.values()) receiver.close();
		},
	};
}

/** Names of the logs below `dir`, without their suffix. */
function logsIn(dir: string, prefix: string): string[] {
	return list(dir)
		.filter((pod) => pod.startsWith(prefix))
		.flatMap((pod) =>
			list(join(dir, pod)).flatMap((container) =>
				list(join(dir, pod, container))
					.filter((file) => file.endsWith(".log"))
					.map((file) => join(pod, container, file.slice(0, -4))),
			),
		);
}

/** Nothing where there is no directory, or none any more. */
function list(dir: string): string[] {
	try {
		return readdirSync(dir);
	} catch {
		return [];
	}
}
