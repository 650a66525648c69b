// A cluster's Services and EndpointSlices, as `kubectl get services,endpointslices -o json`
// prints them, read as claims. Who claims what is as in kube-proxy's change trackers
// (k8s.io/kubernetes, pkg/proxy); docs/services.md says where it differs on purpose.

import type { Family, IP } from "../net/ip.ts";
import type { Proto } from "../net/proto.ts";
import { isObject } from "../objects.ts";
import { DocumentError } from "./frontends.ts";
import { readItems } from "./items.ts";
import { stringOf, type Warn } from "./kubernetes.ts";
import { familyName, readService, type ServicePort } from "./kubeservice.ts";
import { readSlice, type SlicePart } from "./kubeslice.ts";
import { type Claim, mergeClaims } from "./services.ts";

/** What the slices say of the Services. Keys are texts, because one object for each Service would double the memory. */
interface Slices {
	/** `namespace/name family` of the slices that are there. */
	readonly seen: Set<string>;
	/** The endpoints by `namespace/name family protocol port-name`. */
	readonly endpoints: Map<string, Map<IP, readonly number[]>>;
	/** The Services of which an endpoint or a slice could not be read. */
	readonly partial: Set<string>;
}

/**
 * Returns the claims of the Services, for the given protocols, each destination once.
 * `read` returns the next part of the text. `warn` is called for each value that is
 * skipped. Throws DocumentError if it is no List of kubectl's, or if a kind is missing:
 * a list that failed is printed without its kind, and to take all Services for ones
 * without endpoints would delete every flow.
 */
export function readCluster(
	read: () => string,
	protos: readonly Proto[],
	warn: Warn,
): Claim[] {
	const kinds = new Map<string, number>();
	const services: ServicePort[] = [];
	const slices: Slices = {
		seen: new Set(),
		endpoints: new Map(),
		partial: new Set(),
	};
	readItems(read, (item) => {
		const kind = isObject(item) ? stringOf(item.kind) : undefined;
		if (!isObject(item) || kind === undefined) return;
		kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
		if (kind === "Service") services.push(...readService(item, protos, warn));
		if (kind !== "EndpointSlice") return;
		const part = readSlice(item, protos, warn);
		if (part) addPart(slices, part);
	});
	checkKinds(kinds);
	return mergeClaims(services.flatMap((port) => claimsOf(port, slices, warn)));
}

function addPart(slices: Slices, part: SlicePart): void {
	const { service, family, ports } = part;
	if (part.isPartial) slices.partial.add(service);
	if (family === undefined) return;
	slices.seen.add(`${service} ${family}`);
	for (const { proto, name, port } of ports) {
		const key = endpointsKey(service, family, proto, name);
		const endpoints =
			slices.endpoints.get(key) ?? new Map<IP, readonly number[]>();
		slices.endpoints.set(key, endpoints);
		// one array for all, because a cluster has many endpoints
		const alone = [port];
		for (const ip of part.ips) {
			const others = endpoints.get(ip);
			endpoints.set(ip, others ? [...others, port] : alone);
		}
	}
}

function endpointsKey(
	service: string,
	family: Family,
	proto: Proto,
	name: string,
): string {
	return `${service} ${family} ${proto} ${name}`;
}

/** Throws DocumentError, with the kinds that are there, unless there are Services and slices. */
function checkKinds(kinds: ReadonlyMap<string, number>): void {
	const missing = ["Service", "EndpointSlice"].filter(
		(kind) => !kinds.has(kind),
	);
	if (missing.length === 0) return;
	const found = [...kinds].map(([kind, n]) => `${n} ${kind}`).join(", ");
	const old = kinds.has("Endpoints")
		? "; Endpoints do not say who is terminating and still serves"
		: "";
	throw new DocumentError(
		`no ${missing.join(" and no ")} in it, but ${found || "nothing"}${old}; did a part of "kubectl get services,endpointslices -A -o json" fail?`,
	);
}

function claimsOf(port: ServicePort, slices: Slices, warn: Warn): Claim[] {
	const { family, proto, name, service } = port;
	const isMissing =
		port.hasSelector && !slices.seen.has(`${service} ${family}`);
	if (isMissing)
		warn(
			`${service}: it has a selector and no EndpointSlice of ${familyName(family)}, so the list is not whole; its entries stay`,
		);
	const isPartial = port.isForeign || isMissing || slices.partial.has(service);
	const claim = {
		family,
		proto,
		name: `${service}:${name || (port.port ?? port.nodePort)}`,
		endpoints:
			slices.endpoints.get(endpointsKey(service, family, proto, name)) ??
			new Map<IP, readonly number[]>(),
		isPartial,
		// a traffic policy, or a slice that names an endpoint twice, may leave it without
		mayLackRule: true,
	};
	const { ips, nodePort } = port;
	const claims: Claim[] = [];
	if (port.port !== undefined)
		for (const ip of ips) claims.push({ ...claim, ip, port: port.port });
	if (nodePort !== undefined)
		claims.push({ ...claim, ip: null, port: nodePort });
	return claims;
}
