// The DaemonSet's containers, run by runc as a kubelet would have it: the
// executable alone in a read-only root, with the mounts and capabilities that
// the manifest gives it and nothing else.

import type { ChildProcess } from "node:child_process";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ended, must, quietly, run, start } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { onEnd } from "../support/undo.ts";
import { type Container, daemonSet, type PodSpec } from "./manifests.ts";

const EXECUTABLE = "build/out/conntrack-flush";
const CONFLIST = `{
  "name": "cbr0",
  "cniVersion": "1.0.0",
  "plugins": [
    {"type": "bridge"},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`;

const FILE = "/etc/cni/net.d/10-cbr0.conflist";
const PLUGINS = ["bridge", "portmap"];

let ns: Namespace;
let dir: string;
let remove: () => void;
beforeAll(async () => {
	await must(["make", "--silent", EXECUTABLE]);
	dir = mkdtempSync(`${tmpdir()}/container-`);
	remove = onEnd(() => {
		for (const id of existsSync(`${dir}/runc`)
			? readdirSync(`${dir}/runc`)
			: [])
			quietly(["runc", "--root", `${dir}/runc`, "delete", "--force", id]);
		rmSync(dir, { recursive: true });
	});
	ns = await createNamespace("container");
	mkdirSync(`${dir}/rootfs/proc`, { recursive: true });
	copyFileSync(EXECUTABLE, `${dir}/rootfs/conntrack-flush`);
	for (const d of ["opt/cni/bin", "etc/cni/net.d", "run/cni", "var/lib/cni"])
		mkdirSync(`${dir}/node/${d}`, { recursive: true });
	writeFileSync(onNode(FILE), CONFLIST);
	for (const plugin of PLUGINS)
		writeFileSync(onNode(`/opt/cni/bin/${plugin}`), "", { mode: 0o755 });
});
afterAll(() => {
	remove?.();
	ns?.remove();
});

/** A path of the node, here. */
function onNode(path: string): string {
	return `${dir}/node${path}`;
}

/** The place where a runtime keeps the file that it mounts as a container's /etc/hostname. */
const CONTAINERD =
	"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/4f2e/hostname";
const CRIO =
	"/run/containers/storage/overlay-containers/4f2e/userdata/hostname";

/** A bundle for runc, as the runtime would have it; returns the command that runs it. */
function bundle(
	id: string,
	pod: PodSpec,
	c: Container,
	hostname = CONTAINERD,
): string[] {
	const { drop, add } = c.securityContext.capabilities;
	expect(drop).toEqual(["ALL"]);
	const names = add.map((name) => `CAP_${name}`);
	const at = `${dir}/${id}`;
	mkdirSync(at);
	const mounts = (c.volumeMounts ?? []).map((m) => {
		const volume = pod.volumes.find((v) => v.name === m.name);
		if (!volume) throw new Error(`no volume ${m.name}`);
		// as the kubelet does for DirectoryOrCreate
		mkdirSync(onNode(volume.hostPath.path), { recursive: true });
		return {
			destination: m.mountPath,
			type: "bind",
			source: onNode(volume.hostPath.path),
			options: ["rbind", "rprivate", m.readOnly ? "ro" : "rw"],
		};
	});
	mkdirSync(dirname(onNode(hostname)), { recursive: true });
	writeFileSync(onNode(hostname), "node\n");
	mounts.push({
		destination: "/etc/hostname",
		type: "bind",
		source: onNode(hostname),
		options: ["rbind", "rprivate", "ro"],
	});
	const config = {
		ociVersion: "1.0.2",
		process: {
			user: { uid: c.securityContext.runAsUser, gid: 0 },
			args: ["/conntrack-flush", ...c.args],
			env: [
				...(c.env ?? []).map(({ name, value = "" }) => `${name}=${value}`),
				"KUBERNETES_SERVICE_HOST=10.96.0.1",
			],
			cwd: "/",
			capabilities: {
				bounding: names,
				effective: names,
				permitted: names,
			},
			noNewPrivileges: !c.securityContext.allowPrivilegeEscalation,
		},
		root: {
			path: `${dir}/rootfs`,
			readonly: c.securityContext.readOnlyRootFilesystem,
		},
		mounts: [{ destination: "/proc", type: "proc", source: "proc" }, ...mounts],
		linux: {
			namespaces: [
				{ type: "mount" },
				{ type: "pid" },
				{ type: "ipc" },
				{ type: "uts" },
				{ type: "network", path: ns.path },
			],
		},
	};
	writeFileSync(`${at}/config.json`, JSON.stringify(config));
	const name = `cf${process.pid}-${id}`;
	return ["runc", "--root", `${dir}/runc`, "run", "--bundle", at, name];
}

/** The page's status and text, asked for as a kubelet on the node would. */
async function page(path: string): Promise<string> {
	const script = `fetch("http://127.0.0.1:9470${path}").then(async (r) => console.log(r.status, await r.text()))`;
	const { stdout } = await run(ns.inside([process.execPath, "-e", script]));
	return stdout.trim();
}

/** Waits; the error holds what the agent has said so far. */
async function until(is: () => Promise<boolean>): Promise<void> {
	const end = performance.now() + 20_000;
	while (!(await is())) {
		if (performance.now() > end) throw new Error(`not yet: ${agentSaid}`);
		await pause(100);
	}
}

const INSTALLED = "/opt/cni/bin/conntrack-flush";

let agent: ChildProcess | undefined;
let agentSaid = "";

/** Starts the agent, and waits until it is ready. */
async function startAgent(id: string, hostname?: string): Promise<void> {
	const { template } = await daemonSet("deploy");
	const [container] = template.spec.containers;
	if (!container) throw new Error("no container");
	agentSaid = "";
	agent = start(bundle(id, template.spec, container, hostname), {
		stdio: ["ignore", "pipe", "pipe"],
	});
	agent.stdout?.on("data", (part) => (agentSaid += part));
	agent.stderr?.on("data", (part) => (agentSaid += part));
	await until(async () => (await page("/readyz")).startsWith("200 "));
}

async function endAgent(id: string): Promise<void> {
	const child = agent;
	if (!child) throw new Error("no agent");
	const end = ended(child);
	const name = `cf${process.pid}-${id}`;
	await must(["runc", "--root", `${dir}/runc`, "kill", name, "TERM"]);
	expect((await end).code).toBe(0);
}

const chain = (): { type: string; scope?: string }[] =>
	JSON.parse(readFileSync(onNode(FILE), "utf8")).plugins;

/** Writes what a runtime caches of a pod that it starts now. Returns the path. */
function cache(): string {
	const path = onNode("/var/lib/cni/results/cbr0-4f2e-eth0");
	mkdirSync(dirname(path), { recursive: true });
	const config = readFileSync(onNode(FILE)).toString("base64");
	writeFileSync(
		path,
		JSON.stringify({
			...{ kind: "cniCacheV1", networkName: "cbr0", config },
			...{ containerId: "4f2e", ifName: "eth0" },
			cniArgs: Object.entries({ K8S_POD_NAMESPACE: "ns", K8S_POD_NAME: "web" }),
		}),
	);
	return path;
}

function expectNoTrace(): void {
	expect(readdirSync(onNode("/opt/cni/bin")).sort()).toEqual(PLUGINS);
	const left = readdirSync(onNode("/run/cni"), { recursive: true });
	expect(left).toEqual([]);
	expect(readdirSync(onNode("/etc/cni/net.d"))).toEqual(["10-cbr0.conflist"]);
	expect(readFileSync(onNode(FILE), "utf8")).toBe(CONFLIST);
}

test("the agent installs and is ready, with nothing but its executable", async () => {
	await startAgent("agent");
	expect(await page("/healthz")).toBe("200 ok");
	const metrics = await page("/metrics");
	for (const gauge of ["installed", "configured", "ctnetlink_available"])
		expect(metrics).toContain(`\nconntrack_flush_${gauge} 1\n`);
	await must(["promtool", "check", "metrics"], {
		input: `${metrics.slice(4)}\n`,
	});
	const installed = readFileSync(onNode(INSTALLED));
	expect(installed.equals(readFileSync(EXECUTABLE))).toBe(true);
	expect(chain().map(({ type }) => type)).toEqual([
		"bridge",
		"conntrack-flush",
		"portmap",
		"conntrack-flush",
	]);
	expect(agentSaid).not.toContain("level=warn");
});

test("it publishes a page, for which it needs nothing more", async () => {
	await until(async () => (await page("/")).includes("It looked at"));
	const shown = await page("/");
	expect(shown).toContain("No pod with a hostPort is recorded");
	expect(shown).not.toMatch(/could not be|cannot/);
	expect(agentSaid).not.toContain("level=warn");
});

test("on SIGTERM the agent ends and leaves everything in place", async () => {
	await endAgent("agent");
	expect(existsSync(onNode(INSTALLED))).toBe(true);
});

async function uninstalling(id: string, hostname?: string): Promise<string[]> {
	const { template } = await daemonSet("deploy/uninstall/default");
	const [container] = template.spec.initContainers ?? [];
	if (!container) throw new Error("no container");
	return bundle(id, template.spec, container, hostname);
}

test("under containerd the uninstall container leaves the node as it was, also while a pod runs", async () => {
	const cached = cache();
	await must(await uninstalling("uninstall"));
	expectNoTrace();
	rmSync(cached);
});

test("under CRI-O the entry is CRI-O's, though nobody has named the runtime", async () => {
	await startAgent("crio", CRIO);
	expect(chain().at(-1)).toMatchObject({
		type: "conntrack-flush",
		scope: "pod",
	});
	await endAgent("crio");
});

test("under CRI-O the uninstall container waits for the pod of then, and says so", async () => {
	const cached = cache();
	const child = start(await uninstalling("wait", CRIO), {
		stdio: ["ignore", "pipe", "inherit"],
	});
	const end = ended(child);
	let said = "";
	child.stdout?.on("data", (part) => (said += part));
	await until(async () => said.includes("waiting"));
	expect(said).toContain(
		"waiting to remove /opt/cni/bin/conntrack-flush: /var/lib/cni/results/cbr0-4f2e-eth0 still names it, for the pod ns/web\n",
	);
	expect(existsSync(onNode(INSTALLED))).toBe(true);
	rmSync(cached);
	expect((await end).code).toBe(0);
	expectNoTrace();
});

test("what follows it only waits", async () => {
	const { template } = await daemonSet("deploy/uninstall/default");
	const [container] = template.spec.containers;
	if (!container) throw new Error("no container");
	const end = ended(
		start(bundle("done", template.spec, container), { stdio: "ignore" }),
	);
	const name = `cf${process.pid}-done`;
	const runc = ["runc", "--root", `${dir}/runc`];
	await until(async () =>
		(await run([...runc, "state", name])).stdout.includes('"running"'),
	);
	await pause(500);
	await must([...runc, "kill", name, "TERM"]);
	expect((await end).code).toBe(0);
});
