// A node in memory for the tests of reconciliation: a table, local addresses,
// records, and a clock that runs while the table is read.

import type { Context } from "../../../src/context.ts";
import { logger } from "../../../src/log.ts";
import { protocolName } from "../../../src/net/proto.ts";
import type { Attachment, PortRow } from "../../../src/policy/mapping.ts";
import { writeRecord } from "../../../src/state/store.ts";
import { BOOKS, spell } from "../book.ts";
import type { EntrySpec } from "../entries.ts";
import { type FakeHost, fakeHost } from "../fakehost.ts";
import {
	type FakeKernel,
	type FakeKernelOptions,
	fakeKernel,
} from "../fakekernel.ts";
import { DNAT, type Flow } from "./flows.ts";

export const DIR = "/run/flush";
const OWN = [BOOKS.IPv4, BOOKS.IPv6].flatMap(({ H, H2, G }) => [H, H2, G]);
export const ROUTES = [
	"127.0.0.0/8",
	"::1/128",
	...OWN.map((ip) => `${ip}/${ip.includes(":") ? 128 : 32}`),
].map((prefix) => ({ prefix }));

export interface World {
	readonly context: Context;
	readonly host: FakeHost;
	readonly kernel: FakeKernel;
	/** Returns the original tuples of the entries that were removed, in the letters of the book. */
	removed(): string[];
}

/** A flow in letters; one that names no family is of IPv4. */
export interface Row extends Flow {
	readonly family?: "IPv4" | "IPv6";
	readonly zone?: number;
}

/** Returns the entries of these flows. Their ids are 1, 2, and so on. */
export function entriesOf(rows: readonly Row[]): EntrySpec[] {
	return rows.map(
		({ orig, reply, status, proto, zone, family = "IPv4" }, i) => ({
			id: i + 1,
			proto: proto ?? "udp",
			orig: spell(family, orig),
			...(reply && { reply: spell(family, reply) }),
			...(status && { status }),
			...(zone && { zone }),
		}),
	);
}

/** Returns the files of the records, by path. */
export function recordsOf(
	dir: string,
	...records: readonly Attachment[]
): Record<string, string> {
	const host = fakeHost();
	for (const a of records) writeRecord(host, dir, a);
	return Object.fromEntries(host.files);
}

export function world(
	rows: readonly Row[],
	records: readonly Attachment[] = [],
	options: FakeKernelOptions & {
		readonly fail?: (call: string, path: string) => string | undefined;
		/** Files besides the records. */
		readonly files?: Readonly<Record<string, string>>;
		/** The time since boot, in ms. The records are from its first millisecond. */
		readonly now?: number;
	} = {},
): World {
	const clock = { ms: options.now ?? 0 };
	const entries = entriesOf(rows);
	const kernel = fakeKernel({ clock, entries, routes: ROUTES, ...options });
	const host = fakeHost({
		clock,
		netlink: kernel.netlink,
		...(options.fail && { fail: options.fail }),
		...(options.files && { files: options.files }),
	});
	for (const a of records) writeRecord(host, DIR, a);
	return {
		host,
		kernel,
		context: {
			host,
			dataDir: DIR,
			log: logger(host, "info", undefined, {}),
			event: "reconcile",
		},
		removed: () =>
			rows
				.filter((_, i) => !kernel.left().includes(i + 1))
				.map(({ proto, orig }) => (proto ? `${proto} ${orig}` : orig)),
	};
}

export function attached(
	containerID: string,
	...mappings: readonly PortRow[]
): Attachment {
	return {
		network: "net",
		containerID,
		ifname: "eth0",
		pod: `ns/${containerID}`,
		added: 1,
		mappings,
		podTargets: [],
	};
}

/** The directory of libcni's cache. */
export const CACHE = "/var/lib/cni";

/** Returns the file of an attachment in libcni's cache, as containerd has it written. */
export function cachedFile(
	a: Attachment,
	{ plugin = "portmap", dir = `${CACHE}/results` } = {},
): Record<string, string> {
	const config = { name: a.network, plugins: [{ type: plugin }] };
	const [namespace, name] = (a.pod ?? "").split("/");
	return {
		[`${dir}/${a.network}-${a.containerID}-${a.ifname}`]: JSON.stringify({
			kind: "cniCacheV1",
			containerId: a.containerID,
			config: Buffer.from(JSON.stringify(config)).toString("base64"),
			ifName: a.ifname,
			networkName: a.network,
			netns: a.netns ?? "/var/run/netns/x",
			cniArgs: [
				["K8S_POD_NAMESPACE", namespace],
				["K8S_POD_NAME", name],
			],
			capabilityArgs: {
				portMappings: a.mappings.map((m) => ({
					HostPort: m.hostPort,
					ContainerPort: m.containerPort,
					Protocol: protocolName(m.proto),
					HostIP: m.hostIP ?? "",
				})),
			},
			result: {
				interfaces: [
					{ name: "cni0" },
					{ name: a.ifname, sandbox: "/var/run/netns/x" },
				],
				ips: [...new Set(a.mappings.map((m) => m.podIP))].map((ip) => ({
					interface: 1,
					address: `${ip}/24`,
				})),
			},
		}),
	};
}

const { V, P } = BOOKS.IPv4;
/** A Service of one port, whose pod is P. */
export const DNS = {
	name: "ns/dns",
	ips: [V],
	port: 53,
	nodePort: 30053,
	endpoints: [`${P}:5353`],
};
export const document = (...frontends: readonly object[]): string =>
	JSON.stringify({ frontends });

/** A flow of client port `n`. */
export const to = (pod: string, n: number, dst = "V:53"): Row => ({
	orig: `C:${n} > ${dst}`,
	reply: `${pod} > C:${n}`,
	status: DNAT,
});
