// containerd with runc, driven through its CRI socket as the kubelet drives it.

import { join } from "node:path";
import { type Cri, openCri, runSandboxed, versionOf } from "./cri.ts";
import { IMAGE, makeImage } from "./image.ts";
import { type Service, untilItWorks } from "./machine.ts";
import type { Node } from "./node.ts";
import type { Runtime } from "./runtime.ts";
import { tool, version } from "./tools.ts";

export type Release = "Debian's" | "newest";

export interface Containerd extends Runtime {
	readonly cri: Cri;
	/** Ends the daemon and starts it again; the pods go on. */
	restart(): Promise<void>;
	/** Resolves when containerd has loaded a configuration with and without these plugins. */
	loaded(present: readonly string[], absent?: readonly string[]): Promise<void>;
	end(): Promise<void>;
}

// Raising a score takes CAP_SYS_RESOURCE, which a test machine may lack.
const CONFIG: Readonly<Record<Release, string>> = {
	"Debian's": `version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
restrict_oom_score_adj = true
`,
	newest: `version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
`,
};

const SOCKET = "/run/containerd/containerd.sock";

/** containerd on the node; a network must be configured. */
export async function startContainerd(
	node: Node,
	release: Release,
	network: string,
): Promise<Containerd> {
	const { machine } = node;
	const log = join(node.dir("logs"), "containerd.log");
	// The shim is looked for in PATH.
	const dir =
		release === "newest"
			? tool(`containerd-${version("CONTAINERD")}`)
			: "/usr/bin";
	const start = (): Promise<Service> =>
		machine.start([`${dir}/containerd`], log, {
			PATH: `${dir}:${process.env.PATH}`,
		});
	const cri = openCri(machine, SOCKET);

	await machine.write("/etc/containerd/config.toml", CONFIG[release]);
	let daemon = await start();
	await untilItWorks(async () => void (await cri("Version")));
	await machine.must([
		...["ctr", "-n", "k8s.io", "images", "import"],
		await makeImage(node.topology.dir),
	]);

	return {
		version: await versionOf(cri),
		network,
		cri,
		run: (options, ports) => runSandboxed(node, cri, options, ports),
		async restart() {
			await daemon.stop("SIGTERM");
			daemon = await start();
			await untilItWorks(async () => void (await cri("Version")));
		},
		loaded: (present, absent = []) =>
			untilItWorks(async () => {
				const { info } = await cri("Status", { verbose: true });
				const { cniconfig } = info as { readonly cniconfig?: string };
				const has = (type: string) => cniconfig?.includes(`"${type}"`);
				if (!present.every(has) || absent.some(has))
					throw new Error(`containerd has loaded ${cniconfig}`);
			}),
		end: () => daemon.stop("SIGTERM"),
	};
}
