// The flags that install, uninstall and doctor share: where the node keeps its plugins,
// its networks and its records, and where metrics go. It looks at no file.

import { parseRuntime, type Runtime } from "../install/mode.ts";
import type { Where } from "../install/paths.ts";
import { parseEndpoint } from "../net/endpoint.ts";
import type { Values } from "./command.ts";
import { UsageError } from "./usage.ts";
import { CACHE_DIR_FLAG, DATA_DIR_FLAG, DIR, DURATION } from "./values.ts";

/** A file of metrics for node_exporter's textfile collector, which reads `*.prom` only. */
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

/** The address to serve at. It is no name, because the server looks up none. */
export const LISTEN = {
	value: "ADDRESS:PORT",
	parse(t: string, flag: string): string {
		if (parseEndpoint(t) === undefined)
			throw new UsageError(
				`${flag}: not an address and a port such as 127.0.0.1:9470 or [::1]:9470: ${t}`,
			);
		return t;
	},
};

/** Returns the kind of a flag that says how often. With `orOnce`, 0 is valid too and means once. */
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

/** The flags for directories. They are named as in Multus. */
export const PLACES = {
	cniBinDir: {
		...DIR,
		many: true,
		help: "the plugin directory of the runtime; detected if not given",
	},
	cniConfDir: {
		...DIR,
		help: "the directory of the runtime's network configurations; detected if not given",
	},
	hostRoot: {
		...DIR,
		help: "the prefix of every path of the node, for a container that mounts the node's directories",
		fallback: "/",
	},
	cniCacheDir: CACHE_DIR_FLAG,
	dataDir: DATA_DIR_FLAG,
	runtimeVersion: {
		value: "VERSION",
		help: "the runtime as in the status of the Kubernetes node, such as containerd://2.1.0",
		env: "CONTAINER_RUNTIME_VERSION",
		parse(t: string, flag: string): Runtime {
			const runtime = parseRuntime(t);
			if (!runtime)
				throw new UsageError(`${flag}: not like containerd://2.1.0: ${t}`);
			return runtime;
		},
	},
} as const;

/** Returns the places that the flags name. */
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
