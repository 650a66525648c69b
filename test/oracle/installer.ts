// install, doctor and uninstall on a directory of the oracle's, in this process.

import { nodeHost } from "../../plugin/host/node.ts";
import { checkConflist } from "../../src/doctor/conflist.ts";
import { apply, refuseLink } from "../../src/install/files.ts";
import type { RuntimePlaces, Where } from "../../src/install/paths.ts";
import {
	type ChainPlan,
	planInstall,
	readerOf,
	type Wishes,
} from "../../src/install/plan.ts";
import { Refusal } from "../../src/install/refusal.ts";
import { unconfigure } from "../../src/install/uninstall.ts";
import type { Directory } from "./directories.ts";
import type { Outcome } from "./judge.ts";

const host = nodeHost([], {}).full();

const placesOf = ({ confDir, binDir }: Directory): RuntimePlaces => ({
	...{ root: "", confDir, confName: undefined, binDirs: [binDir] },
	isNamed: false,
});

/** Returns the plan of install. Throws Refusal. */
export function planFor(
	directory: Directory,
	wishes: Wishes,
): ChainPlan | undefined {
	return planInstall(hostOf(directory), placesOf(directory), wishes, undefined);
}

/** Does what install does in the directory of configurations. */
export function installOn(directory: Directory, wishes: Wishes): Outcome {
	try {
		const plan = planFor(directory, wishes);
		if (!plan) return { waiting: true };
		for (const change of plan.changes) refuseLink(host, change);
		for (const change of plan.changes) apply(host, change);
		return { plan };
	} catch (e) {
		if (e instanceof Refusal) return { refused: e.message };
		throw e;
	}
}

/** Returns the host with CRI-O's configuration in its place. */
function hostOf({ defaultNetwork }: Directory): typeof host {
	return {
		...host,
		readFile: (path, limit) =>
			path === "/etc/crio/crio.conf"
				? `[crio.network]\ncni_default_network = "${defaultNetwork}"\n`
				: host.readFile(path, limit),
	};
}

/** Returns what doctor says of it. */
export function examine(directory: Directory, { runtime }: Wishes): string[] {
	const reader = readerOf(hostOf(directory), "", runtime, undefined);
	return checkConflist(host, placesOf(directory), reader).map(
		({ status, found }) => `${status}: ${found}`,
	);
}

/** Takes our plugin items and drop-ins out again. */
export function uninstallFrom(directory: Directory): void {
	const where: Where = {
		...{ root: "", confDir: directory.confDir, confName: undefined },
		...{
			binDirs: [directory.binDir],
			cacheDir: "/nowhere",
			dataDir: "/nowhere",
		},
	};
	unconfigure(host, where);
}
