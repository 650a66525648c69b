// etcd, the API server, the controllers and the scheduler, in a namespace of their own.

import type { ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { must, type RunOptions, start } from "../support/exec.ts";
import type { Namespace } from "../support/netns.ts";
import { createAccess, type User } from "./access.ts";
import { addressesOf } from "./lan.ts";
import type { ClusterOptions } from "./options.ts";
import { clusterNets, NODE_NAMES, podNetsOf } from "./podnetwork.ts";
import { untilReady } from "./readiness.ts";

const [HOST = ""] = addressesOf("control", "IPv4");
const ETCD = `http://${HOST}:2379`;
const ETCD_PEER = `http://${HOST}:2380`;

export interface ControlPlane {
	/** The administrator's file. */
	readonly kubeconfig: string;
	/** The text of a user's file. */
	kubeconfigOf(user: User): string;
	/** Argv of kubectl before its arguments. */
	readonly kubectlCommand: readonly string[];
	kubectl(argv: readonly string[], options?: RunOptions): Promise<string>;
	/** Argv of a program that finds kubectl and the cluster, as an administrator's shell has them. */
	asAdministrator(argv: readonly string[]): string[];
	/** Resolves when the nodes can join, and pods can be made. */
	start(): Promise<void>;
	end(): void;
}

export interface ControlPlaneOptions {
	readonly cluster: ClusterOptions;
	readonly programs: string;
	/** The cluster's directory. */
	readonly dir: string;
	readonly network: Namespace;
}

export function createControlPlane({
	cluster,
	programs,
	dir,
	network,
}: ControlPlaneOptions): ControlPlane {
	const file = (name: string): string => `${dir}/control/${name}`;
	const logOf = (daemon: string): string => `${dir}/log/${daemon}.log`;
	const access = createAccess(cluster.name, `https://${HOST}:6443`);
	const kubeconfigFile = (user: User): string => {
		writeFileSync(file(`${user}.conf`), access.kubeconfigOf(user));
		return file(`${user}.conf`);
	};
	mkdirSync(file("certificates"), { recursive: true });
	mkdirSync(`${dir}/log`);
	const kubeconfig = kubeconfigFile("admin");
	const kubectlCommand = network.inside([
		...[`${programs}/kubectl`, "--kubeconfig", kubeconfig],
	]);
	const kubectl = (
		argv: readonly string[],
		options?: RunOptions,
	): Promise<string> => must([...kubectlCommand, ...argv], options);

	const running: ChildProcess[] = [];
	const run = (daemon: string, argv: readonly string[]): void => {
		const log = openSync(logOf(daemon), "a");
		// It must not outlive a run that is killed with SIGKILL.
		const command = ["setpriv", "--pdeathsig", "KILL", ...network.inside(argv)];
		running.push(start(command, { stdio: ["ignore", log, log] }));
		closeSync(log);
	};
	const runKubernetes = (daemon: string, flags: Flags): void =>
		run(daemon, [
			...[`${programs}/kubernetes`, daemon],
			...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
		]);

	return {
		kubeconfig,
		kubeconfigOf: access.kubeconfigOf,
		kubectlCommand,
		kubectl,
		asAdministrator: (argv) =>
			network.inside([
				...["env", `KUBECONFIG=${kubeconfig}`],
				...[`PATH=${programs}:${process.env.PATH}`, ...argv],
			]),
		async start() {
			writeFileSync(file("tokens.csv"), access.tokens);
			writeKeys(file("accounts.key"), file("accounts.pub"));
			const common = {
				"cert-dir": file("certificates"),
				"service-cluster-ip-range": clusterNets(cluster.stack).services,
			};
			run("etcd", [
				...[`${programs}/etcd`, `--data-dir=${file("etcd")}`],
				...[`--listen-client-urls=${ETCD}`, `--advertise-client-urls=${ETCD}`],
				`--listen-peer-urls=${ETCD_PEER}`,
				`--initial-advertise-peer-urls=${ETCD_PEER}`,
				...[`--initial-cluster=default=${ETCD_PEER}`, "--unsafe-no-fsync"],
			]);
			runKubernetes("kube-apiserver", {
				...common,
				"etcd-servers": ETCD,
				"bind-address": HOST,
				"advertise-address": HOST,
				"token-auth-file": file("tokens.csv"),
				"authorization-mode": "Node,RBAC",
				"service-account-issuer": "https://kubernetes.default.svc",
				"service-account-key-file": file("accounts.pub"),
				"service-account-signing-key-file": file("accounts.key"),
				"allow-privileged": "true",
				"kubelet-preferred-address-types": "InternalIP",
			});
			await untilReady(
				...(["kube-apiserver", logOf("kube-apiserver")] as const),
				async () => void (await kubectl(["get", "--raw", "/readyz"])),
			);
			runKubernetes("kube-controller-manager", {
				...common,
				...clientOf(kubeconfigFile("controllers")),
				// the API server's certificate, which pods then know
				"root-ca-file": file("certificates/apiserver.crt"),
				"service-account-private-key-file": file("accounts.key"),
				"use-service-account-credentials": "true",
				// forty controllers start at once, each with an account of its own
				"kube-api-qps": "500",
				"kube-api-burst": "1000",
				// a node without power is seen in half of the usual time
				"node-monitor-grace-period": "20s",
			});
			runKubernetes("kube-scheduler", clientOf(kubeconfigFile("scheduler")));
			await kubectl(["create", "-f", "-"], { input: nodesOf(cluster) });
			// pods cannot be made before
			const account = ["--for=create", "serviceaccount/default"];
			for (const namespace of ["default", "kube-system"])
				await kubectl(["wait", "-n", namespace, "--timeout=60s", ...account]);
		},
		end() {
			for (const daemon of running) daemon.kill("SIGKILL");
		},
	};
}

type Flags = Readonly<Record<string, string>>;

/** Flags of a daemon that is a client of the API server. */
function clientOf(kubeconfig: string): Flags {
	return {
		kubeconfig,
		"authentication-kubeconfig": kubeconfig,
		"authorization-kubeconfig": kubeconfig,
		"bind-address": "127.0.0.1",
		"leader-elect": "false",
	};
}

/** The nodes are known before they join, so that each always has the same pods' addresses. */
function nodesOf({ stack }: ClusterOptions): string {
	const items = NODE_NAMES.map((name) => {
		const podCIDRs = podNetsOf(name, stack);
		return {
			apiVersion: "v1",
			kind: "Node",
			metadata: { name },
			spec: { podCIDR: podCIDRs[0], podCIDRs },
		};
	});
	return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** Writes the keys that sign the tokens of service accounts. */
function writeKeys(secret: string, open: string): void {
	const { privateKey, publicKey } = generateKeyPairSync("rsa", {
		modulusLength: 2048,
		privateKeyEncoding: { type: "pkcs8", format: "pem" },
		publicKeyEncoding: { type: "spki", format: "pem" },
	});
	writeFileSync(secret, privateKey);
	writeFileSync(open, publicKey);
}
