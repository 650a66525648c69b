// Where we differ on purpose from kube-proxy's cleanup of conntrack, with the reasons. The
// table is printed into docs/services.md. A row holds for an entry if its reason is in the
// case; that is judged by the objects alone, and by nothing of ours.

import type { Case, Flow, Item } from "./services.cases.ts";

export interface Difference {
	readonly kubeProxy: "deletes" | "keeps";
	readonly what: string;
	readonly why: string;
	holds(c: Case, f: Flow): boolean;
}

const PROXY_NAME = "service.kubernetes.io/service-proxy-name";
const HEADLESS = "service.kubernetes.io/headless";
const familyOf = (ip: string): string => (ip.includes(":") ? "IPv6" : "IPv4");
const kind = (c: Case, name: string): Item[] =>
	c.list.items.filter((item) => item.kind === name);
const udp = (s: Item): Item[] =>
	(s.spec.ports ?? []).filter((p: Item) => p.protocol === "UDP");
const same = (a: unknown, b: string): boolean =>
	typeof a === "string" && plain(a) === plain(b);
/** Without the zeros that kube-proxy does not mind. */
const plain = (ip: string): string => ip.replace(/(^|[.:])0+(?=\w)/g, "$1");

const addressesOf = (s: Item): unknown[] => [
	s.spec.clusterIP,
	...(s.spec.clusterIPs ?? []),
	...(s.spec.externalIPs ?? []),
	...(s.status.loadBalancer.ingress ?? []).map(({ ip }: Item) => ip),
];
const claimsAddress = (s: Item, f: Flow): boolean =>
	udp(s).some((p) => p.port === f.dport) &&
	addressesOf(s).some((ip) => same(ip, f.dst));
const claimsNodePort = (s: Item, f: Flow): boolean =>
	udp(s).some((p) => p.nodePort === f.dport);
const isHandled = (s: Item): boolean =>
	!(PROXY_NAME in (s.metadata.labels ?? {})) && s.spec.type !== "ExternalName";
/** The Services that may claim the entry, whatever their families. */
const claimants = (c: Case, f: Flow): Item[] =>
	kind(c, "Service").filter(
		(s) => isHandled(s) && (claimsAddress(s, f) || claimsNodePort(s, f)),
	);
const slicesOf = (c: Case, s: Item): Item[] =>
	kind(c, "EndpointSlice").filter(
		({ metadata: { namespace, labels } }) =>
			namespace === s.metadata.namespace &&
			labels?.["kubernetes.io/service-name"] === s.metadata.name &&
			!(HEADLESS in labels),
	);
const endpointsAt = (c: Case, s: Item, ip: string): Item[] =>
	slicesOf(c, s)
		.flatMap((e) => e.endpoints ?? [])
		.filter(({ addresses }) => same(addresses?.[0], ip));
const isAddress = (ip: unknown): boolean =>
	typeof ip === "string" &&
	/^([\d.]{7,}|[\da-f:]*:[\da-f:]+)$/.test(ip) &&
	!/\.3\d\d|::g/.test(ip);

export const DIFFERENCES: readonly Difference[] = [
	{
		kubeProxy: "deletes",
		what: "an entry to an endpoint that is ready, but does not serve (`publishNotReadyAddresses`)",
		why: "kube-proxy's rules send traffic there: the flow works, and would be broken at every pass",
		holds: (c, f) =>
			claimants(c, f).some((s) =>
				endpointsAt(c, s, f.src).some(
					({ conditions }) =>
						conditions?.serving === false && conditions.ready !== false,
				),
			),
	},
	{
		kubeProxy: "deletes",
		what: "an entry to another host, or to `::1`, whose port has the number of a nodePort",
		why: "nodePorts are on the node's own addresses, and `::1` is never forwarded",
		holds: (c, f) =>
			(!c.local.includes(f.dst) || f.dst === "::1") &&
			claimants(c, f).every((s) => !claimsAddress(s, f)),
	},
	{
		kubeProxy: "deletes",
		what: "an entry that is right for a Service's address or for a nodePort, where both have its port",
		why: "which of the two has a rule depends on the node and on traffic policies",
		holds: (c, f) =>
			claimants(c, f).some((s) => claimsAddress(s, f)) &&
			claimants(c, f).some((s) => claimsNodePort(s, f)),
	},
	{
		kubeProxy: "deletes",
		what: "entries of a Service that has a selector but no EndpointSlice of the family",
		why: "a controller makes one for each family, even if it is empty: the list is not whole",
		holds: (c, f) =>
			claimants(c, f).some(
				(s) =>
					s.spec.selector &&
					slicesOf(c, s).every((e) => e.addressType !== familyOf(f.dst)),
			),
	},
	{
		kubeProxy: "deletes",
		what: "entries of a Service with an endpoint whose address cannot be read",
		why: "it may be the one that the entry leads to",
		holds: (c, f) =>
			claimants(c, f).some((s) =>
				slicesOf(c, s).some((e) =>
					(e.endpoints ?? []).some(
						({ addresses }: Item) =>
							addresses?.length > 0 && !isAddress(addresses[0]),
					),
				),
			),
	},
	{
		kubeProxy: "deletes",
		what: "entries of a Service with the label `service.kubernetes.io/headless`",
		why: "older versions of kube-proxy do not look at it, and newer ones do",
		holds: (c, f) =>
			claimants(c, f).some((s) => HEADLESS in (s.metadata.labels ?? {})),
	},
	{
		kubeProxy: "deletes",
		what: "an entry to an endpoint of one of several Services, or ports of one, that claim the same address and port, or the same nodePort",
		why: "kube-proxy takes one of them, by the order of a Go map; ours are the endpoints of all",
		holds: (c, f) =>
			claimants(c, f)
				.flatMap(udp)
				.filter(({ port, nodePort }) => [port, nodePort].includes(f.dport))
				.length > 1,
	},
	{
		kubeProxy: "deletes",
		what: "an entry to an endpoint that is in the slices twice, once serving and once not",
		why: "kube-proxy takes one of them, by the order of a Go map",
		holds: (c, f) =>
			claimants(c, f).some((s) => endpointsAt(c, s, f.src).length > 1),
	},
	{
		kubeProxy: "keeps",
		what: "entries to a nodePort, on the node's own addresses, of a Service without serving endpoints",
		why: "kube-proxy cannot tell them from entries to other hosts; we look at the address",
		holds: (c, f) =>
			c.local.includes(f.dst) &&
			claimants(c, f).some((s) => claimsNodePort(s, f)),
	},
	{
		kubeProxy: "keeps",
		what: "entries of a Service that has `clusterIP` but no `clusterIPs`, or the other way round",
		why: "the API server always writes both; a list made by hand means the same by one",
		holds: (c, f) =>
			claimants(c, f).some(
				({ spec }) =>
					(spec.clusterIP === undefined) !== (spec.clusterIPs === undefined),
			),
	},
];

/** Returns the table as Markdown. */
export function differencesTable(): string {
	const rows = DIFFERENCES.map(
		({ kubeProxy, what, why }) =>
			`| ${what} | ${kubeProxy} | ${kubeProxy === "keeps" ? "deletes" : "keeps"} | ${why} |`,
	);
	return [
		"| entries | kube-proxy | `--services` | because |",
		"| --- | --- | --- | --- |",
		...rows,
	].join("\n");
}
