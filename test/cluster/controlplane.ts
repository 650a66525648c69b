// etcd, the API server, the controllers and the scheduler, in a namespace of their own.
// Everybody has a token, and the API server makes its certificate itself.

import type { ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { must, type RunOptions, start } from "../support/exec.ts";
import type { Namespace } from "../support/netns.ts";
import { untilItWorks } from "../support/runtimes/machine.ts";
import { addressesOf } from "./lan.ts";
import { tailOf } from "./log.ts";
import type { ClusterOptions } from "./options.ts";
import { clusterNets, NODE_NAMES, podNetsOf } from "./podnetwork.ts";

/** The longest that the API server may take on a busy machine. */
const START_MS = 120_000;

/** Their user and group in the cluster. */
const USERS = {
	admin: ["admin", "system:masters"],
	controllers: ["system:kube-controller-manager", ""],
	scheduler: ["system:kube-scheduler", ""],
	proxy: ["system:kube-proxy", ""],
	node1: ["system:node:node1", "system:nodes"],
	node2: ["system:node:node2", "system:nodes"],
} as const;
export type User = keyof typeof USERS;

const [HOST] = addressesOf("control", "IPv4");

export interface ControlPlane {
	/** The file for kubectl. */
	readonly kubeconfig: string;
	/** The text of a user's file. */
	kubeconfigOf(user: User): string;
	/** Argv before the arguments. */
	readonly kubectlCommand: readonly string[];
	kubectl(argv: readonly string[], options?: RunOptions): Promise<string>;
	/** Resolves when the API server answers and knows the nodes. */
	start(): Promise<void>;
	end(): void;
}

export interface ControlPlaneOptions {
	readonly cluster: ClusterOptions;
	readonly programs: string;
	readonly dir: string;
	readonly network: Namespace;
}

export function createControlPlane({
	cluster,
	programs,
	dir,
	network,
}: ControlPlaneOptions): ControlPlane {
	const tokens = new Map<User, string>();
	for (const user of Object.keys(USERS) as User[])
		tokens.set(user, randomUUID());
	const kubeconfigOf = (user: User): string =>
		JSON.stringify({
			apiVersion: "v1",
			kind: "Config",
			clusters: [
				{
					name: cluster.name,
					cluster: {
						server: `https://${HOST}:6443`,
						"insecure-skip-tls-verify": true,
					},
				},
			],
			users: [{ name: user, user: { token: tokens.get(user) } }],
			contexts: [
				{ name: cluster.name, context: { cluster: cluster.name, user } },
			],
			"current-context": cluster.name,
		});
	const file = (name: string): string => `${dir}/control/${name}`;
	const kubeconfig = file("admin.conf");
	const kubectlCommand = network.inside([
		...[`${programs}/kubectl`, "--kubeconfig", kubeconfig],
	]);
	const kubectl = (
		argv: readonly string[],
		options?: RunOptions,
	): Promise<string> => must([...kubectlCommand, ...argv], options);
	const daemons: ChildProcess[] = [];
	const run = (name: string, argv: readonly string[]): void => {
		const log = openSync(`${dir}/log/${name}.log`, "a");
		// It must not outlive a run that is killed with SIGKILL.
		const argvOf = ["setpriv", "--pdeathsig", "KILL", ...network.inside(argv)];
		daemons.push(start(argvOf, { stdio: ["ignore", log, log] }));
		closeSync(log);
	};
	const daemon = (name: string, flags: Readonly<Record<string, string>>) =>
		run(name, [
			...[`${programs}/kubernetes`, name],
			...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
		]);
	return {
		kubeconfig,
		kubeconfigOf,
		kubectlCommand,
		kubectl,
		end() {
			for (const daemon of daemons) daemon.kill("SIGKILL");
		},
		async start() {
			mkdirSync(file("certificates"), { recursive: true });
			mkdirSync(`${dir}/log`, { recursive: true });
			writeKeys(file("accounts.key"), file("accounts.pub"));
			writeFileSync(
				file("tokens.csv"),
				Object.entries(USERS)
					.map(([key, [user, group]]) =>
						[tokens.get(key as User), user, key, group].filter(Boolean).join(),
					)
					.join("\n"),
			);
			for (const user of Object.keys(USERS) as User[])
				writeFileSync(file(`${user}.conf`), kubeconfigOf(user));

			const peer = `http://${HOST}:2380`;
			const etcd = `http://${HOST}:2379`;
			run("etcd", [
				...[`${programs}/etcd`, "--data-dir", file("etcd")],
				...["--listen-client-urls", etcd, "--advertise-client-urls", etcd],
				...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
				...["--initial-cluster", `default=${peer}`, "--unsafe-no-fsync"],
			]);
			const nets = clusterNets(cluster.stack);
			daemon("kube-apiserver", {
				"etcd-servers": etcd,
				"bind-address": String(HOST),
				"advertise-address": String(HOST),
				"service-cluster-ip-range": nets.services,
				"cert-dir": file("certificates"),
				"token-auth-file": file("tokens.csv"),
				"authorization-mode": "Node,RBAC",
				"service-account-issuer": "https://kubernetes.default.svc",
				"service-account-key-file": file("accounts.pub"),
				"service-account-signing-key-file": file("accounts.key"),
				"allow-privileged": "true",
				"kubelet-preferred-address-types": "InternalIP",
			});
			await untilItWorks(
				async () => void (await kubectl(["get", "--raw", "/readyz"])),
				START_MS,
				250,
			).catch((cause) => {
				const log = tailOf(`${dir}/log/kube-apiserver.log`);
				throw new Error(`the API server is not ready:\n${log}`, { cause });
			});
			daemon("kube-controller-manager", {
				...clientOf(file("controllers.conf")),
				"cert-dir": file("certificates"),
				// the API server's certificate, which pods then know
				"root-ca-file": file("certificates/apiserver.crt"),
				"service-account-private-key-file": file("accounts.key"),
				"use-service-account-credentials": "true",
				"service-cluster-ip-range": nets.services,
				// forty controllers start at once, each with an account of its own
				"kube-api-qps": "500",
				"kube-api-burst": "1000",
				// a node without power is seen in half of the usual time
				"node-monitor-grace-period": "20s",
			});
			daemon("kube-scheduler", clientOf(file("scheduler.conf")));
			await kubectl(["create", "-f", "-"], {
				input: JSON.stringify({
					apiVersion: "v1",
					kind: "List",
					items: NODE_NAMES.map((name) => {
						const podCIDRs = podNetsOf(name, cluster.stack);
						return {
							apiVersion: "v1",
							kind: "Node",
							metadata: { name },
							spec: { podCIDR: podCIDRs[0], podCIDRs },
						};
					}),
				}),
			});
			// pods cannot be made before
			const account = ["--for=create", "serviceaccount/default"];
			for (const namespace of ["default", "kube-system"])
				await kubectl(["wait", "-n", namespace, "--timeout=60s", ...account]);
		},
	};
}

function clientOf(kubeconfig: string): Readonly<Record<string, string>> {
	return {
		kubeconfig,
		"authentication-kubeconfig": kubeconfig,
		"authorization-kubeconfig": kubeconfig,
		"bind-address": "127.0.0.1",
		"leader-elect": "false",
	};
}

/** The keys that sign the tokens of service accounts. */
function writeKeys(secret: string, open: string): void {
	const { privateKey, publicKey } = generateKeyPairSync("rsa", {
		modulusLength: 2048,
		privateKeyEncoding: { type: "pkcs8", format: "pem" },
		publicKeyEncoding: { type: "spki", format: "pem" },
	});
	writeFileSync(secret, privateKey);
	writeFileSync(open, publicKey);
}
