// Which container runtime a node has. CRI-O makes hostPorts itself, names none to
// plugins, and ends a pod by the configuration that it was started with; so both
// the entry and the way out depend on it.

import type { Host } from "../host.ts";
import type { Runtime } from "./mode.ts";
import { namesIn, type Where } from "./paths.ts";

const CRIO = "/run/crio";
const CONTAINERD = ["/run/containerd", "/run/k3s/containerd"];
/** What to look at again. */
export const RUNTIME_DIRS: readonly string[] = [CRIO, ...CONTAINERD];

/** "both" where a node has the two, and either may be the kubelet's. */
export type Seen = "cri-o" | "containerd" | "both" | undefined;

/** Whether the runtime that was named is CRI-O, or if none was, the one that is seen. */
export function isCrio(runtime: Runtime | undefined, seen: Seen): boolean {
	return (runtime?.name ?? seen) === "cri-o";
}

/** The runtime that the node's directories show, or else the one that runs this container. */
export function seenRuntime(host: Host, { root }: Pick<Where, "root">): Seen {
	const isThere = (dir: string): boolean =>
		namesIn(host, root + dir) !== undefined;
	const hasContainerd = CONTAINERD.some(isThere);
	if (isThere(CRIO)) return hasContainerd ? "both" : "cri-o";
	return hasContainerd ? "containerd" : runner(host);
}

/** Where a runtime keeps the files that it mounts into each container: the fourth field of a mount. */
const FROM = /^(?:\S+ ){3}(\S+) \/etc\/(?:hostname|resolv\.conf) /gm;

/**
 * A container in which the node's /run is not mounted can tell by its own mounts.
 * Podman's containers look like CRI-O's, but no kubelet starts them.
 */
function runner(host: Host): Seen {
	let mounts = "";
	try {
		mounts = host.readFile("/proc/self/mountinfo");
	} catch {
		// then it cannot be told
	}
	const from = [...mounts.matchAll(FROM)].map(([, path = ""]) => path);
	if (from.some((path) => path.includes("/io.containerd.")))
		return "containerd";
	const isPod = host.env("KUBERNETES_SERVICE_HOST") !== undefined;
	return isPod && from.some((path) => path.includes("/overlay-containers/"))
		? "cri-o"
		: undefined;
}
