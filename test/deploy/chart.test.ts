// The chart: what it renders is what kustomize renders, each value reaches its field, and
// a value that means nothing is refused.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { run } from "../../src/cli/command.ts";
import { installCommand } from "../../src/cli/install.ts";
import { fakeHost } from "../support/fakehost.ts";
import {
	CHART,
	charted,
	checkRules,
	hasHelm,
	helm,
	kustomized,
	template,
} from "./helm.ts";
import type { Container, Manifest, PodSpec } from "./manifests.ts";

const VERSION: string = JSON.parse(
	readFileSync("package.json", "utf8"),
).version;
const PLATFORMS = ["default", "k3s", "gke", "openshift", "microk8s"];
/** As deploy/README.md says it is written into a kustomization. */
const IMAGE = `images: [{name: conntrack-flush, newTag: "${VERSION}"}]\n`;
const MONITORED = [
	"metrics.listen=node",
	"metrics.podMonitor.enabled=true",
	"metrics.prometheusRule.enabled=true",
];

/** The objects without the labels of the objects themselves, which are helm's own, in an order of their own. */
function plain(all: readonly Manifest[]): unknown[] {
	return all
		.map(({ metadata, ...rest }) => {
			const { labels: _, ...named } = metadata as Record<string, unknown>;
			return { ...rest, metadata: named };
		})
		.sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

async function pod(...values: readonly string[]): Promise<PodSpec> {
	const found = (await charted(...values)).find((m) => m.kind === "DaemonSet");
	if (!found?.spec) throw new Error("no DaemonSet");
	return found.spec.template.spec;
}

async function agent(...values: readonly string[]): Promise<Container> {
	const [container] = (await pod(...values)).containers;
	if (!container) throw new Error("no container");
	return container;
}

describe.skipIf(!hasHelm())("the chart", () => {
	test.each(PLATFORMS)("for %s is what kustomize renders", async (platform) => {
		const base = platform === "default" ? "base" : `overlays/${platform}`;
		const text = `resources: [../${base}]\n${IMAGE}`;
		expect(plain(await charted(`platform=${platform}`))).toEqual(
			plain(await kustomized(text)),
		);
	});

	test.each(PLATFORMS)(
		"for %s takes itself out as kustomize's does",
		async (platform) => {
			const text = `resources: [../uninstall/${platform}]\n${IMAGE}`;
			const values = [`platform=${platform}`, "uninstall=true"];
			// nobody is to ask, or to expect an answer of, an agent that is not there
			expect(plain(await charted(...values, ...MONITORED.slice(1)))).toEqual(
				plain(await kustomized(text)),
			);
		},
	);

	test.each([
		["selinux", ["seLinuxOptions.type=spc_t"]],
		["node-address", ["metrics.listen=node"]],
		["monitor", MONITORED],
	])("has what the component %s is", async (component, values) => {
		const text = `namespace: kube-system\nresources: [../base]\ncomponents: [../components/${component}]\n${IMAGE}`;
		expect(plain(await charted(...values))).toEqual(
			plain(await kustomized(text)),
		);
	});

	test("is found by its labels, and owned by its release", async () => {
		const all = await charted("platform=openshift", ...MONITORED);
		expect(all.map((m) => m.kind).sort()).toEqual([
			"DaemonSet",
			"PodMonitor",
			"PrometheusRule",
			"RoleBinding",
			"ServiceAccount",
		]);
		for (const { metadata } of all)
			expect(metadata).toMatchObject({
				namespace: "kube-system",
				labels: {
					"app.kubernetes.io/name": "conntrack-flush",
					"app.kubernetes.io/instance": "release",
					"app.kubernetes.io/managed-by": "Helm",
				},
			});
	});

	test.each(PLATFORMS)(
		"for %s has nothing that lint finds",
		async (platform) => {
			for (const more of [[], MONITORED, ["uninstall=true"]]) {
				const values = [`platform=${platform}`, ...more];
				const flags = values.flatMap((v) => ["--set", v]);
				const { code, stdout } = await helm(
					"lint",
					"--strict",
					CHART,
					...flags,
				);
				expect(code, stdout).toBe(0);
			}
		},
	);

	test.each(["1.21.0", "1.26.15", "v1.31.4+k3s1", "1.33.5-gke.1000", "1.37.2"])(
		"is the same for Kubernetes %s",
		async (kubernetes) => {
			expect(await template("--kube-version", kubernetes)).toBe(
				await template(),
			);
		},
	);

	test("is not for a Kubernetes that is older", async () => {
		await expect(template("--kube-version", "1.20.15")).rejects.toThrow(
			/kubeVersion: >=1.21.0/,
		);
	});

	test("has the version of the executable", () => {
		const text = readFileSync(`${CHART}/Chart.yaml`, "utf8");
		expect(text).toContain(`\nversion: ${VERSION}\n`);
		expect(text).toContain(`\nappVersion: ${VERSION}\n`);
	});

	test.each<[values: string[], field: string, want: unknown]>([
		[["image.repository=r.example/a"], "image", `r.example/a:${VERSION}`],
		[["image.tag=v2"], "image", "conntrack-flush:v2"],
		[
			["image.tag=v2", `image.digest=sha256:${"a".repeat(64)}`],
			"image",
			`conntrack-flush@sha256:${"a".repeat(64)}`,
		],
		[["image.pullPolicy=Always"], "imagePullPolicy", "Always"],
		[
			["runtimeVersion=containerd://2.1.0"],
			"env.0.value",
			"containerd://2.1.0",
		],
		[
			["platform=openshift", "runtimeVersion=cri-o://1.30.1"],
			"env.0.value",
			"cri-o://1.30.1",
		],
		[["metrics.port=9999"], "ports.0.containerPort", 9999],
		[["resources.limits.memory=64Mi"], "resources.limits.memory", "64Mi"],
	])("with %s, %s of the agent is %s", async (values, field, want) => {
		expect(await agent(...values)).toHaveProperty(field, want);
	});

	test.each<[values: string[], field: string, want: unknown]>([
		[["cniBinDir=/a"], "volumes.0.hostPath.path", "/a"],
		[["platform=k3s", "cniConfDir=/b"], "volumes.1.hostPath.path", "/b"],
		[["imagePullSecrets[0].name=a"], "imagePullSecrets", [{ name: "a" }]],
		[["priorityClassName=a"], "priorityClassName", "a"],
		[["tolerations[0].key=a"], "tolerations.0.key", "a"],
		[["nodeSelector.a=b"], "nodeSelector.a", "b"],
		[
			[
				"affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key=a",
			],
			"affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.0.matchFields.0.key",
			"a",
		],
	])("with %s, %s of the pod is %s", async (values, field, want) => {
		expect(await pod(...values)).toHaveProperty(field, want);
	});

	test("puts labels and annotations on its pods, beside the one that selects them", async () => {
		const [daemonSet] = await charted(
			...["podLabels.a=b", "podAnnotations.c=d"],
		);
		expect(daemonSet?.spec?.template.metadata).toEqual({
			labels: { a: "b", "app.kubernetes.io/name": "conntrack-flush" },
			annotations: { c: "d" },
		});
	});

	test.each<[values: string[], flags: string[]]>([
		[["mode=dropin"], ["--mode=dropin"]],
		[["protocols={udp,sctp}"], ["--proto=udp", "--proto=sctp"]],
		[["oneCPUPerFlow=true"], ["--one-cpu-per-flow"]],
		[["reconcileInterval=1m30s"], ["--reconcile-interval=1m30s"]],
		[["repairRules=all"], ["--repair-rules=all"]],
		[["sweep=true"], ["--sweep"]],
		[["extraArgs={--interval=1s}"], ["--interval=1s"]],
		[["metrics.listen=node"], ["--metrics-address=$(HOST_IP):9470"]],
		[
			["metrics.listen=node-ipv6", "metrics.port=1"],
			["--metrics-address=[$(HOST_IP)]:1"],
		],
	])(
		"with %s, the agent is told %s, which it understands",
		async (values, flags) => {
			const { args } = await agent(...values);
			for (const flag of flags) expect(args).toContain(flag);
			const [name, ...words] = args.map((arg) =>
				arg
					.replace("[$(HOST_IP)]", "[2001:db8::1]")
					.replace("$(HOST_IP)", "192.0.2.1"),
			);
			expect(name).toBe("install");
			const parsed = { ...installCommand, run: async () => 0 };
			await expect(run(parsed, fakeHost({}), words)).resolves.toBe(0);
		},
	);

	test.each<[value: string, where: RegExp]>([
		["platform=rancher", /at '\/platform'/],
		["mode=print", /at '\/mode'/],
		["protocols={icmp}", /at '\/protocols\/0'/],
		["cniBinDir=opt", /at '\/cniBinDir'/],
		["runtimeVersion=containerd", /at '\/runtimeVersion'/],
		["reconcileInterval=5x", /at '\/reconcileInterval'/],
		["repairRules=none", /at '\/repairRules'/],
		["sweep=maybe", /at '\/sweep'/],
		["extraArgs={uninstall}", /at '\/extraArgs\/0'/],
		["maxUnavailable=0%", /at '\/maxUnavailable'/],
		["image.digest=abc", /at '\/image\/digest'/],
		["metrics.listen=everywhere", /at '\/metrics\/listen'/],
		["metrics.port=0", /at '\/metrics\/port'/],
		["uninstall=1", /at '\/uninstall'/],
		["tolerationz=1", /additional properties 'tolerationz' not allowed/],
		["image.name=a", /additional properties 'name' not allowed/],
		["metrics.podMonitor.enabled=true", /needs metrics.listen=node/],
	])("%s is refused", async (value, where) => {
		await expect(template("--set", value)).rejects.toThrow(where);
	});

	test("has alerts that promtool accepts, which link where the value says", async () => {
		const all = await charted(
			"metrics.prometheusRule.enabled=true",
			"metrics.prometheusRule.runbooks=https://wiki.example/flush",
		);
		const rules = all.find((m) => m.kind === "PrometheusRule");
		await checkRules(rules?.spec);
		const links = JSON.stringify(rules).match(/"runbook_url":"[^"]*"/g) ?? [];
		expect(links.length).toBeGreaterThan(8);
		for (const link of links)
			expect(link).toMatch(/"https:\/\/wiki\.example\/flush#conntrack\w+"/);
	});

	test("says how to take it out of the nodes before helm does out of the cluster", async () => {
		const notes = async (...flags: readonly string[]): Promise<string> => {
			const where = ["a", CHART, "-n", "b", "--dry-run=client", ...flags];
			const { stdout } = await helm("install", ...where);
			return stdout.slice(stdout.indexOf("NOTES:"));
		};
		expect(await notes()).toMatch(
			/helm -n b upgrade a CHART --reuse-values --set uninstall=true\n.*rollout status daemonset\/conntrack-flush\n.*helm -n b uninstall a\n/,
		);
		const after = await notes("--set", "uninstall=true");
		expect(after).toMatch(/rollout status.*helm -n b uninstall a\n/s);
		expect(after).not.toContain("upgrade");
	});
});
