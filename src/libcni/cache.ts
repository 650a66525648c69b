// libcni's cache: a file per attachment, written when the whole chain has
// returned from ADD and removed after DEL, whichever plugins were in the chain.
// What is malformed is passed over.

import type { Host } from "../host.ts";
import { familyOf, hostIPOf, parseCIDR, parseIP } from "../net/ip.ts";
import { protocolOf } from "../net/proto.ts";
import type { Mapping } from "../policy/stale.ts";
import type { Attachment, AttachmentID } from "../state/store.ts";

/**
 * An attachment as libcni remembers it. It has the mappings, of all protocols,
 * if portmap was in its chain to make rules of them: containerd caches them also
 * for the loopback interface of the pod.
 */
export interface Cached extends Attachment {
	/** The pod's addresses, as they stand in the result. */
	readonly ips: readonly string[];
}

/** What is read of a file. */
interface File {
	readonly networkName?: unknown;
	readonly containerId?: unknown;
	readonly ifName?: unknown;
	/** The conflist in base64. */
	readonly config?: unknown;
	readonly cniArgs?: readonly (readonly [unknown, unknown])[];
	readonly capabilityArgs?: { readonly portMappings?: readonly unknown[] };
	readonly result?: Result;
}

interface Result {
	readonly interfaces?: readonly {
		readonly name?: unknown;
		readonly sandbox?: unknown;
	}[];
	readonly ips?: readonly {
		readonly address?: unknown;
		readonly interface?: number;
	}[];
	/** Before version 0.3.0. */
	readonly ip4?: { readonly ip?: unknown };
	readonly ip6?: { readonly ip?: unknown };
}

/** Under libcni's directory: its own, and that of the libcni in Multus, which keeps what is delegated. */
export function cacheDirs(dir: string): string[] {
	return [`${dir}/results`, `${dir}/multus/results`];
}

/** The names of the files; none where there is no cache that can be read. */
export function cacheNames(host: Host, dir: string): string[] {
	try {
		return host.readDir(dir);
	} catch {
		return [];
	}
}

/** The name of the attachment's file. */
export function cacheName(id: AttachmentID): string {
	return `${id.network}-${id.containerID}-${id.ifname}`;
}

/** The attachments in the cache. Of an old libcni's there are only the addresses. */
export function readCache(host: Host, dir: string): Cached[] {
	return cacheNames(host, dir).flatMap((name) => {
		try {
			return [parse(host.readFile(`${dir}/${name}`))];
		} catch {
			// none of libcni's, half written, or gone
			return [];
		}
	});
}

function parse(text: string): Cached {
	const file = JSON.parse(text) as File;
	const ifname = String(file.ifName ?? "");
	const ips = addresses(file.result ?? {}, ifname)
		.map((address) => parseCIDR(String(address)))
		.filter((ip) => ip !== undefined);
	const hasPortmap = PORTMAP.some((word) => String(file.config).includes(word));
	const items = file.capabilityArgs?.portMappings ?? [];
	return {
		network: String(file.networkName ?? ""),
		containerID: String(file.containerId ?? ""),
		ifname,
		pod: podOf(file),
		added: 0,
		mappings: hasPortmap ? items.flatMap((item) => mappingsOf(item, ips)) : [],
		pods: [],
		ips,
	};
}

/** `"portmap"` in base64, which has it in one of three ways, by what comes before. */
const PORTMAP = ["InBvcnRtYXAi", "Jwb3J0bWFwI", "icG9ydG1hcC"];

function podOf({ cniArgs = [] }: File): string | undefined {
	const args = new Map(cniArgs);
	const name = args.get("K8S_POD_NAME");
	return name === undefined
		? undefined
		: `${args.get("K8S_POD_NAMESPACE")}/${name}`;
}

/** Those of interfaces on the host's side are not the pod's. */
function addresses(
	{ interfaces = [], ips, ip4, ip6 }: Result,
	ifname: string,
): unknown[] {
	if (!ips) return [ip4?.ip, ip6?.ip];
	return ips
		.filter((ip) => {
			const link = interfaces[ip.interface ?? -1];
			return !link || (link.name === ifname && Boolean(link.sandbox));
		})
		.map((ip) => ip.address);
}

/** The mapping for the first address of each family, as portmap makes its rules. Its keys are in any letter case: containerd writes `HostPort`. */
function mappingsOf(item: unknown, ips: readonly string[]): Mapping[] {
	const found = Object.fromEntries(
		Object.entries(item ?? {}).map(([key, value]) => [
			key.toLowerCase(),
			value,
		]),
	);
	const proto = protocolOf(String(found.protocol || "tcp"));
	const { hostport: hostPort, containerport: containerPort } = found;
	const hostIP = parseIP(String(found.hostip || "0.0.0.0"));
	if (!proto || !isPort(hostPort) || !isPort(containerPort)) return [];
	if (hostIP === undefined) return [];
	const isFirst = (ip: string, i: number): boolean =>
		ips.findIndex((other) => familyOf(other) === familyOf(ip)) === i;
	return ips
		.filter(isFirst)
		.filter((ip) => !found.hostip || familyOf(ip) === familyOf(hostIP))
		.map((podIP) => ({
			family: familyOf(podIP),
			proto,
			hostPort,
			hostIP: hostIPOf(hostIP),
			podIP,
			containerPort,
		}));
}

function isPort(x: unknown): x is number {
	return typeof x === "number" && Number.isInteger(x) && x > 0 && x <= 65535;
}
