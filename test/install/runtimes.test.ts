// The installer under the runtimes themselves: a containerd that reads drop-ins and
// one that does not. Its change is loaded without a restart. While pods come and go,
// none of them fails because of it, whatever is done to its files.

import {
	appendFileSync,
	copyFileSync,
	readdirSync,
	readFileSync,
	rmSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seenRuntime } from "../../src/install/runtime.ts";
import { readCache } from "../../src/libcni/cache.ts";
import { CONTAINERD_RUNS } from "../harness/runtimes/runs.ts";
import { leftBehind } from "../harness/runtimes/scenarios.ts";
import { now, sleep } from "../support/clock.ts";
import { fakeHost } from "../support/fakehost.ts";
import { OUR_BIN } from "../support/requirements.ts";
import {
	type Containerd,
	startContainerd,
} from "../support/runtimes/containerd.ts";
import {
	configure,
	conflistOf,
	exampleOf,
	withoutUs,
} from "../support/runtimes/examples.ts";
import type { Service } from "../support/runtimes/machine.ts";
import {
	createNode,
	installPlugins,
	type Node,
} from "../support/runtimes/node.ts";
import { undoAll } from "../support/undo.ts";
import { startLoad } from "./load.ts";

const EXAMPLE = exampleOf("containerd.conflist");
const WITHOUT = withoutUs(conflistOf(EXAMPLE));
const CONFLIST = `/etc/cni/net.d/${EXAMPLE.installedAs}`;
const DROP_IN = `/etc/cni/net.d/${WITHOUT.name}/90-conntrack-flush.conf`;
const BINARY = "/opt/cni/bin/conntrack-flush";
const OURS = "conntrack-flush";

/** A longer run: INSTALL_SECONDS=180 for three minutes of 50 pods a minute for each runtime. */
const SECONDS = Number(process.env.INSTALL_SECONDS ?? 0);
const PER_MINUTE = SECONDS > 0 ? 50 : 600;
/** Pods after each event. */
const SOME = 3;
/** The time within which a change is repaired: an interval is a fifth of a second, seeing it takes time too, and the machine may be busy. */
const REPAIRED_MS = 5 * 200;

describe.each(CONTAINERD_RUNS)("$release containerd", (run) => {
	let node: Node;
	let containerd: Containerd;
	let runtime: string;
	/** The path under which we see the machine's files. */
	let root: string;
	beforeAll(async () => {
		node = await createNode();
		await installPlugins(node, run.plugins);
		root = `/proc/${node.machine.inside([])[2]}/root`;
		rmSync(root + BINARY);
		await configure(node, EXAMPLE.installedAs, WITHOUT);
		containerd = await startContainerd(node, run.release, WITHOUT.name);
		runtime = containerd.version.replace(" ", "://");
	}, 60_000);
	afterAll(undoAll, 60_000);

	const read = (path: string): string => readFileSync(root + path, "utf8");
	const installer = (...words: string[]): Promise<string> =>
		node.machine.must([join(OUR_BIN, OURS), ...words], {
			env: { CONTAINER_RUNTIME_VERSION: runtime },
			timeoutMs: 30_000,
		});
	const watch = (executable = join(OUR_BIN, OURS)): Promise<Service> =>
		node.machine.start(
			[executable, "install", "--watch"],
			join(node.dir("logs"), "install.log"),
			{ CONTAINER_RUNTIME_VERSION: runtime },
		);
	const inChain = (): boolean => {
		try {
			return run.dropIns
				? read(DROP_IN).includes(OURS)
				: read(CONFLIST).split(`"${OURS}"`).length === 3;
		} catch {
			return false;
		}
	};

	test("its change is loaded without a restart, and taken out again", async () => {
		const before = read(CONFLIST);
		const said = await installer("install");
		expect(said).toContain(run.dropIns ? "dropin: " : "edit: ");
		await containerd.loaded([OURS]);
		const pod = await containerd.run({ name: "pod" }, [
			{ hostPort: 8125, containerPort: 5353, protocol: "udp" },
		]);
		// these are left by a call of our plugin while its pod lives
		const there = await leftBehind(node, containerd);
		expect(there.filter((line) => /^record .*eth0/.test(line))).toHaveLength(1);
		// libcni's cache has it too
		const host = fakeHost({ files: textsIn(`${root}/var/lib/cni/results`) });
		const { network } = containerd;
		const id = { network, ifname: "eth0", pod: "default/pod" };
		const port = { proto: 17, hostPort: 8125, containerPort: 5353 };
		expect(readCache(host, "/")).toMatchObject([
			{ network: "cni-loopback", mappings: [] },
			{ ...id, mappings: [{ ...port, podIP: pod.address }, port] },
		]);
		await pod.remove();
		expect(
			(await leftBehind(node, containerd)).filter((l) => l.includes("eth0")),
		).toEqual([]);
		await installer("uninstall", "--grace", "0");
		await containerd.loaded(["portmap"], [OURS]);
		expect(read(CONFLIST)).toBe(before);
	});

	test("a container on the node's network sees by its own mounts what runs it", async () => {
		const pod = await containerd.run({ name: "agent", hostNetwork: true }, []);
		const { containers } = (await containerd.cri("ListContainers")) as {
			containers: { id: string }[];
		};
		const { info } = (await containerd.cri("ContainerStatus", {
			container_id: containers[0]?.id,
			verbose: true,
		})) as { info: { info: string } };
		const { pid } = JSON.parse(info.info);
		const mountinfo = "/proc/self/mountinfo";
		const host = fakeHost({
			files: { [mountinfo]: read(`/proc/${pid}/mountinfo`) },
		});
		expect(seenRuntime(host, { root: "" })).toBe("containerd");
		await pod.remove();
	});

	test("after a reboot, records and namespaces gone: old pods can be ended and new ones started, without the installer", async () => {
		await installer("install");
		await containerd.loaded([OURS]);
		const config = {
			metadata: { name: "before", namespace: "default", uid: "before" },
			port_mappings: [{ protocol: "UDP", container_port: 53, host_port: 9000 }],
			linux: { cgroup_parent: `/${node.machine.cgroup}` },
		};
		const { pod_sandbox_id } = await containerd.cri("RunPodSandbox", {
			config,
		});
		await node.machine.must([
			...["sh", "-ec"],
			"umount -l /run/netns/cni-*; rm -r /run/netns/cni-* /run/cni",
		]);
		await containerd.restart();
		await containerd.loaded([OURS]);
		// the kubelet makes the same calls
		await containerd.cri("StopPodSandbox", { pod_sandbox_id });
		await containerd.cri("RemovePodSandbox", { pod_sandbox_id });
		const load = startLoad(node, containerd, 600);
		await load.more(1);
		await load.end();
		expect(load.failures).toEqual([]);
		await installer("uninstall", "--grace", "0");
		await containerd.loaded(["portmap"], [OURS]);
		expect(await leftBehind(node, containerd)).toEqual([]);
	});

	test("no pod fails to start or to stop, whatever happens to the configuration and the executable is replaced", {
		timeout: 120_000 + SECONDS * 1000,
	}, async () => {
		const load = startLoad(node, containerd, PER_MINUTE);
		const gaps: number[] = [];
		const back = async (): Promise<void> => {
			const from = now();
			while (!inChain() && now() < from + 30_000) await sleep(5);
			gaps.push(now() - from);
			await containerd.loaded([OURS]);
		};
		const rewrite = (text: string): Promise<void> =>
			node.machine.write(CONFLIST, text);
		const other = join(node.dir("other"), OURS);
		copyFileSync(join(OUR_BIN, OURS), other);
		appendFileSync(other, "another version");
		const pristine = read(CONFLIST);

		await load.more(SOME);
		let service = await watch();
		let executable = other;
		await back();
		const last = now() + SECONDS * 1000;
		do {
			await load.more(SOME);
			// the primary writes its file anew, or somebody takes the drop-in away
			if (run.dropIns)
				await node.machine.must(["rm", "-r", join(DROP_IN, "..")]);
			await rewrite(pristine);
			await back();
			await load.more(SOME);
			// the upgrade of a DaemonSet: SIGTERM, and a new version starts
			await service.stop("SIGTERM");
			service = await watch(executable);
			await until(() =>
				readFileSync(root + BINARY).equals(readFileSync(executable)),
			);
			executable = executable === other ? join(OUR_BIN, OURS) : other;
		} while (now() < last);
		await load.more(SOME);
		await service.stop("SIGTERM");
		await installer("uninstall");
		await containerd.loaded(["portmap"], [OURS]);
		expect(() => read(BINARY)).toThrow("ENOENT");
		await load.more(SOME);
		await load.end();
		console.log(
			`${runtime}: ${load.count()} pods, ${gaps.length} times out of the chain, at most ${Math.max(...gaps).toFixed(0)} ms`,
		);
		expect(load.failures).toEqual([]);
		expect(Math.max(...gaps)).toBeLessThan(REPAIRED_MS);
		expect(read(CONFLIST)).toBe(pristine);
		expect(await leftBehind(node, containerd)).toEqual([]);
	});

	test("the executable is deleted while pods come and go: those that a runtime then cannot start or stop, it can once it is back", async () => {
		const service = await watch();
		await containerd.loaded([OURS]);
		const load = startLoad(node, containerd, 600);
		await load.more(SOME);
		const from = now();
		await node.machine.must(["rm", BINARY]);
		await until(() => readFileSync(root + BINARY).length > 0);
		const to = now();
		await load.more(SOME);
		await load.end();
		console.log(
			`${runtime}: deleted for ${(to - from).toFixed(0)} ms, ${load.failures.length} calls failed meanwhile: ${load.failures.map(({ what }) => what)}`,
		);
		// no call failed that had ended before the deletion or began after the return
		expect(load.failures.filter((f) => f.to < from || f.from > to)).toEqual([]);
		expect(to - from).toBeLessThan(REPAIRED_MS);
		await service.stop("SIGTERM");
		await installer("uninstall", "--grace", "0");
		await containerd.loaded(["portmap"], [OURS]);
		// containerd loses the address of a pod that it could not start, and then could
		// not end, because the plugin was absent: containerd#12130
		const left = await leftBehind(node, containerd);
		expect(left.filter((line) => !line.startsWith("address"))).toEqual([]);
		const lost = left.filter((line) => /^address \d+\./.test(line));
		const starts = load.failures.filter(({ what }) => what === "start");
		expect(lost.length).toBeLessThanOrEqual(starts.length);
	});
});

/** Returns the texts of the directory's files by their names, with a slash before each. */
function textsIn(dir: string): Record<string, string> {
	return Object.fromEntries(
		readdirSync(dir).map((name) => [
			`/${name}`,
			readFileSync(join(dir, name), "utf8"),
		]),
	);
}

async function until(holds: () => boolean): Promise<void> {
	const last = now() + 30_000;
	for (;;) {
		try {
			if (holds()) return;
		} catch {
			// the file is absent
		}
		if (now() > last) throw new Error("it did not come");
		await sleep(5);
	}
}
