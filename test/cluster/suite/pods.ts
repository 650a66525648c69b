// What people and controllers do to the pods under test, by kubectl.

import type { Cluster } from "../cluster.ts";
import { until } from "./until.ts";
import { STATSD } from "./workloads.ts";

export interface Pods {
	/** The names of those on the node. */
	on(n: number): Promise<string[]>;
	/** Deletes the node's pod and does not wait. */
	delete(n: number, how?: readonly string[]): Promise<void>;
	/** By the API for evictions, as a drain does. */
	evict(n: number): Promise<void>;
	/** Resolves when there are so many. */
	scale(replicas: number): Promise<void>;
	/** Resolves when the Deployment's pods are all there, and no others. */
	settled(): Promise<void>;
	cordon(n: number): Promise<void>;
	uncordon(n: number): Promise<void>;
	drain(n: number): Promise<void>;
}

export function podsOf({ nodes, kubectl }: Cluster): Pods {
	const nameOf = (n: number): string => nodes[n]?.name ?? "";
	const order = async (...argv: readonly string[]): Promise<void> => {
		await kubectl(argv, { timeoutMs: 120_000 });
	};
	const on = async (n: number): Promise<string[]> => {
		const text = await kubectl([
			...["get", "pods", "-l", `app=${STATSD}`],
			...["--field-selector", `spec.nodeName=${nameOf(n)}`],
			...["-o", "jsonpath={.items[*].metadata.name}"],
		]);
		return text.split(" ").filter(Boolean);
	};
	const only = async (n: number): Promise<string> => {
		const [pod, ...more] = await on(n);
		if (pod === undefined || more.length > 0)
			throw new Error(`${nameOf(n)} has the pods ${[pod, ...more]}`);
		return pod;
	};
	const settled = (): Promise<void> =>
		until("the pods are as they are to be", async () => {
			const { metadata, spec, status } = JSON.parse(
				await kubectl(["get", "deployment", STATSD, "-o", "json"]),
			);
			const pods = [...(await on(0)), ...(await on(1))];
			return (
				status.observedGeneration === metadata.generation &&
				(status.updatedReplicas ?? 0) === spec.replicas &&
				(status.availableReplicas ?? 0) === spec.replicas &&
				pods.length === spec.replicas
			);
		});
	return {
		on,
		settled,
		async delete(n, how = []) {
			await order("delete", "pod", await only(n), "--wait=false", ...how);
		},
		async evict(n) {
			const name = await only(n);
			const path = `/api/v1/namespaces/default/pods/${name}/eviction`;
			const input = JSON.stringify({
				apiVersion: "policy/v1",
				kind: "Eviction",
				metadata: { name },
			});
			await kubectl(["create", "--raw", path, "-f", "-"], { input });
		},
		async scale(replicas) {
			await order("scale", "deployment", STATSD, `--replicas=${replicas}`);
			await settled();
		},
		cordon: (n) => order("cordon", nameOf(n)),
		uncordon: (n) => order("uncordon", nameOf(n)),
		drain: (n) =>
			order("drain", nameOf(n), "--ignore-daemonsets", "--timeout=90s"),
	};
}
