// The programs that these tests cannot do without. Missing pieces are an error and never a
// skipped test: a suite that silently tests nothing would look green.

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** The directory of the real bridge, host-local and portmap (Debian's containernetworking-plugins). */
export const CNI_BIN = process.env.CNI_BIN ?? "/usr/lib/cni";

/** The directory of our executable. */
export const OUR_BIN = process.env.FLUSH_BIN ?? join(ROOT, "build/out");

const TOOLS: Readonly<Record<string, string>> = {
	ip: "iproute2",
	iptables: "iptables",
	ip6tables: "iptables",
	conntrack: "conntrack",
	sysctl: "procps",
	setpriv: "util-linux",
	unshare: "util-linux",
};

export function checkRequirements(): void {
	const missing: string[] = [];
	if (process.getuid?.() !== 0) {
		missing.push("root: network namespaces and conntrack need it");
	}
	for (const [tool, from] of Object.entries(TOOLS)) {
		if (!onPath(tool)) missing.push(`${tool} (package ${from})`);
	}
	for (const plugin of ["bridge", "host-local", "portmap"]) {
		if (!executable(join(CNI_BIN, plugin))) {
			missing.push(
				`${join(CNI_BIN, plugin)} (package containernetworking-plugins, or set CNI_BIN)`,
			);
		}
	}
	if (!executable(join(OUR_BIN, "conntrack-flush"))) {
		missing.push(
			`${join(OUR_BIN, "conntrack-flush")} (make build, or set FLUSH_BIN)`,
		);
	}
	if (missing.length > 0) {
		throw new Error(`cannot run, missing:\n  ${missing.join("\n  ")}`);
	}
}

function onPath(tool: string): boolean {
	const dirs = (process.env.PATH ?? "").split(delimiter);
	return dirs.some((dir) => dir !== "" && executable(join(dir, tool)));
}

function executable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return existsSync(path);
	} catch {
		return false;
	}
}
