// Cases for kube-proxy and us: Lists of Services and EndpointSlices, with every odd form
// that the API or a person may have written, and entries of all sorts. Values come from
// small pools, so that Services meet at one address, port or endpoint.

import type { Random } from "../support/random.ts";

export interface Flow {
	readonly proto: number;
	readonly dst: string;
	readonly dport: number;
	readonly src: string;
	readonly sport: number;
}

export interface Case {
	readonly list: { readonly kind: "List"; readonly items: readonly Item[] };
	readonly flows: readonly Flow[];
	/** The node's addresses. */
	readonly local: readonly string[];
}

// biome-ignore lint/suspicious/noExplicitAny: the generator writes what no type allows
export type Item = Record<string, any>;

export const LOCAL = ["203.0.113.1", "127.0.0.1", "fd03::1", "::1"];
const V4 = ["10.96.0.10", "10.96.0.11", "192.0.2.1", "203.0.113.1"];
const V6 = ["fd96::10", "fd96::11", "2001:db8::1", "fd03::1"];
const PODS4 = ["10.88.0.2", "10.88.0.3", "10.88.0.4"];
const PODS6 = ["fd88::2", "fd88::3", "fd88::4"];
const PORTS = [53, 8125, 30053];
const TARGETS = [5353, 53];
const ELSEWHERE = ["198.51.100.9", "fd09::9"];
/** What kube-proxy reads as 10.96.0.10, and the like. */
const SLOPPY: Readonly<Record<string, string>> = {
	"10.96.0.10": "010.096.000.010",
	"192.0.2.1": "192.000.002.001",
	"10.88.0.2": "10.88.000.02",
	"fd96::10": "fd96::0010",
	"fd88::2": "0fd88::00002",
};
const NONSENSE = ["", " ", "10.96.0.300", "example.org", "fe80::1%eth0", "::g"];

const maybe = (r: Random, p: number, more: Item): Item =>
	r.chance(p) ? more : {};

function address(r: Random, pool: readonly string[]): string {
	const ip = r.pick(pool);
	if (r.chance(0.02)) return r.pick(NONSENSE);
	return r.chance(0.05) ? (SLOPPY[ip] ?? ip) : ip;
}

function servicePort(r: Random, name: string | undefined): Item {
	return {
		...(name !== undefined && { name }),
		...maybe(r, 0.95, { protocol: r.chance(0.85) ? "UDP" : "TCP" }),
		port: r.chance(0.02) ? 0 : r.pick(PORTS),
		...maybe(r, 0.4, { nodePort: r.pick([30053, 30053, 8125, 0]) }),
	};
}

function service(r: Random, namespace: string, name: string): Item {
	const families = r.pick([
		["IPv4"],
		["IPv4"],
		["IPv6"],
		["IPv4", "IPv6"],
		["IPv6", "IPv4"],
	]);
	const ips = families.map((family) => address(r, family === "IPv4" ? V4 : V6));
	const isHeadless = r.chance(0.06);
	const names = r.pick<(string | undefined)[]>([
		[undefined],
		["dns"],
		["dns", "stats"],
		["a", "dns"],
	]);
	const balancer = (): Item => ({
		...maybe(r, 0.8, { ip: address(r, [...V4, ...V6]) }),
		...maybe(r, 0.4, { ipMode: r.pick(["VIP", "Proxy", "Proxy"]) }),
		...maybe(r, 0.2, { hostname: "lb.example.org" }),
	});
	const some = (p: number, make: () => unknown): unknown[] =>
		Array.from({ length: r.chance(p) ? 1 + r.below(2) : 0 }, make);
	const labels = {
		app: name,
		...maybe(r, 0.04, {
			"service.kubernetes.io/service-proxy-name": r.pick(["cilium", ""]),
		}),
		...maybe(r, 0.04, { "service.kubernetes.io/headless": "" }),
	};
	return {
		kind: "Service",
		metadata: { namespace, name, ...maybe(r, 0.7, { labels }) },
		spec: {
			...maybe(r, 0.97, { clusterIP: isHeadless ? "None" : ips[0] }),
			...maybe(r, 0.95, { clusterIPs: isHeadless ? ["None"] : ips }),
			...maybe(r, 0.9, { ipFamilies: families }),
			...maybe(r, 0.05, { type: "ExternalName", externalName: "example.org" }),
			...maybe(r, 0.1, { externalTrafficPolicy: "Local" }),
			...maybe(r, 0.3, {
				externalIPs: some(0.9, () => address(r, [...V4, ...V6])),
			}),
			...maybe(r, 0.6, { selector: r.chance(0.9) ? { app: name } : null }),
			...maybe(r, 0.03, { publishNotReadyAddresses: true }),
			...maybe(r, 0.1, { internalTrafficPolicy: "Local" }),
			ports: r.chance(0.02) ? null : names.map((n) => servicePort(r, n)),
		},
		status: { loadBalancer: maybe(r, 0.3, { ingress: some(0.9, balancer) }) },
	};
}

const CONDITIONS: readonly (Item | null)[] = [
	{ ready: true, serving: true, terminating: false },
	{ ready: false, serving: false, terminating: false },
	{ ready: false, serving: true, terminating: true },
	{ ready: false, serving: false, terminating: true },
	// publishNotReadyAddresses
	{ ready: true, serving: false, terminating: false },
	{ serving: false },
	{ ready: false },
	{ ready: null, serving: null },
	{},
	null,
];

function endpoint(r: Random, pods: readonly string[]): Item {
	const addresses = r.chance(0.02)
		? r.pick([null, []])
		: [address(r, pods), ...(r.chance(0.05) ? [r.pick(pods)] : [])];
	return {
		addresses,
		...maybe(r, 0.9, {
			conditions: r.chance(0.6) ? CONDITIONS[0] : r.pick(CONDITIONS),
		}),
		nodeName: r.pick(["node", "other"]),
	};
}

function slice(r: Random, of: Item, nth: number): Item {
	const isFour = r.chance(0.6);
	const pods = isFour ? PODS4 : PODS6;
	const ports = (of.spec.ports ?? []).map((port: Item) => ({
		...(port.name === undefined
			? maybe(r, 0.5, { name: "" })
			: { name: r.chance(0.05) ? "other" : port.name }),
		protocol: port.protocol ?? "TCP",
		port: r.chance(0.04) ? r.pick([null, 0]) : r.pick(TARGETS),
	}));
	const { namespace, name } = of.metadata;
	return {
		kind: "EndpointSlice",
		metadata: {
			namespace: r.chance(0.02) ? "elsewhere" : namespace,
			name: `${name}-${nth}`,
			labels: {
				...maybe(r, 0.97, { "kubernetes.io/service-name": name }),
				...maybe(r, 0.03, { "service.kubernetes.io/headless": "" }),
			},
		},
		addressType: r.chance(0.02) ? "FQDN" : isFour ? "IPv4" : "IPv6",
		ports: r.chance(0.02) ? null : ports,
		endpoints: r.chance(0.03)
			? null
			: Array.from({ length: r.below(4) }, () => endpoint(r, pods)),
	};
}

function flow(r: Random): Flow {
	const isFour = r.chance(0.6);
	const dst = r.pick([
		...(isFour ? V4 : V6),
		...LOCAL.filter((ip) => ip.includes(":") !== isFour),
		ELSEWHERE[isFour ? 0 : 1] ?? "",
	]);
	const dport = r.pick(PORTS);
	const isNatted = r.chance(0.85);
	return {
		proto: r.chance(0.95) ? 17 : 6,
		dst,
		dport,
		src: isNatted ? r.pick(isFour ? PODS4 : PODS6) : dst,
		sport: isNatted ? r.pick(TARGETS) : dport,
	};
}

/** Returns a case of which both kinds are part. */
export function randomCase(r: Random): Case {
	const services: Item[] = [];
	const names = r.shuffled(["dns", "statsd", "sip", "ntp"]);
	for (const name of names.slice(0, 1 + r.below(3)))
		services.push(service(r, r.pick(["kube-system", "team"]), name));
	let nth = 0;
	const slices = services.flatMap((of) =>
		Array.from({ length: r.pick([0, 1, 1, 2, 2, 3]) }, () =>
			slice(r, of, nth++),
		),
	);
	// the cluster's own, so that the kind is there
	slices.push({
		kind: "EndpointSlice",
		metadata: { namespace: "default", name: "kubernetes" },
		addressType: "IPv4",
		ports: [{ name: "https", protocol: "TCP", port: 6443 }],
		endpoints: [{ addresses: ["203.0.113.9"] }],
	});
	const others = r.chance(0.1) ? [{ kind: "Endpoints", metadata: {} }] : [];
	return {
		list: {
			kind: "List",
			items: r.chance(0.8)
				? [...services, ...slices, ...others]
				: r.shuffled([...services, ...slices, ...others]),
		},
		flows: Array.from({ length: 40 }, () => flow(r)),
		local: LOCAL,
	};
}
