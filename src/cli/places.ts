// What install and uninstall have in common: where the node keeps its plugins
// and networks.

import { parseRuntime, type Runtime } from "../install/mode.ts";
import type { Where } from "../install/paths.ts";
import { parseIP } from "../net/ip.ts";
import type { Values } from "./command.ts";
import { UsageError } from "./usage.ts";
import { CACHE_DIR_FLAG, DATA_DIR_FLAG, DIR, DURATION } from "./values.ts";

/** A file of metrics that node_exporter's textfile collector takes. */
export const TEXTFILE = {
	value: "FILE",
	parse(t: string, flag: string): string {
		if (!/[^/]\.prom$/.test(t))
			throw new UsageError(
				`${flag}: not a name in .prom, which are all that node_exporter reads: ${t}`,
			);
		return t;
	},
};

/** Where to serve: no names, which the server does not look up. */
export const LISTEN = {
	value: "ADDRESS:PORT",
	parse(t: string, flag: string): string {
		const [, v6, v4, port] = /^(?:\[(.*)\]|([\d.]*)):(\d{1,5})$/.exec(t) ?? [];
		const ip = parseIP(v6 ?? v4 ?? "");
		const isAddress =
			ip !== undefined &&
			(v6 === undefined || v6.includes(":")) &&
			Number(port) > 0 &&
			Number(port) <= 65535;
		if (!isAddress)
			throw new UsageError(
				`${flag}: not an address and a port such as 127.0.0.1:9470 or [::1]:9470: ${t}`,
			);
		return t;
	},
};

/** How often; or 0, if that is allowed, for once. */
export function interval(leastMs: number, orOnce: boolean) {
	return {
		...DURATION,
		parse(t: string, flag: string): number {
			const ms = DURATION.parse(t, flag);
			if (ms < leastMs && !(orOnce && ms === 0))
				throw new UsageError(`${flag}: less than ${leastMs} ms: ${t}`);
			return ms;
		},
	};
}

/** The flags that say where; the names are those of Multus. */
export const PLACES = {
	cniBinDir: {
		...DIR,
		many: true,
		help: "where the runtime looks for plugins; found if not given",
	},
	cniConfDir: {
		...DIR,
		help: "where the runtime looks for networks; found if not given",
	},
	hostRoot: {
		...DIR,
		help: "what stands before every path of the node, in a container that has it mounted",
		fallback: "/",
	},
	cniCacheDir: CACHE_DIR_FLAG,
	dataDir: DATA_DIR_FLAG,
	runtimeVersion: {
		value: "VERSION",
		help: "the runtime as the node's status has it: containerd://2.1.0",
		env: "CONTAINER_RUNTIME_VERSION",
		parse(t: string, flag: string): Runtime {
			const runtime = parseRuntime(t);
			if (!runtime)
				throw new UsageError(`${flag}: not like containerd://2.1.0: ${t}`);
			return runtime;
		},
	},
} as const;

export function whereOf(
	values: Values<typeof PLACES>,
	confName: string | undefined,
): Where {
	const { hostRoot, cniBinDir, cniConfDir, cniCacheDir, dataDir } = values;
	return {
		root: hostRoot,
		binDirs: cniBinDir,
		confDir: cniConfDir,
		confName,
		cacheDir: cniCacheDir,
		dataDir,
	};
}
