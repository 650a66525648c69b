// The container runtime of a node: CRI-O or another. CRI-O makes hostPorts itself,
// names none to plugins, and ends a pod by the configuration that the pod was started
// with. Both the plugin item and uninstall depend on that.

import type { Host } from "../host.ts";
import type { Runtime } from "./mode.ts";
import { namesIn, type Where } from "./paths.ts";

const CRIO = "/run/crio";
const CONTAINERD = ["/run/containerd", "/run/k3s/containerd"];
/** The directories that show the runtime. */
export const RUNTIME_DIRS: readonly string[] = [CRIO, ...CONTAINERD];

/** The runtime that a node shows. "both" means that it has the two, and either may be the kubelet's. */
export type Seen = "cri-o" | "containerd" | "both" | undefined;

/** Returns true if the runtime that was named is CRI-O, or, if none was named, the one that is seen. */
export function isCrio(runtime: Runtime | undefined, seen: Seen): boolean {
	return (runtime?.name ?? seen) === "cri-o";
}

/** Returns the runtime that the node's directories show, or else the one that runs this container. */
export function seenRuntime(host: Host, { root }: Pick<Where, "root">): Seen {
	const isThere = (dir: string): boolean =>
		namesIn(host, root + dir) !== undefined;
	const hasContainerd = CONTAINERD.some(isThere);
	if (isThere(CRIO)) return hasContainerd ? "both" : "cri-o";
	return hasContainerd ? "containerd" : runner(host);
}

/** CRI-O's own configuration: the file, and the directory whose files count after it. */
const CRIO_CONF = "/etc/crio/crio.conf";

/**
 * Returns the network that CRI-O is configured to take (cni_default_network), or
 * undefined if it takes the first. Of TOML it reads only this line. A container may lack
 * the files; it then goes by the first network.
 */
export function crioNetwork(host: Host, root: string): string | undefined {
	const dir = `${root}${CRIO_CONF}.d`;
	const drops = (namesIn(host, dir) ?? []).sort().map((n) => `${dir}/${n}`);
	let found: string | undefined;
	for (const path of [root + CRIO_CONF, ...drops])
		found = defaultNetwork(host, path) ?? found;
	return found || undefined;
}

function defaultNetwork(host: Host, path: string): string | undefined {
	let text = "";
	try {
		text = host.readFile(path);
	} catch {
		// it is absent, or a directory
	}
	const key = "cni_default_network";
	for (const line of text.split("\n")) {
		const [name = "", value] = line.split("=").map((word) => word.trim());
		if (name !== key || value === undefined) continue;
		const quote = value.charAt(0);
		const end = value.indexOf(quote, 1);
		if ((quote === '"' || quote === "'") && end > 0) return value.slice(1, end);
	}
	return undefined;
}

/** Files that the runtime keeps, and mounts into each container. */
const MOUNTED: readonly unknown[] = ["/etc/hostname", "/etc/resolv.conf"];

/**
 * Returns the runtime of this container, by its own mounts: a container may lack the
 * node's /run. Podman's containers look like CRI-O's, but no kubelet starts them.
 */
function runner(host: Host): Seen {
	let mounts = "";
	try {
		mounts = host.readFile("/proc/self/mountinfo");
	} catch {
		// without mounts the runtime stays unknown
	}
	// proc(5): the fourth field is the path of what is mounted, the fifth where
	const from = mounts
		.split("\n")
		.map((line) => line.split(" "))
		.filter((fields) => MOUNTED.includes(fields[4]))
		.map((fields) => fields[3] ?? "");
	if (from.some((path) => path.includes("/io.containerd.")))
		return "containerd";
	const isPod = host.env("KUBERNETES_SERVICE_HOST") !== undefined;
	return isPod && from.some((path) => path.includes("/overlay-containers/"))
		? "cri-o"
		: undefined;
}
