// A node in memory, and the installer called on it.

import { main } from "../../../plugin/main.ts";
import { type FakeHost, type FakeHostOptions, fakeHost } from "../fakehost.ts";

export const SELF = "/proc/self/exe";
export const BIN = "/opt/cni/bin";
export const CONF = "/etc/cni/net.d";
export const FILE = `${CONF}/10-net.conflist`;
export const BINARY = `${BIN}/conntrack-flush`;
export const DROP_IN = `${CONF}/n/90-conntrack-flush.conf`;
export const LIST = `{"name":"n","plugins":[{"type":"bridge"},{"type":"portmap"}]}`;
export const EDITED = `{"name":"n","plugins":[{"type":"bridge"},{"type":"conntrack-flush","on":"del","capabilities":{"portMappings":true}},{"type":"portmap"},{"type":"conntrack-flush","on":"add","capabilities":{"portMappings":true}}]}`;

export const NODE: Readonly<Record<string, string>> = {
	[SELF]: "executable",
	[`${BIN}/bridge`]: "",
	[`${BIN}/portmap`]: "",
	[FILE]: LIST,
};

export interface Called {
	readonly code: number;
	readonly out: string;
	readonly err: string;
	/** Of this call alone. */
	readonly calls: readonly string[];
	readonly host: FakeHost;
}

export async function call(
	words: string,
	options: FakeHostOptions = {},
): Promise<Called> {
	return again(words, {
		host: fakeHost({ files: NODE, ...options }),
	});
}

/** A call on the files that the one before has left. */
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

/** What calls of the host have changed something. */
export function changes({ calls }: Called): string[] {
	return calls.filter(
		(c) =>
			/^(write|append|copy|rename|unlink|mkdir|rmdir)/.test(c) &&
			!c.endsWith(" 1"),
	);
}
