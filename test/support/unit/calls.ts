// A call of the plugin over a host and a kernel in memory.

import { expect } from "vitest";
import { main } from "../../../plugin/main.ts";
import { BOOKS, spell } from "../book.ts";
import type { EntrySpec } from "../entries.ts";
import { type FakeHost, type FakeHostOptions, fakeHost } from "../fakehost.ts";
import {
	type FakeKernel,
	type FakeKernelOptions,
	fakeKernel,
} from "../fakekernel.ts";
import { DNAT } from "./flows.ts";

export const DIR = "/run/cni/conntrack-flush";
export const FILE = `${DIR}/podnet:4f2e:eth0.json`;
export const MAPPING = { hostPort: 8125, containerPort: 5353, protocol: "udp" };
export const RESULT = {
	cniVersion: "1.0.0",
	interfaces: [{ name: "eth0", sandbox: "/run/netns/x" }],
	ips: [{ interface: 0, address: "10.88.0.2/16" }],
};
export const CONF = {
	cniVersion: "1.0.0",
	name: "podnet",
	type: "conntrack-flush",
	runtimeConfig: { portMappings: [MAPPING] },
	prevResult: RESULT,
};
export const ENV: Readonly<Record<string, string>> = {
	CNI_CONTAINERID: "4f2e",
	CNI_IFNAME: "eth0",
	CNI_NETNS: "/run/netns/x",
	CNI_PATH: "/opt/cni/bin",
	CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod",
};

const { H, H2 } = BOOKS.IPv4;
export const ROUTES = ["127.0.0.0/8", `${H}/32`, `${H2}/32`].map((prefix) => ({
	prefix,
}));

const flow = (id: number, orig: string, reply?: string): EntrySpec => ({
	id,
	orig: spell("IPv4", orig),
	...(reply && { reply: spell("IPv4", reply), status: DNAT }),
});
/** Entries by their ids: 1 is stale on ADD, 2 was made without a rule, 3 is the pod's own, 4 somebody else's. */
export const TABLE: readonly EntrySpec[] = [
	flow(1, "C:1 > H:8125", "Q:5353 > C:1"),
	flow(2, "C:2 > H:8125"),
	flow(3, "C:3 > H:8125", "P:5353 > C:3"),
	flow(4, "N:4 > S:8125"),
];

export interface Called {
	readonly code: number;
	readonly out: string;
	readonly err: string;
	readonly host: FakeHost;
	readonly kernel: FakeKernel;
	/** The ids of the entries that were deleted. */
	readonly deleted: number[];
}

export interface CallOptions {
	/** The document on stdin, as an object or as text. */
	readonly conf?: object | string;
	/** Changes of the environment; undefined takes a variable away. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	readonly host?: FakeHostOptions;
	readonly kernel?: FakeKernelOptions;
}

/** Calls the plugin. The table is TABLE, if the test gives no other. */
export async function call(
	command: string,
	options: CallOptions = {},
): Promise<Called> {
	const { conf = CONF } = options;
	const clock = { ms: 1000 };
	const kernel = fakeKernel({
		clock,
		entries: TABLE,
		routes: ROUTES,
		...options.kernel,
	});
	const env = Object.fromEntries(
		Object.entries({ CNI_COMMAND: command, ...ENV, ...options.env }).filter(
			(e): e is [string, string] => e[1] !== undefined,
		),
	);
	const host = fakeHost({
		clock,
		env,
		stdin: typeof conf === "string" ? conf : JSON.stringify(conf),
		netlink: kernel.netlink,
		...options.host,
	});
	const code = await main(host);
	expect(kernel.open(), "sockets left open").toBe(0);
	const entries = options.kernel?.entries ?? TABLE;
	const deleted = entries
		.map((e) => e.id ?? 1)
		.filter((id) => !kernel.left().includes(id));
	return {
		code,
		out: host.written(1),
		err: host.written(2),
		host,
		kernel,
		deleted,
	};
}

/** Returns the paths of the records; the directory holds other files too. */
export function recordsIn(host: FakeHost): string[] {
	return [...host.files.keys()].filter((path) => path.endsWith(".json"));
}

/** Returns the error document of a call that failed, and expects nothing else on stdout. */
export function errorOf({ code, out, err }: Called): {
	code: number;
	msg: string;
	details?: string;
} {
	expect([code, err]).toEqual([1, ""]);
	expect(out.endsWith("}\n")).toBe(true);
	const { cniVersion, ...error } = JSON.parse(out);
	expect(cniVersion).toMatch(/^\d\.\d\.\d$/);
	return error;
}

/** Expects that a call changed neither the table nor files. */
export function expectUntouched({ host, kernel, deleted }: Called): void {
	expect(deleted).toEqual([]);
	expect(kernel.retired.size).toBe(0);
	expect(
		host.calls.filter((c) =>
			/^(write|append|copy|rename|unlink|mkdir)/.test(c),
		),
	).toEqual([]);
}
