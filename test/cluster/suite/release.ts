// The agent from a release's files alone: the image on the nodes, the chart by helm; and
// kubectl's plugin, as an administrator has it in PATH.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { helmProgram } from "../../deploy/helm.ts";
import { createDist, VERSION } from "../../release/dist.ts";
import { must } from "../../support/exec.ts";
import type { Cluster } from "../cluster.ts";
import { type Agent, NAMESPACE } from "./agent.ts";

const KUBECTL_PLUGIN = fileURLToPath(
	new URL("../../../deploy/kubectl", import.meta.url),
);
/** As the chart has it if nobody names a repository. */
const IMAGE = "docker.io/library/conntrack-flush";

export interface Release {
	/** `helm install`; resolves when the agents are ready. */
	install(...values: readonly string[]): Promise<void>;
	/** What `kubectl conntrack-flush` prints. */
	ask(...argv: readonly string[]): Promise<string>;
	/** As deploy/README.md says: first from the nodes, then from the cluster. */
	uninstall(): Promise<void>;
}

/** `dir` is a directory for what helm writes. */
export async function releaseFor(
	cluster: Cluster,
	agent: Agent,
	dir: string,
): Promise<Release> {
	const dist = await createDist();
	for (const node of cluster.nodes)
		await node.importImage(
			`${dist.dir}/conntrack-flush-${VERSION}-image.tar`,
			IMAGE,
		);
	const home = `${dir}/helm`;
	mkdirSync(home);
	const helm = (verb: string, ...argv: readonly string[]): Promise<string> => {
		const words = ["--namespace", NAMESPACE, verb, "conntrack-flush", ...argv];
		const command = ["env", `HOME=${home}`, helmProgram(), ...words];
		return must(cluster.asAdministrator(command), { timeoutMs: 150_000 });
	};
	const chart = `${dist.dir}/conntrack-flush-chart-${VERSION}.tgz`;
	return {
		async install(...values) {
			await helm("install", chart, ...values.flatMap((v) => ["--set", v]));
			await agent.rolledOut();
		},
		ask: (...argv) => {
			// whoever has copied it has it in PATH
			const script = 'PATH=$0:$PATH exec kubectl conntrack-flush "$@"';
			const command = ["sh", "-ec", script, KUBECTL_PLUGIN, ...argv];
			return must(cluster.asAdministrator(command));
		},
		async uninstall() {
			const values = ["--reuse-values", "--set", "uninstall=true"];
			await helm("upgrade", chart, ...values);
			await agent.rolledOut();
			await helm("uninstall");
		},
	};
}
