// docs/frontends.jq turns a cluster's Services into the document that `reconcile` reads.

import { expect, test } from "vitest";
import { readFrontends } from "../../src/reconcile/frontends.ts";
import { must } from "../support/exec.ts";

interface Port {
	readonly name?: string;
	readonly protocol?: string;
	readonly port: number | null;
	readonly nodePort?: number;
}

const DNS: Port = { name: "dns", protocol: "UDP", port: 53 };

const service = (spec: object, ports: readonly Port[], status = {}) => ({
	kind: "Service",
	metadata: { namespace: "ns", name: "svc" },
	spec: { clusterIPs: ["10.96.0.10"], ports, ...spec },
	status,
});

const slice = (
	ports: readonly Port[],
	endpoints: readonly object[],
	more = {},
) => ({
	kind: "EndpointSlice",
	metadata: {
		namespace: "ns",
		labels: { "kubernetes.io/service-name": "svc" },
	},
	addressType: "IPv4",
	ports,
	endpoints,
	...more,
});
const AT = { addresses: ["10.88.0.2"] };
const TARGET: Port = { ...DNS, port: 5353 };

/** Returns the frontends as the command reads them: `address port > endpoints`. */
async function frontends(...items: object[]): Promise<string[]> {
	const document = await must(["jq", "-f", "docs/frontends.jq"], {
		input: JSON.stringify({ kind: "List", items }),
	});
	if (JSON.parse(document).frontends.length === 0) return [];
	const claims = await readFrontends(document);
	return claims.map(({ ip, port, endpoints }) => {
		const to = [...endpoints].map(([address, ports]) => `${address} ${ports}`);
		return `${ip ?? "*"} ${port} > ${to.join(", ")}`;
	});
}

test.each<[string, object[], string[]]>([
	[
		"a Service and its endpoint",
		[service({}, [DNS]), slice([TARGET], [AT])],
		["10.96.0.10 53 > 10.88.0.2 5353"],
	],
	["a Service without endpoints", [service({}, [DNS])], ["10.96.0.10 53 > "]],
	[
		"an endpoint that does not serve",
		[
			service({}, [DNS]),
			slice(
				[TARGET],
				[{ addresses: ["10.88.0.3"], conditions: { serving: false } }, AT],
			),
		],
		["10.96.0.10 53 > 10.88.0.2 5353"],
	],
	[
		"a slice whose port has no number",
		[
			service({}, [DNS]),
			slice([{ ...TARGET, port: null }], [{ addresses: ["10.88.0.3"] }]),
			slice([TARGET], [AT]),
		],
		["10.96.0.10 53 > 10.88.0.2 5353"],
	],
	[
		"a slice of names",
		[
			service({}, [DNS]),
			slice([TARGET], [{ addresses: ["example.org"] }], {
				addressType: "FQDN",
			}),
		],
		["10.96.0.10 53 > "],
	],
	[
		"a load balancer's addresses, but not those of mode Proxy",
		[
			service({ externalIPs: ["192.0.2.1"] }, [DNS], {
				loadBalancer: {
					ingress: [
						{ ip: "192.0.2.2" },
						{ ip: "192.0.2.3", ipMode: "VIP" },
						{ ip: "192.0.2.4", ipMode: "Proxy" },
						{ hostname: "lb.example.org" },
					],
				},
			}),
			slice([TARGET], [AT]),
		],
		["10.96.0.10", "192.0.2.1", "192.0.2.2", "192.0.2.3"].map(
			(ip) => `${ip} 53 > 10.88.0.2 5353`,
		),
	],
	[
		"a nodePort, in the family of the addresses",
		[service({}, [{ ...DNS, nodePort: 30053 }]), slice([TARGET], [AT])],
		["10.96.0.10 53 > 10.88.0.2 5353", "* 30053 > 10.88.0.2 5353"],
	],
	[
		"both families",
		[
			service({ clusterIPs: ["fd96::10"] }, [DNS]),
			slice([TARGET], [{ addresses: ["fd88::2"] }]),
		],
		["fd96::10 53 > fd88::2 5353"],
	],
	[
		"ports told apart by their names and protocols, TCP if it is not said",
		[
			service({}, [DNS, { name: "web", port: 80 }]),
			slice([TARGET, { name: "web", port: 8080 }], [AT]),
		],
		["10.96.0.10 53 > 10.88.0.2 5353", "10.96.0.10 80 > 10.88.0.2 8080"],
	],
	["a headless Service", [service({ clusterIPs: ["None"] }, [DNS])], []],
])("%s", async (_, items, want) =>
	expect(await frontends(...items)).toEqual(want),
);
