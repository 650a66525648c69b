// `make cluster`: a cluster that stays until Ctrl-C or `make cluster-down`, with the
// image of deploy/ on its nodes.
//
//	node --import tsx test/cluster/main.ts up|down [--name cluster]
//		[--kubernetes 1.37] [--kube-proxy iptables|nftables] [--portmap iptables|nftables]
//		[--stack IPv4|dual] [--cni-version 1.0.0]

import { appendFileSync, cpSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { sleep } from "../support/clock.ts";
import { createCluster, whyNoCluster } from "./cluster.ts";
import { directoryOf, ownerOf, removeLeftovers } from "./directory.ts";
import { imageOfDockerfile } from "./images.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const text = (value: string) => ({ type: "string", default: value }) as const;
const { positionals, values } = parseArgs({
	allowPositionals: true,
	options: {
		name: text("cluster"),
		kubernetes: text("1.37"),
		"kube-proxy": text("iptables"),
		portmap: text("iptables"),
		stack: text("IPv4"),
		"cni-version": text("1.0.0"),
	},
});

async function up(): Promise<void> {
	const why = whyNoCluster(values.kubernetes);
	if (why !== undefined) throw new Error(why);
	// The end that was asked for is no failure; all is removed on the way out.
	for (const signal of ["SIGINT", "SIGTERM"] as const)
		process.once(signal, () => process.exit(0));
	const cluster = await createCluster({
		name: values.name,
		kubernetes: values.kubernetes,
		proxyMode: oneOf(["iptables", "nftables"], values["kube-proxy"]),
		portmapBackend: oneOf(["iptables", "nftables"], values.portmap),
		stack: oneOf(["IPv4", "dual"], values.stack),
		cniVersion: values["cni-version"],
	});
	const dir = directoryOf(values.name);
	const tag = versionOfPackage();
	const image = await imageOfDockerfile(tag, `${dir}/agent-image`);
	for (const node of cluster.nodes) await node.importImage(image);
	// deploy/README.md wants the image's address in these files
	cpSync(`${ROOT}/deploy`, `${dir}/deploy`, { recursive: true });
	for (const files of ["deploy", "deploy/uninstall/default"])
		appendFileSync(
			`${dir}/${files}/kustomization.yaml`,
			`images:\n  - name: conntrack-flush\n    newTag: "${tag}"\n`,
		);
	const addresses = cluster.nodes.flatMap((node) => node.addresses).join(", ");
	const shell = cluster.clients.inside(["bash"]).join(" ");
	process.stdout.write(`Kubernetes ${cluster.kubernetes} runs until Ctrl-C or make cluster-down.

  alias kubectl='${cluster.kubectlCommand.join(" ")}'
  kubectl get nodes -o wide
  kubectl apply -k ${dir}/deploy
  ${shell}    # a client's shell: the nodes are ${addresses}

Nodes' disks are in ${dir}, their logs in ${dir}/log.
`);
}

async function down(): Promise<void> {
	const owner = ownerOf(values.name);
	if (owner !== undefined) process.kill(owner, "SIGTERM");
	while (ownerOf(values.name) !== undefined) await sleep(100);
	removeLeftovers();
}

function oneOf<T extends string>(allowed: readonly T[], value: string): T {
	const found = allowed.find((one) => one === value);
	if (found === undefined) throw new Error(`${value}: not ${allowed}`);
	return found;
}

function versionOfPackage(): string {
	const text = readFileSync(`${ROOT}/package.json`, "utf8");
	return (JSON.parse(text) as { readonly version: string }).version;
}

try {
	switch (positionals.join()) {
		case "up":
			await up();
			break;
		case "down":
			await down();
			break;
		default:
			throw new Error("up or down");
	}
} catch (e) {
	process.stderr.write(`${e instanceof Error ? e.message : e}\n`);
	process.exit(1);
}
