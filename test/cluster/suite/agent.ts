// The agent, installed, upgraded and taken out as deploy/README.md says: in a copy of
// deploy/, because the image's address is written into its files.

import { appendFileSync, cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cluster, ClusterNode } from "../cluster.ts";

const DEPLOY = fileURLToPath(new URL("../../../deploy", import.meta.url));

export const NAMESPACE = "kube-system";
export const DAEMON_SET = "daemonset/conntrack-flush";
export const LABEL = "app.kubernetes.io/name=conntrack-flush";

export interface Agent {
	/** `kubectl apply -k deploy/` with this tag of the image; resolves with what that has said. */
	begin(tag: string): Promise<string>;
	/** Resolves when the DaemonSet is as it was applied last, and ready. */
	rolledOut(): Promise<string>;
	/** Both. */
	apply(tag: string): Promise<void>;
	/** As it was applied last. */
	applyAgain(): Promise<void>;
	/** Says that the nodes have a runtime that reads drop-ins. */
	saysRuntime(): Promise<void>;
	/** The names of its pods. */
	pods(): Promise<string[]>;
	/** What each of its pods has said. */
	logs(): Promise<string[]>;
	/** The agent's page on the node; rejects if it cannot be read. */
	readyz(node: ClusterNode): Promise<string>;
	delete(): Promise<void>;
	/** Takes it out; `look` is called when it is out, and before its DaemonSet is deleted. */
	uninstall(
		tag: string,
		look: (said: { applied: string; status: string }) => Promise<void>,
	): Promise<void>;
	/** kubectl in its namespace. */
	kubectl(...argv: readonly string[]): Promise<string>;
}

/** `dir` is an empty directory. */
export function agentOf(cluster: Cluster, dir: string): Agent {
	const kubectl = (...argv: readonly string[]): Promise<string> =>
		cluster.kubectl(["-n", NAMESPACE, ...argv], { timeoutMs: 150_000 });
	const copies = new Map<string, string>();
	/** The directory of a copy in which the files of `kustomization` have the tag. */
	const tagged = (kustomization: string, tag: string): string => {
		const key = `${kustomization} ${tag}`;
		const made = copies.get(key) ?? `${dir}/${copies.size}`;
		if (!copies.has(key)) {
			copies.set(key, made);
			cpSync(DEPLOY, made, { recursive: true });
			appendFileSync(
				`${made}/${kustomization}/kustomization.yaml`,
				`images:\n  - name: conntrack-flush\n    newTag: "${tag}"\n`,
			);
		}
		return `${made}/${kustomization}`;
	};
	const rolledOut = (): Promise<string> =>
		kubectl("rollout", "status", DAEMON_SET, "--timeout=120s");
	let last = "";
	const begin = (tag: string): Promise<string> => {
		last = tag;
		return kubectl("apply", "-k", tagged(".", tag));
	};
	const apply = async (tag: string): Promise<void> => {
		await begin(tag);
		await rolledOut();
	};
	const pods = async (): Promise<string[]> => {
		const text = await kubectl(
			...["get", "pods", "-l", LABEL, "--sort-by=.spec.nodeName"],
			...["-o", "jsonpath={.items[*].metadata.name}"],
		);
		return text.split(" ").filter(Boolean);
	};
	return {
		...{ kubectl, begin, rolledOut, apply },
		applyAgain: () => apply(last),
		async saysRuntime() {
			const runtime = "CONTAINER_RUNTIME_VERSION=containerd://2.1.0";
			await kubectl("set", "env", DAEMON_SET, runtime);
		},
		pods,
		logs: async () =>
			// a container that has not begun has no log
			Promise.all(
				(await pods()).map((pod) => kubectl("logs", pod).catch(() => "")),
			),
		async readyz(node) {
			const script = `exec 3<>/dev/tcp/127.0.0.1/9470
				printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3
				cat <&3`;
			const answer = await node.must(["bash", "-ec", script]);
			return answer.slice(answer.indexOf("\r\n\r\n") + 4);
		},
		async delete() {
			await kubectl("delete", DAEMON_SET, "--cascade=foreground");
		},
		async uninstall(tag, look) {
			const files = tagged("uninstall/default", tag);
			const applied = await kubectl("apply", "-k", files);
			await look({ applied, status: await rolledOut() });
			await kubectl("delete", "-k", files, "--cascade=foreground");
		},
	};
}
