// A node in memory, and the installer called on it.

import { main } from "../../../plugin/main.ts";
import type { Where } from "../../../src/install/paths.ts";
import { type FakeHost, type FakeHostOptions, fakeHost } from "../fakehost.ts";

export const SELF = "/proc/self/exe";
export const BIN = "/opt/cni/bin";
export const CONF = "/etc/cni/net.d";
export const FILE = `${CONF}/10-net.conflist`;
export const BINARY = `${BIN}/conntrack-flush`;
export const DROP_IN = `${CONF}/n/90-conntrack-flush.conf`;
export const LIST = `{"name":"n","plugins":[{"type":"bridge"},{"type":"portmap","capabilities":{"portMappings":true}}]}`;
export const EDITED = `{"name":"n","plugins":[{"type":"bridge"},{"type":"conntrack-flush","on":"del","capabilities":{"portMappings":true}},{"type":"portmap","capabilities":{"portMappings":true}},{"type":"conntrack-flush","on":"add","capabilities":{"portMappings":true}}]}`;

export const NODE: Readonly<Record<string, string>> = {
	[SELF]: "executable",
	[`${BIN}/bridge`]: "",
	[`${BIN}/portmap`]: "",
	[FILE]: LIST,
};

/** The node's directories, as the command has them without flags. */
export const WHERE: Where = {
	root: "",
	binDirs: [],
	confDir: undefined,
	confName: undefined,
	cacheDir: "/var/lib/cni",
	dataDir: "/run/cni/conntrack-flush",
};

export interface Called {
	readonly code: number;
	readonly out: string;
	readonly err: string;
	/** The host's calls in this call alone. */
	readonly calls: readonly string[];
	readonly host: FakeHost;
}

const PLUGINS = [`${BIN}/bridge`, `${BIN}/portmap`];

/** Makes the plugins executable, which a file of the fake host is not. */
export const stat = (path: string): { readonly mode?: number } =>
	PLUGINS.includes(path) ? { mode: 0o755 } : {};

/** Calls the installer on a fresh node. */
export async function call(
	words: string,
	options: FakeHostOptions = {},
): Promise<Called> {
	return again(words, {
		host: fakeHost({ files: NODE, stat, ...options }),
	});
}

/** Calls the installer on the files that the call before has left. */
export async function again(
	words: string,
	{ host: node }: Pick<Called, "host">,
): Promise<Called> {
	const { written } = node;
	const [out, err] = [written(1).length, written(2).length];
	const before = node.calls.length;
	const code = await main({ ...node, argv: words.split(" ") });
	return {
		code,
		out: written(1).slice(out),
		err: written(2).slice(err),
		calls: node.calls.slice(before),
		host: node,
	};
}

/** Returns the host's calls that have changed something. */
export function changes({ calls }: Called): string[] {
	return calls.filter(
		(c) =>
			/^(write|append|copy|rename|unlink|mkdir|rmdir)/.test(c) &&
			!c.endsWith(" 1"),
	);
}
