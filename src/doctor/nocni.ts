// Whether CNI is of no use on this node: Docker, Podman and routers publish ports without
// it. Then what concerns the plugin is not missing. It looks at names of files only.

import type { Host } from "../host.ts";
import { allDirectories, namesIn, type Where } from "../install/paths.ts";
import { cacheDirs, cacheNames } from "../libcni/cache.ts";
import { recordNames } from "../state/store.ts";
import { type Finding, ok } from "./finding.ts";

const CHECK = "CNI";

/** The directories of kubelet and of CRI-O, which start no pod without CNI. */
const NEED_CNI: readonly string[] = ["/var/lib/kubelet", "/run/crio"];

/** The finding if the user has said that the node has no CNI. */
export const LEFT_OUT: Finding = ok(CHECK, "left out, by --without cni");

/**
 * Returns a finding if the node has no CNI: neither a directory of configurations nor an
 * attachment, recorded or cached, nor a program that needs one. If somebody says where
 * CNI is, or if this is a container, the node may have what is not seen from here.
 */
export function findNoCNI(host: Host, where: Where): Finding | undefined {
	const { root, confDir, dataDir, cacheDir } = where;
	if (root !== "" || confDir !== undefined) return undefined;
	if (host.env("KUBERNETES_SERVICE_HOST") !== undefined) return undefined;
	try {
		const isThere =
			allDirectories(host, where).confDirs.length > 0 ||
			NEED_CNI.some((dir) => namesIn(host, dir) !== undefined) ||
			recordNames(host, dataDir).length > 0 ||
			cacheDirs(cacheDir).some((dir) => cacheNames(host, dir).length > 0);
		if (isThere) return undefined;
	} catch {
		// what cannot be read is there
		return undefined;
	}
	return ok(
		CHECK,
		"this node has none: there is no directory of configurations, and no attachment is recorded",
	);
}
