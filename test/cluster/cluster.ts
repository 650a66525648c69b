// A Kubernetes of two nodes, in namespaces of this machine: `createCluster` makes it
// from programs that are there (build.sh, `make runtimes`), and all that it makes
// is removed with it, or at the end of the run.

import type { RunOptions } from "../support/exec.ts";
import type { Namespace } from "../support/netns.ts";
import { missingHierarchies } from "../support/runtimes/cgroups.ts";
import { makeImage } from "../support/runtimes/image.ts";
import { hasTool, version } from "../support/runtimes/tools.ts";
import { createControlPlane } from "./controlplane.ts";
import { claimDirectory } from "./directory.ts";
import { createLan } from "./lan.ts";
import { type ClusterNode, createNode, type NewNode } from "./node.ts";
import { type ClusterOptions, withDefaults } from "./options.ts";
import { type NodeName, routeToPods } from "./podnetwork.ts";
import { programsOf, whyNotBuilt } from "./versions.ts";

export type { ClusterNode, Daemon } from "./node.ts";
export type {
	ClusterOptions,
	PortmapBackend,
	ProxyMode,
	Stack,
} from "./options.ts";

export interface Cluster {
	readonly options: ClusterOptions;
	/** The version as the API server says it. */
	readonly kubernetes: string;
	readonly nodes: readonly [ClusterNode, ClusterNode];
	/** A machine that is no node, beside them. */
	readonly clients: Namespace;
	readonly kubeconfig: string;
	/** Argv before the arguments, for who wants kubectl as a process. */
	readonly kubectlCommand: readonly string[];
	kubectl(argv: readonly string[], options?: RunOptions): Promise<string>;
	/** Argv of a program that finds kubectl and the cluster, as an administrator's shell has them. */
	asAdministrator(argv: readonly string[]): string[];
	down(): Promise<void>;
}

/** Resolves when both nodes are Ready. */
export async function createCluster(
	wishes: Partial<ClusterOptions> = {},
): Promise<Cluster> {
	const options = withDefaults(wishes);
	const { name, stack } = options;
	const programs = programsOf(options.kubernetes);
	const directory = claimDirectory(name);
	const dir = directory.path;
	const lan = await createLan(options);
	const clients = await lan.plug("clients");
	const network = await lan.plug("control");
	await routeToPods(network, "control", stack);
	const control = createControlPlane({
		cluster: options,
		programs,
		dir,
		network,
	});
	const site = { cluster: options, programs, dir, lan, control };
	const sandbox = await makeImage(dir);
	const newNode = async (node: NodeName): Promise<NewNode> => {
		const made = await createNode(site, node);
		await made.node.importImage(sandbox);
		return made;
	};
	const [first, second] = await Promise.all([
		newNode("node1"),
		newNode("node2"),
		control.start(),
	]);
	await Promise.all([first.join(), second.join()]);
	const said = JSON.parse(await control.kubectl(["version", "-o", "json"])) as {
		readonly serverVersion: { readonly gitVersion: string };
	};
	const nodes = [first.node, second.node] as const;
	return {
		options,
		kubernetes: said.serverVersion.gitVersion,
		nodes,
		clients,
		kubeconfig: control.kubeconfig,
		kubectlCommand: control.kubectlCommand,
		kubectl: control.kubectl,
		asAdministrator: control.asAdministrator,
		async down() {
			for (const node of nodes) await node.cutPower();
			control.end();
			clients.remove();
			network.remove();
			lan.remove();
			directory.remove();
		},
	};
}

/** Returns the reason why no cluster can be made here, if there is one. */
export function whyNoCluster(
	kubernetes = withDefaults({}).kubernetes,
): string | undefined {
	if (process.getuid?.() !== 0) return "root makes namespaces and cgroups";
	const missing = missingHierarchies();
	if (missing.length > 0)
		return `no cgroups of version 1 for ${missing.join(", ")}`;
	if (!hasTool(`containerd-${version("CONTAINERD")}`))
		return "no containerd: make runtimes";
	return whyNotBuilt(kubernetes);
}
