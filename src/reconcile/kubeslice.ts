// The endpoints of an EndpointSlice, as kube-proxy reads them (endpointslicecache.go of
// k8s.io/kubernetes/pkg/proxy).

import { jsonOf } from "../log.ts";
import { own } from "../lookup.ts";
import { AF_INET, AF_INET6, type Family, type IP } from "../net/ip.ts";
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

/** What one slice says of its Service. */
export interface SlicePart {
	/** namespace/name of the Service. */
	readonly service: string;
	/** undefined: what the slice says is not known. */
	readonly family: Family | undefined;
	/** The addresses to which traffic may go. */
	readonly ips: readonly IP[];
	readonly ports: readonly SlicePort[];
	/** True if something could not be read that may be an endpoint. */
	readonly isPartial: boolean;
}

interface SlicePort {
	readonly proto: Proto;
	readonly name: string;
	readonly port: number;
}

const SERVICE_NAME = "kubernetes.io/service-name";
/** kube-proxy does not look at slices of headless Services (v1.IsHeadlessService). */
const HEADLESS = "service.kubernetes.io/headless";
const ADDRESS_TYPES: Readonly<Record<string, Family>> = {
	IPv4: AF_INET,
	IPv6: AF_INET6,
};

/** Returns what a slice says of its Service, or undefined if kube-proxy would not look at it. */
export function readSlice(
	item: Json,
	protos: readonly Proto[],
	warn: Warn,
): SlicePart | undefined {
	const meta = objectOf(item.metadata);
	const labels = objectOf(meta.labels);
	const name = stringOf(labels[SERVICE_NAME]);
	if (name === undefined || HEADLESS in labels) return undefined;
	if (item.addressType === "FQDN") return undefined;
	const where = `${stringOf(meta.namespace) ?? ""}/${stringOf(meta.name) ?? ""}`;
	const service = `${stringOf(meta.namespace) ?? ""}/${name}`;
	let isPartial = false;
	const lose = (key: string, value: unknown, why: string): void => {
		isPartial = true;
		const kept = `${why}; entries of ${service} stay`;
		warn(skipped(where, key, value, kept));
	};
	const family = own(ADDRESS_TYPES, stringOf(item.addressType) ?? "");
	if (family === undefined) lose("addressType", item.addressType, "is none");
	const ports = readPorts(item, protos, lose);
	const ips =
		ports.length === 0
			? []
			: readAddresses(item, lose, (sentence) => warn(`${where}: ${sentence}`));
	return { service, family, ips, ports, isPartial };
}

type Lose = (key: string, value: unknown, why: string) => void;

/** Returns the ports of the given protocols. One without a number stands for all ports, and kube-proxy ignores it. */
function readPorts(
	item: Json,
	protos: readonly Proto[],
	lose: Lose,
): SlicePort[] {
	const list = listOf(item.ports);
	if (!list) lose("ports", item.ports, "is no list");
	const found: SlicePort[] = [];
	for (const [i, value] of (list ?? []).entries()) {
		const { protocol, name, port } = objectOf(value);
		if ((port ?? 0) === 0) continue;
		const proto = protoOf(protocol);
		if (proto === undefined)
			lose(`ports.${i}.protocol`, protocol, "is no protocol");
		else if (!protos.includes(proto)) continue;
		else if (!isPort(port)) lose(`ports.${i}.port`, port, "is no port");
		else found.push({ proto, name: stringOf(name) ?? "", port });
	}
	return found;
}

/**
 * Returns the first address of each endpoint that serves or is ready: kube-proxy's rules
 * send traffic to the ready ones, also to those that are so only because of
 * publishNotReadyAddresses, and keep flows to those that serve while they terminate.
 */
function readAddresses(
	item: Json,
	lose: Lose,
	note: (sentence: string) => void,
): IP[] {
	const list = listOf(item.endpoints);
	if (!list) lose("endpoints", item.endpoints, "is no list");
	const found: IP[] = [];
	for (const [i, value] of (list ?? []).entries()) {
		const { addresses, conditions } = objectOf(value);
		const { serving, ready } = objectOf(conditions);
		if (serving === false && ready === false) continue;
		const key = `endpoints.${i}.addresses`;
		const texts = listOf(addresses);
		if (texts?.length === 0) {
			note(`${key} is skipped: ${jsonOf(addresses, 80)} is no address`);
			continue;
		}
		const ip = readIP(texts?.[0], (word) => note(`${key}.0: ${word}`));
		if (ip === undefined) lose(key, addresses, "is no address");
		else found.push(ip);
	}
	return found;
}
