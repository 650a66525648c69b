// A Service's destinations, as kube-proxy reads them (serviceport.go and
// servicechangetracker.go of k8s.io/kubernetes/pkg/proxy).

import {
	AF_INET,
	AF_INET6,
	type Family,
	familyOf,
	type IP,
} from "../net/ip.ts";
import { isPort, type Proto } from "../net/proto.ts";
import {
	type Json,
	listOf,
	objectOf,
	protoOf,
	readIP,
	skipped,
	stringOf,
	type Warn,
} from "./kubernetes.ts";

/** A port of a Service in one family. */
export interface ServicePort {
	/** namespace/name */
	readonly service: string;
	readonly family: Family;
	readonly proto: Proto;
	/** The port's name; a slice's port has the same. */
	readonly name: string;
	/** undefined if it is odd; the nodePort counts all the same. */
	readonly port: number | undefined;
	readonly nodePort: number | undefined;
	readonly ips: readonly IP[];
	/** True if a controller makes the Service's slices, at least an empty one a family. */
	readonly hasSelector: boolean;
	/** True if only some versions of kube-proxy handle the Service. */
	readonly isForeign: boolean;
}

const FAMILIES = { IPv4: AF_INET, IPv6: AF_INET6 } as const;

/** Another proxy handles the Service (k8s.io/kubernetes/pkg/proxy/apis). */
const PROXY_NAME = "service.kubernetes.io/service-proxy-name";
/** kube-proxy looked at no Service with this label, until it came to look for it on slices alone (v1.IsHeadlessService). */
const HEADLESS = "service.kubernetes.io/headless";

export function familyName(family: Family): string {
	return family === AF_INET ? "IPv4" : "IPv6";
}

/** Returns the ports that kube-proxy handles, of the given protocols, in each family. */
export function readService(
	item: Json,
	protos: readonly Proto[],
	warn: Warn,
): ServicePort[] {
	const meta = objectOf(item.metadata);
	const labels = objectOf(meta.labels);
	const spec = objectOf(item.spec);
	const service = `${stringOf(meta.namespace) ?? ""}/${stringOf(meta.name) ?? ""}`;
	if (PROXY_NAME in labels || spec.type === "ExternalName") return [];
	const ports = readPorts(spec, service, protos, warn);
	if (ports.length === 0) return [];
	const read = (key: string, value: unknown): IP | undefined => {
		const ip = readIP(value, (word) => warn(`${service}: ${key}: ${word}`));
		if (ip === undefined) warn(skipped(service, key, value, "is no address"));
		return ip;
	};
	const others = othersOf(item, spec, read);
	const common = {
		service,
		hasSelector: Object.keys(objectOf(spec.selector)).length > 0,
		isForeign: HEADLESS in labels,
	};
	return [...clusterIPsOf(spec)].flatMap(([family, { key, value }]) => {
		const ips = [read(key, value), ...others].filter(
			(ip) => ip !== undefined && familyOf(ip) === family,
		) as IP[];
		return ports.map((port) => ({ ...common, ...port, family, ips }));
	});
}

/** Returns the ports of the given protocols. Of several with one name and protocol kube-proxy takes the last. */
function readPorts(
	spec: Json,
	service: string,
	protos: readonly Proto[],
	warn: Warn,
): Pick<ServicePort, "proto" | "name" | "port" | "nodePort">[] {
	const list = listOf(spec.ports);
	if (!list) warn(skipped(service, "spec.ports", spec.ports, "is no list"));
	const found = new Map<string, ReturnType<typeof readPorts>[number]>();
	for (const [i, value] of (list ?? []).entries()) {
		const { protocol, name, port, nodePort } = objectOf(value);
		const key = `spec.ports.${i}`;
		const proto = protoOf(protocol);
		if (proto === undefined) {
			warn(skipped(service, `${key}.protocol`, protocol, "is no protocol"));
			continue;
		}
		if (!protos.includes(proto)) continue;
		if (!isPort(port))
			warn(skipped(service, `${key}.port`, port, "is no port"));
		const hasNodePort = (nodePort ?? 0) !== 0;
		if (hasNodePort && !isPort(nodePort))
			warn(skipped(service, `${key}.nodePort`, nodePort, "is no port"));
		found.set(`${proto} ${stringOf(name) ?? ""}`, {
			proto,
			name: stringOf(name) ?? "",
			port: isPort(port) ? port : undefined,
			nodePort: isPort(nodePort) ? nodePort : undefined,
		});
	}
	return [...found.values()];
}

/**
 * Returns the families that the Service has, each with its cluster IP and the key where
 * that stands (GetClusterIPByFamily). The API server always writes clusterIP, clusterIPs
 * and ipFamilies; where one of the first two is missing, the other stands for it.
 */
function clusterIPsOf(
	spec: Json,
): ReadonlyMap<Family, { key: string; value: unknown }> {
	const found = new Map<Family, { key: string; value: unknown }>();
	const list = listOf(spec.clusterIPs) ?? [];
	const primary = stringOf(spec.clusterIP) ?? list[0];
	if (stringOf(primary) === undefined || primary === "None") return found;
	const ips = list.length > 0 ? list : [primary];
	const key = (i: number): string =>
		list.length > 0 ? `spec.clusterIPs.${i}` : "spec.clusterIP";
	const families = listOf(spec.ipFamilies) ?? [];
	if (families.length === 0) {
		const ip = readIP(primary, () => {});
		const family = ip === undefined ? AF_INET : familyOf(ip);
		found.set(family, { key: key(0), value: primary });
	}
	for (const [i, name] of families.entries()) {
		const family =
			name === "IPv4" || name === "IPv6" ? FAMILIES[name] : undefined;
		const value = ips[i] ?? "";
		if (family !== undefined && value !== "" && !found.has(family))
			found.set(family, { key: key(i), value });
	}
	return found;
}

/** Returns the external addresses, and those of load balancers. Those of mode Proxy are not the node's to handle. */
function othersOf(
	item: Json,
	spec: Json,
	read: (key: string, value: unknown) => IP | undefined,
): (IP | undefined)[] {
	const { externalIPs } = spec;
	const { ingress } = objectOf(objectOf(item.status).loadBalancer);
	// what is no list is read as one of itself, and so named
	return [
		...(listOf(externalIPs) ?? [externalIPs]).map((value, i) =>
			read(`spec.externalIPs.${i}`, value),
		),
		...(listOf(ingress) ?? [ingress]).map((value, i) => {
			const { ip, ipMode } = objectOf(value);
			if ((ip ?? "") === "" || (ipMode ?? "VIP") !== "VIP") return undefined;
			return read(`status.loadBalancer.ingress.${i}.ip`, ip);
		}),
	];
}
