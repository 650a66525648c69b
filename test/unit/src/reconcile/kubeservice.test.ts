// What a Service claims. That kube-proxy claims the same is asked in test/oracle.

import { describe, expect, test } from "vitest";
import {
	familyName,
	readService,
} from "../../../../src/reconcile/kubeservice.ts";

const DNS = { name: "dns", protocol: "UDP", port: 53 };
const SPEC = {
	clusterIP: "10.96.0.10",
	clusterIPs: ["10.96.0.10"],
	ipFamilies: ["IPv4"],
	ports: [DNS],
};
const DUAL = {
	clusterIP: "10.96.0.10",
	clusterIPs: ["10.96.0.10", "fd96::10"],
	ipFamilies: ["IPv4", "IPv6"],
};

interface Change {
	readonly spec?: object;
	readonly labels?: object;
	readonly ingress?: unknown;
}

/** Returns the claims, as `port *nodePort > addresses`, and the warnings. */
function read({ spec, labels, ingress }: Change): [string[], string[]] {
	const warnings: string[] = [];
	const item = {
		kind: "Service",
		metadata: { namespace: "ns", name: "svc", labels },
		spec: { ...SPEC, ...spec },
		status: { loadBalancer: { ingress } },
	};
	const ports = readService(item, [17], (w) => warnings.push(w));
	return [
		ports.map(({ port, nodePort, ips }) =>
			[
				port ?? "-",
				...(nodePort === undefined ? [] : [`*${nodePort}`]),
				">",
				...ips,
			].join(" "),
		),
		warnings,
	];
}

describe("kube-proxy claims", () => {
	const one = ["53 > 10.96.0.10"];
	test.each<[string, Change, string[]]>([
		["a cluster IP", {}, one],
		["clusterIP alone", { spec: { clusterIPs: undefined } }, one],
		["clusterIPs alone", { spec: { clusterIP: undefined } }, one],
		[
			"clusterIP alone, in a cluster that knows no families",
			{ spec: { clusterIPs: undefined, ipFamilies: undefined } },
			one,
		],
		["both families", { spec: DUAL }, ["53 > 10.96.0.10", "53 > fd96::10"]],
		[
			"external addresses, and load balancers' that are not of mode Proxy",
			{
				spec: { externalIPs: ["192.0.2.1"] },
				ingress: [
					{ ip: "192.0.2.2" },
					{ ip: "192.0.2.3", ipMode: "VIP" },
					{ ip: "192.0.2.4", ipMode: "Proxy" },
					{ hostname: "lb.example.org" },
				],
			},
			["53 > 10.96.0.10 192.0.2.1 192.0.2.2 192.0.2.3"],
		],
		[
			"no address of a family that the Service has not",
			{
				spec: { externalIPs: ["2001:db8::1", "192.0.2.1"] },
				ingress: [{ ip: "2001:db8::2" }],
			},
			["53 > 10.96.0.10 192.0.2.1"],
		],
		[
			"a nodePort",
			{ spec: { ports: [{ ...DNS, nodePort: 30053 }] } },
			["53 *30053 > 10.96.0.10"],
		],
		[
			"no headless Service",
			{
				spec: {
					clusterIP: "None",
					clusterIPs: ["None"],
					externalIPs: ["192.0.2.1"],
				},
			},
			[],
		],
		[
			"no ExternalName",
			{ spec: { type: "ExternalName", externalIPs: ["192.0.2.1"] } },
			[],
		],
		[
			"no Service without a cluster IP",
			{ spec: { clusterIP: "", clusterIPs: [] } },
			[],
		],
		[
			"no Service of another proxy, whatever its name",
			{ labels: { "service.kubernetes.io/service-proxy-name": "" } },
			[],
		],
		[
			"no other protocol",
			{ spec: { ports: [{ ...DNS, protocol: "TCP" }, { port: 80 }] } },
			[],
		],
		[
			"of ports with one name the last",
			{ spec: { ports: [DNS, { ...DNS, port: 54 }] } },
			["54 > 10.96.0.10"],
		],
		["nothing without ports", { spec: { ports: null } }, []],
	])("%s", (_, change, want) => expect(read(change)).toEqual([want, []]));
});

describe("one odd value is skipped and named, and the rest counts", () => {
	const one = ["53 > 10.96.0.10"];
	test.each<[string, Change, string[], string]>([
		[
			"an empty externalIP",
			{ spec: { externalIPs: ["", "192.0.2.1"] } },
			["53 > 10.96.0.10 192.0.2.1"],
			'ns/svc: spec.externalIPs.0 is skipped: "" is no address',
		],
		[
			"leading zeros, which kube-proxy reads",
			{ spec: { externalIPs: ["192.000.002.001"] } },
			["53 > 10.96.0.10 192.0.2.1"],
			'ns/svc: spec.externalIPs.0: "192.000.002.001" is read as 192.0.2.1, as kube-proxy does',
		],
		[
			"externalIPs that are no list",
			{ spec: { externalIPs: "192.0.2.1" } },
			["53 > 10.96.0.10 192.0.2.1"],
			"",
		],
		[
			"a cluster IP that is none",
			{ spec: { clusterIPs: ["10.96.0.300"], externalIPs: ["192.0.2.1"] } },
			["53 > 192.0.2.1"],
			'ns/svc: spec.clusterIPs.0 is skipped: "10.96.0.300" is no address',
		],
		[
			"an ingress address that is none",
			{ ingress: [{ ip: "x" }] },
			one,
			'ns/svc: status.loadBalancer.ingress.0.ip is skipped: "x" is no address',
		],
		[
			"port 0, beside its nodePort",
			{ spec: { ports: [{ ...DNS, port: 0, nodePort: 30053 }] } },
			["- *30053 > 10.96.0.10"],
			"ns/svc: spec.ports.0.port is skipped: 0 is no port",
		],
		[
			"a nodePort beyond the last",
			{ spec: { ports: [{ ...DNS, nodePort: 70000 }] } },
			one,
			"ns/svc: spec.ports.0.nodePort is skipped: 70000 is no port",
		],
		[
			"a protocol in small letters",
			{ spec: { ports: [{ ...DNS, protocol: "udp" }, DNS] } },
			one,
			'ns/svc: spec.ports.0.protocol is skipped: "udp" is no protocol',
		],
		[
			"ports that are no list",
			{ spec: { ports: 53 } },
			[],
			"ns/svc: spec.ports is skipped: 53 is no list",
		],
	])("%s", (_, change, want, warning) =>
		expect(read(change)).toEqual([want, warning === "" ? [] : [warning]]),
	);
});

test("the names of the families", () =>
	expect([2, 10].map((f) => familyName(f as 2 | 10))).toEqual([
		"IPv4",
		"IPv6",
	]));
