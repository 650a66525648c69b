// The manifests: each field is one that Kubernetes has, and each says what it
// is to say.

import {
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { describe, expect, test } from "vitest";
import { daemonSet, type PodSpec, rendered } from "./manifests.ts";

const INSTALLS = [
	"deploy",
	"deploy/overlays/k3s",
	"deploy/overlays/gke",
	"deploy/overlays/microk8s",
	"deploy/overlays/openshift",
];
const UNINSTALLS = ["default", "k3s", "gke", "microk8s", "openshift"].map(
	(name) => `deploy/uninstall/${name}`,
);

const pod = async (dir: string): Promise<PodSpec> =>
	(await daemonSet(dir)).template.spec;

describe.each([...INSTALLS, ...UNINSTALLS])("%s", (dir) => {
	test("selects its own pods, in the system's namespace", async () => {
		const [all, { selector, template }] = [
			await rendered(dir),
			await daemonSet(dir),
		];
		expect(template.metadata.labels).toEqual(selector.matchLabels);
		for (const { metadata } of all)
			expect(metadata.namespace).toBe("kube-system");
	});

	test("runs on every node that can run it, before there is a network, without a token", async () => {
		expect(await pod(dir)).toMatchObject({
			nodeSelector: { "kubernetes.io/os": "linux" },
			affinity: {
				nodeAffinity: {
					requiredDuringSchedulingIgnoredDuringExecution: {
						nodeSelectorTerms: [
							{
								matchExpressions: [
									{
										key: "kubernetes.io/arch",
										operator: "In",
										values: ["amd64"],
									},
								],
							},
						],
					},
				},
			},
			hostNetwork: true,
			automountServiceAccountToken: false,
			priorityClassName: "system-node-critical",
			tolerations: [{ operator: "Exists" }],
		});
	});

	test("may do what it needs and no more", async () => {
		const { containers, initContainers = [] } = await pod(dir);
		for (const c of [...initContainers, ...containers]) {
			expect(c.securityContext).toMatchObject({
				allowPrivilegeEscalation: false,
				readOnlyRootFilesystem: true,
				capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "DAC_OVERRIDE"] },
			});
			expect(c.resources.requests).toEqual({ cpu: "10m", memory: "16Mi" });
			expect(c.image).toBe("conntrack-flush");
		}
	});

	test("mounts only volumes that it has", async () => {
		const { containers, initContainers = [], volumes } = await pod(dir);
		const mounts = [...initContainers, ...containers].flatMap((c) =>
			(c.volumeMounts ?? []).map((m) => m.name),
		);
		expect(new Set(mounts)).toEqual(new Set(volumes.map((v) => v.name)));
	});
});

test.each([
	["deploy", "/opt/cni/bin", "/etc/cni/net.d"],
	[
		"deploy/overlays/k3s",
		"/var/lib/rancher/k3s/data/cni",
		"/var/lib/rancher/k3s/agent/etc/cni/net.d",
	],
	["deploy/overlays/gke", "/home/kubernetes/bin", "/etc/cni/net.d"],
	[
		"deploy/overlays/microk8s",
		"/var/snap/microk8s/current/opt/cni/bin",
		"/var/snap/microk8s/current/args/cni-network",
	],
	["deploy/overlays/openshift", "/var/lib/cni/bin", "/etc/cni/multus/net.d"],
])("%s writes to %s and %s of the node", async (dir, bin, conf) => {
	const { volumes, containers } = await pod(dir);
	const paths = volumes.map((v) => [v.name, v.hostPath.path]);
	expect(paths).toEqual([
		["cni-bin", bin],
		["cni-conf", conf],
		["cni-run", "/run/cni"],
		["cni-cache", "/var/lib/cni"],
		["netns", "/run/netns"],
	]);
	// only directories are made on a node, which its runtime makes too
	expect(
		containers[0]?.volumeMounts?.filter((m) => m.readOnly).map((m) => m.name),
	).toEqual(["cni-cache", "netns", "netns"]);
	expect(containers[0]?.args.slice(0, 2)).toEqual(["install", "--watch"]);
	expect(containers[0]?.startupProbe?.httpGet.path).toBe("/healthz");
	expect(containers[0]?.livenessProbe?.httpGet.path).toBe("/healthz");
	expect(containers[0]?.readinessProbe?.httpGet.path).toBe("/readyz");
});

test.each(INSTALLS)(
	"%s: no probe comes before the agent serves its pages, and a miss costs two seconds",
	async (dir) => {
		const [agent] = (await pod(dir)).containers;
		// until it succeeds, the kubelet makes no other probe, and reports no unhealthy pod
		expect(agent?.startupProbe?.initialDelaySeconds).toBe(1);
		expect(agent?.startupProbe?.periodSeconds).toBe(1);
		expect(agent?.startupProbe?.failureThreshold).toBeGreaterThanOrEqual(30);
		expect(agent?.readinessProbe?.periodSeconds).toBe(2);
		for (const probe of [agent?.livenessProbe, agent?.readinessProbe])
			expect(probe?.initialDelaySeconds).toBeUndefined();
	},
);

test.each([...INSTALLS, ...UNINSTALLS])(
	"%s: kubectl describe shows the last words of a container that failed",
	async (dir) => {
		const { initContainers = [], containers } = await pod(dir);
		for (const c of [...initContainers, ...containers])
			expect(c.terminationMessagePolicy).toBe("FallbackToLogsOnError");
	},
);

// kubectl 1.20 has kustomize 2.0.3, which knows no components, no patches with a target
// and no directories as resources; kubectl 1.21 has 4.0.5
test("the kustomizations have no field that kubectl 1.21 does not know", () => {
	const known =
		/^(apiVersion|kind|namespace|resources|components|patches|images)$/;
	const files = readdirSync("deploy", { recursive: true, encoding: "utf8" });
	const own = files.filter((path) => path.endsWith("kustomization.yaml"));
	expect(own.length).toBeGreaterThan(8);
	for (const path of own) {
		const text = readFileSync(`deploy/${path}`, "utf8");
		const fields = [...text.matchAll(/^(\w+):/gm)].map(([, name]) => name);
		expect(fields, path).not.toEqual([]);
		for (const name of fields) expect(name, path).toMatch(known);
	}
	expect(readFileSync("deploy/README.md", "utf8")).toContain("kubectl 1.21");
});

test.each(UNINSTALLS)(
	"%s uninstalls before anything else, and then waits",
	async (dir) => {
		const { initContainers = [], containers } = await pod(dir);
		expect(initContainers.map((c) => c.args)).toEqual([
			["uninstall", "--wait", "5m"],
		]);
		const mounted = (initContainers[0]?.volumeMounts ?? []).map((m) => m.name);
		expect(mounted).toEqual([
			"cni-bin",
			"cni-conf",
			"cni-run",
			"cni-cache",
			"netns",
			"netns",
		]);
		expect(containers).toHaveLength(1);
		expect(containers[0]).not.toHaveProperty("volumeMounts");
		for (const c of [...initContainers, ...containers])
			for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"])
				expect(c).not.toHaveProperty(probe);
	},
);

test("of the accounts of a cluster only OpenShift's admission needs one", async () => {
	const kinds = async (dir: string): Promise<string[]> =>
		(await rendered(dir)).map((m) => m.kind).sort();
	for (const dir of INSTALLS.slice(0, 4))
		expect(await kinds(dir)).toEqual(["DaemonSet"]);
	expect(await kinds("deploy/overlays/openshift")).toEqual([
		"DaemonSet",
		"RoleBinding",
		"ServiceAccount",
	]);
	for (const dir of ["deploy/overlays/openshift", "deploy/uninstall/openshift"])
		for (const { env } of [
			...((await pod(dir)).initContainers ?? []),
			...(await pod(dir)).containers,
		])
			expect(env).toEqual([
				{ name: "CONTAINER_RUNTIME_VERSION", value: "cri-o://1.0.0" },
			]);
	expect(await pod("deploy/overlays/openshift")).toMatchObject({
		serviceAccountName: "conntrack-flush",
		securityContext: { seLinuxOptions: { type: "spc_t" } },
	});
});

test("with the component scrape, metrics and probes are on the node's address", async () => {
	const dir = mkdtempSync("deploy/.test-");
	try {
		const text = "resources: [../base]\ncomponents: [../components/scrape]\n";
		writeFileSync(`${dir}/kustomization.yaml`, text);
		const { template } = await daemonSet(dir);
		const [agent] = template.spec.containers;
		expect(template.metadata.annotations).toEqual({
			"prometheus.io/scrape": "true",
			"prometheus.io/port": "9470",
		});
		expect(agent?.args).toContain("--metrics-address=$(HOST_IP):9470");
		expect(agent?.env).toMatchObject([
			{ name: "CONTAINER_RUNTIME_VERSION" },
			{ name: "HOST_IP" },
		]);
		for (const probe of ["startup", "liveness", "readiness"] as const)
			expect(agent?.[`${probe}Probe`]?.httpGet).not.toHaveProperty("host");
	} finally {
		rmSync(dir, { recursive: true });
	}
});

test("a field that Kubernetes does not have is noticed", async () => {
	const dir = mkdtempSync("deploy/.test-");
	try {
		const patch =
			"- {op: add, path: /spec/template/spec/hostNetwrok, value: true}";
		const text = `resources: [../base]\npatches:\n  - target: {kind: DaemonSet}\n    patch: "${patch}"\n`;
		writeFileSync(`${dir}/kustomization.yaml`, text);
		await expect(rendered(dir)).rejects.toThrow(/unknown field.*hostNetwrok/);
	} finally {
		rmSync(dir, { recursive: true });
	}
});
