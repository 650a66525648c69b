// A cluster's List as claims: who meets whom, and which lists are refused.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readCluster } from "../../../../src/reconcile/cluster.ts";
import { DocumentError } from "../../../../src/reconcile/frontends.ts";
import { makeClaimSource } from "../../../../src/reconcile/services.ts";
import { flowEntry } from "../../../support/unit/flows.ts";

interface Port {
	readonly name?: string;
	readonly protocol?: string;
	readonly port: number | null;
	readonly nodePort?: number;
}
const DNS: Port = { name: "dns", protocol: "UDP", port: 53 };
const TARGET: Port = { ...DNS, port: 5353 };
const AT = { addresses: ["10.88.0.2"] };

const service = (spec: object, ports: readonly Port[], labels = {}) => ({
	kind: "Service",
	metadata: { namespace: "ns", name: "svc", labels },
	spec: { clusterIP: "10.96.0.10", clusterIPs: ["10.96.0.10"], ports, ...spec },
});
const slice = (
	ports: readonly Port[],
	endpoints: readonly object[],
	more = {},
) => ({
	kind: "EndpointSlice",
	metadata: {
		namespace: "ns",
		name: "svc-1",
		labels: { "kubernetes.io/service-name": "svc" },
	},
	addressType: "IPv4",
	ports,
	endpoints,
	...more,
});
/** Another Service's, so that the kind is there. */
const OTHER = {
	...slice([], []),
	metadata: { namespace: "default", name: "kubernetes" },
};

function read(items: readonly object[], protos: readonly (6 | 17)[] = [17]) {
	const warnings: string[] = [];
	let text = JSON.stringify({ kind: "List", items });
	const claims = readCluster(
		() => {
			const part = text;
			text = "";
			return part;
		},
		protos,
		(sentence) => warnings.push(sentence),
	);
	return { claims, warnings };
}

/** Returns the claims as `address port > endpoints`, with `?` if all entries stay. */
function show(
	items: readonly object[],
	protos?: readonly (6 | 17)[],
): string[] {
	return read(items, protos).claims.map(({ ip, port, endpoints, isPartial }) =>
		[
			ip ?? "*",
			port,
			">",
			...[...endpoints].map(([address, ports]) => `${address}:${ports}`),
			...(isPartial ? ["?"] : []),
		].join(" "),
	);
}

describe("claims", () => {
	test.each<[string, object[], string[]]>([
		[
			"a Service and its endpoint",
			[service({}, [DNS]), slice([TARGET], [AT])],
			["10.96.0.10 53 > 10.88.0.2:5353"],
		],
		[
			"in whichever order they come",
			[slice([TARGET], [AT]), service({}, [DNS])],
			["10.96.0.10 53 > 10.88.0.2:5353"],
		],
		[
			"a Service without endpoints, if the slices are in the list",
			[service({}, [DNS]), OTHER],
			["10.96.0.10 53 >"],
		],
		[
			"several slices, several ports of one address",
			[
				service({}, [DNS]),
				slice([TARGET], [AT]),
				slice([{ ...TARGET, port: 54 }], [AT, { addresses: ["10.88.0.3"] }]),
			],
			["10.96.0.10 53 > 10.88.0.2:5353,54 10.88.0.3:54"],
		],
		[
			"a nodePort, in the family of the addresses",
			[service({}, [{ ...DNS, nodePort: 30053 }]), slice([TARGET], [AT])],
			["10.96.0.10 53 > 10.88.0.2:5353", "* 30053 > 10.88.0.2:5353"],
		],
		[
			"each family with its own slices",
			[
				service(
					{
						clusterIPs: ["10.96.0.10", "fd96::10"],
						ipFamilies: ["IPv4", "IPv6"],
					},
					[DNS],
				),
				slice([TARGET], [AT]),
				slice([TARGET], [{ addresses: ["fd88::2"] }], { addressType: "IPv6" }),
			],
			["10.96.0.10 53 > 10.88.0.2:5353", "fd96::10 53 > fd88::2:5353"],
		],
		[
			"ports told apart by their names",
			[
				service({}, [DNS, { ...DNS, name: "stats", port: 8125 }]),
				slice([TARGET, { ...TARGET, name: "stats", port: 1 }], [AT]),
			],
			["10.96.0.10 53 > 10.88.0.2:5353", "10.96.0.10 8125 > 10.88.0.2:1"],
		],
		[
			"two Services at one address and port as one",
			[
				service({}, [DNS]),
				slice([TARGET], [AT]),
				{
					...service({}, [DNS]),
					metadata: { namespace: "ns", name: "other" },
				},
			],
			["10.96.0.10 53 > 10.88.0.2:5353"],
		],
	])("%s", (_, items, want) => expect(show(items)).toEqual(want));

	test("of the protocols that are asked for", () => {
		const items = [
			service({}, [{ name: "web", port: 80 }, DNS]),
			slice([{ name: "web", port: 8080 }, TARGET], [AT]),
		];
		expect(show(items, [6])).toEqual(["10.96.0.10 80 > 10.88.0.2:8080"]);
		expect(show(items, [6, 17])).toHaveLength(2);
	});

	test("with the names that people know", () => {
		const { claims } = read([
			service({}, [DNS, { protocol: "UDP", port: 8125 }]),
			OTHER,
		]);
		expect(claims.map(({ name }) => name)).toEqual([
			"ns/svc:dns",
			"ns/svc:8125",
		]);
	});
});

describe("all entries stay", () => {
	const selecting = { selector: { app: "dns" } };
	test.each<[string, object[], string[], string[]]>([
		[
			"of a Service that has a selector and no slice: a controller makes one at least",
			[service(selecting, [DNS]), OTHER],
			["10.96.0.10 53 > ?"],
			[
				"ns/svc: it has a selector and no EndpointSlice of IPv4, so the list is not whole; its entries stay",
			],
		],
		[
			"not if the slice is empty",
			[service(selecting, [DNS]), slice([], [])],
			["10.96.0.10 53 >"],
			[],
		],
		[
			"of a family without a slice",
			[
				service(
					{
						...selecting,
						clusterIPs: ["10.96.0.10", "fd96::10"],
						ipFamilies: ["IPv4", "IPv6"],
					},
					[DNS],
				),
				slice([TARGET], [AT]),
			],
			["10.96.0.10 53 > 10.88.0.2:5353", "fd96::10 53 > ?"],
			[expect.stringContaining("no EndpointSlice of IPv6")],
		],
		[
			"of a Service with an endpoint that cannot be read",
			[service({}, [DNS]), slice([TARGET], [AT, { addresses: ["x"] }])],
			["10.96.0.10 53 > 10.88.0.2:5353 ?"],
			[expect.stringContaining("entries of ns/svc stay")],
		],
		[
			"of a Service that older versions of kube-proxy do not look at",
			[
				service({}, [DNS], { "service.kubernetes.io/headless": "" }),
				slice([TARGET], [AT]),
			],
			["10.96.0.10 53 > 10.88.0.2:5353 ?"],
			[],
		],
	])("%s", (_, items, want, warnings) => {
		expect(show(items)).toEqual(want);
		expect(read(items).warnings).toEqual(warnings);
	});

	test("and none of them is judged", () => {
		const { claims } = read([service(selecting, [DNS]), OTHER]);
		const desired = makeClaimSource(claims)(() => false);
		const e = flowEntry("IPv4", "udp", {
			orig: "C:1 > V:53",
			reply: "Q:5353 > C:1",
		});
		const at = { ...e, orig: { ...e.orig, dst: "10.96.0.10" } };
		expect([desired.judge(at), desired.serves(at)]).toEqual([undefined, true]);
	});
});

describe("a list without one of the kinds is refused", () => {
	const did = `; did a part of "kubectl get services,endpointslices -A -o json" fail?`;
	test.each<[string, object[], string]>([
		[
			"Services alone, as kubectl prints them if the slices fail",
			JSON.parse(
				readFileSync("test/fixtures/services-without-slices.json", "utf8"),
			).items,
			`no EndpointSlice in it, but 1 Service${did}`,
		],
		[
			"slices alone",
			[OTHER, OTHER],
			`no Service in it, but 2 EndpointSlice${did}`,
		],
		["nothing", [], `no Service and no EndpointSlice in it, but nothing${did}`],
		[
			"Endpoints in place of slices",
			[service({}, [DNS]), { kind: "Endpoints" }],
			`no EndpointSlice in it, but 1 Service, 1 Endpoints; Endpoints do not say who is terminating and still serves${did}`,
		],
		[
			"items that are none",
			[service({}, [DNS]), 7 as unknown as object, {}],
			`no EndpointSlice in it, but 1 Service${did}`,
		],
	])("%s", (_, items, message) => {
		expect(() => read(items)).toThrow(DocumentError);
		expect(() => read(items)).toThrow(message);
	});
});
