// What an EndpointSlice says. That kube-proxy reads the same is asked in test/oracle.

import { describe, expect, test } from "vitest";
import { readSlice } from "../../../../src/reconcile/kubeslice.ts";

const SLICE = {
	kind: "EndpointSlice",
	metadata: {
		namespace: "ns",
		name: "svc-1",
		labels: { "kubernetes.io/service-name": "svc" },
	},
	addressType: "IPv4",
	ports: [{ name: "dns", protocol: "UDP", port: 5353 }],
	endpoints: [{ addresses: ["10.88.0.2"] }],
};
const PART = {
	service: "ns/svc",
	family: 2,
	ips: ["10.88.0.2"],
	ports: [{ proto: 17, name: "dns", port: 5353 }],
	isPartial: false,
};

function read(change: object): [unknown, string[]] {
	const warnings: string[] = [];
	const part = readSlice({ ...SLICE, ...change }, [17], (w) =>
		warnings.push(w),
	);
	return [part, warnings];
}
const labelled = (labels: object) => ({
	metadata: { ...SLICE.metadata, labels },
});
const conditions = (c: unknown) => ({
	endpoints: [{ addresses: ["10.88.0.2"], conditions: c }],
});

describe("what kube-proxy reads", () => {
	test.each<[string, object, object]>([
		["an endpoint", {}, {}],
		[
			"of several addresses the first",
			{ endpoints: [{ addresses: ["10.88.0.3", "10.88.0.4"] }] },
			{ ips: ["10.88.0.3"] },
		],
		["no conditions", conditions(null), {}],
		[
			"who serves while it terminates",
			conditions({ ready: false, serving: true, terminating: true }),
			{},
		],
		[
			"who is ready and does not serve: publishNotReadyAddresses",
			conditions({ ready: true, serving: false }),
			{},
		],
		[
			"who does not serve, and nobody says whether it is ready",
			conditions({ serving: false }),
			{},
		],
		[
			"nobody who is neither",
			conditions({ ready: false, serving: false }),
			{ ips: [] },
		],
		[
			"no port without a number",
			{ ports: [{ protocol: "UDP", port: null }] },
			{ ips: [], ports: [] },
		],
		[
			"no port of another protocol",
			{ ports: [{ port: 80 }] },
			{ ips: [], ports: [] },
		],
		[
			"neither ports nor endpoints",
			{ ports: null, endpoints: null },
			{ ips: [], ports: [] },
		],
	])("%s", (_, change, want) =>
		expect(read(change)).toEqual([{ ...PART, ...want }, []]),
	);

	test.each<[string, object]>([
		["of no Service", labelled({})],
		[
			"of a headless Service",
			labelled({
				"kubernetes.io/service-name": "svc",
				"service.kubernetes.io/headless": "",
			}),
		],
		[
			"of names",
			{ addressType: "FQDN", endpoints: [{ addresses: ["example.org"] }] },
		],
	])("no slice %s", (_, change) =>
		expect(read(change)).toEqual([undefined, []]),
	);
});

describe("one odd value", () => {
	test.each<[string, object, object, string]>([
		[
			"no address: nothing is lost by that",
			{ endpoints: [{ addresses: null }, ...SLICE.endpoints] },
			{},
			"ns/svc-1: endpoints.0.addresses is skipped: null is no address",
		],
		[
			"leading zeros, which kube-proxy reads",
			{ endpoints: [{ addresses: ["10.088.0.002"] }] },
			{},
			'ns/svc-1: endpoints.0.addresses.0: "10.088.0.002" is read as 10.88.0.2, as kube-proxy does',
		],
		[
			"an address that cannot be read: all entries stay",
			{ endpoints: [{ addresses: ["10.88.0.300"] }, ...SLICE.endpoints] },
			{ isPartial: true },
			'ns/svc-1: endpoints.0.addresses is skipped: ["10.88.0.300"] is no address; entries of ns/svc stay',
		],
		[
			"a port that cannot be read",
			{ ports: [{ protocol: "UDP", port: "dns" }] },
			{ ips: [], ports: [], isPartial: true },
			'ns/svc-1: ports.0.port is skipped: "dns" is no port; entries of ns/svc stay',
		],
		[
			"a protocol that cannot be read",
			{ ports: [{ protocol: "udp", port: 53 }] },
			{ ips: [], ports: [], isPartial: true },
			'ns/svc-1: ports.0.protocol is skipped: "udp" is no protocol; entries of ns/svc stay',
		],
		[
			"endpoints that are no list",
			{ endpoints: "x" },
			{ ips: [], isPartial: true },
			'ns/svc-1: endpoints is skipped: "x" is no list; entries of ns/svc stay',
		],
		[
			"a type of addresses that is none",
			{ addressType: "constructor" },
			{ family: undefined, isPartial: true },
			'ns/svc-1: addressType is skipped: "constructor" is none; entries of ns/svc stay',
		],
	])("%s", (_, change, want, warning) =>
		expect(read(change)).toEqual([{ ...PART, ...want }, [warning]]),
	);
});
