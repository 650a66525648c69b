// Pods that come and go without pause, as under a kubelet: sandboxes with a hostPort
// each. A call that fails is noted and tried again. No pod is left at the end.

import { now, sleep } from "../support/clock.ts";
import type { Containerd } from "../support/runtimes/containerd.ts";
import type { Node } from "../support/runtimes/node.ts";

export interface Failure {
	readonly what: "start" | "stop";
	/** The times when the call began and ended, on the clock of clock.ts. */
	readonly from: number;
	readonly to: number;
	readonly why: string;
}

export interface Load {
	readonly failures: readonly Failure[];
	/** Returns the number of pods that were started and stopped so far. */
	count(): number;
	/** Resolves when so many more pods were started and stopped. */
	more(pods: number): Promise<void>;
	/** Starts no more pods, and resolves when the last ones have ended. */
	end(): Promise<void>;
}

const WORKERS = 2;
const FIRST_PORT = 9000;
/** The number of tries, as many as a kubelet would make. After them the pod counts as lost. */
const TRIES = 10;
const RETRY_MS = 500;

/** Starts and stops at most `perMinute` pods, each of which lives for a short while. */
export function startLoad(
	node: Node,
	containerd: Containerd,
	perMinute: number,
): Load {
	const failures: Failure[] = [];
	let done = 0;
	let names = 0;
	let ending = false;

	/** Repeats the call until it succeeds. */
	async function insist(
		what: Failure["what"],
		call: () => Promise<void>,
	): Promise<void> {
		for (let n = 1; ; n++) {
			const from = now();
			try {
				return await call();
			} catch (e) {
				failures.push({ what, from, to: now(), why: String(e) });
				if (n === TRIES) throw e;
				await sleep(RETRY_MS);
			}
		}
	}

	async function pod(port: number): Promise<void> {
		const name = `load-${++names}`;
		const left = async (): Promise<string[]> => {
			const { items = [] } = (await containerd.cri("ListPodSandbox")) as {
				items?: { id: string; metadata: { name: string } }[];
			};
			return items.filter((s) => s.metadata.name === name).map(({ id }) => id);
		};
		const stop = async (): Promise<void> => {
			for (const pod_sandbox_id of await left()) {
				await containerd.cri("StopPodSandbox", { pod_sandbox_id });
				await containerd.cri("RemovePodSandbox", { pod_sandbox_id });
			}
		};
		let attempt = 0;
		await insist("start", async () => {
			// a kubelet stops first what a failed start has left
			if (attempt > 0) await stop();
			await containerd.cri("RunPodSandbox", {
				config: {
					metadata: {
						name,
						namespace: "default",
						uid: name,
						attempt: attempt++,
					},
					port_mappings: [
						{ protocol: "UDP", container_port: 53, host_port: port },
					],
					linux: { cgroup_parent: `/${node.machine.cgroup}` },
				},
			});
		});
		await insist("stop", stop);
		done++;
	}

	const workers = Array.from({ length: WORKERS }, async (_, i) => {
		const eachMs = (60_000 * WORKERS) / perMinute;
		while (!ending) {
			const next = now() + eachMs;
			await pod(FIRST_PORT + i);
			await sleep(Math.max(0, next - now()));
		}
	});
	const all = Promise.all(workers);
	// a rejection is seen at the end, where it is awaited
	all.catch(() => {});

	return {
		failures,
		count: () => done,
		async more(pods) {
			const want = done + pods;
			while (done < want) await Promise.race([sleep(20), all]);
		},
		async end() {
			ending = true;
			await all;
		},
	};
}
