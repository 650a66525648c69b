// The list of a large cluster is read in little memory: 10 000 Services and 20 000
// EndpointSlices, as kubectl prints them.

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { run } from "../support/exec.ts";
import { createNamespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";

afterAll(undoAll);

const SERVICES = 10_000;
const SLICES = 20_000;
/** Budget of `reconcile`, in KiB. */
const MAX_MEMORY = 16 << 10;
/** busybox takes the kernel's KiB for pages, and so counts four times as many. */
const BUSYBOX = 4;

const UID = "5ff7a5c5-2ea0-4b63-a6b8-5a6ad5f21c6f";
const protocolOf = (i: number): string => (i % 10 === 0 ? "UDP" : "TCP");
const metadata = (i: number, name: string, labels: object): object => ({
	annotations: { "meta.helm.sh/release-name": `service-${i}` },
	creationTimestamp: "2026-01-01T00:00:00Z",
	labels: {
		"app.kubernetes.io/instance": `service-${i}`,
		"app.kubernetes.io/managed-by": "Helm",
		...labels,
	},
	name,
	namespace: `team-${i % 200}`,
	resourceVersion: "123456789",
	uid: UID,
});

function service(i: number): object {
	const ip = `10.96.${i >> 8}.${i & 255}`;
	return {
		apiVersion: "v1",
		kind: "Service",
		metadata: metadata(i, `service-${i}`, {}),
		spec: {
			clusterIP: ip,
			clusterIPs: [ip],
			ipFamilies: ["IPv4"],
			ports: [
				{ name: "http", port: 80, protocol: "TCP", targetPort: 8080 },
				{ name: "dns", port: 53, protocol: protocolOf(i), targetPort: 5353 },
			],
			selector: { app: `service-${i}` },
			type: "ClusterIP",
		},
		status: { loadBalancer: {} },
	};
}

function slice(n: number): object {
	const i = n % SERVICES;
	return {
		addressType: "IPv4",
		apiVersion: "discovery.k8s.io/v1",
		endpoints: [128, 129, 130].map((first) => ({
			addresses: [`10.${first}.${n >> 8}.${n & 255}`],
			conditions: { ready: true, serving: true, terminating: false },
			nodeName: `node-${first}`,
			targetRef: { kind: "Pod", name: `service-${i}-${first}`, uid: UID },
			zone: "eu-central-1a",
		})),
		kind: "EndpointSlice",
		metadata: metadata(i, `service-${i}-${n}`, {
			"kubernetes.io/service-name": `service-${i}`,
		}),
		ports: [
			{ name: "http", port: 8080, protocol: "TCP" },
			{ name: "dns", port: 5353, protocol: protocolOf(i) },
		],
	};
}

function writeList(file: string): void {
	const fd = openSync(file, "w");
	const print = (item: object): string =>
		JSON.stringify(item, undefined, 4).replaceAll("\n", "\n        ");
	writeSync(fd, '{\n    "apiVersion": "v1",\n    "items": [\n');
	for (let i = 0; i < SERVICES; i++)
		writeSync(fd, `        ${print(service(i))},\n`);
	for (let n = 0; n < SLICES; n++)
		writeSync(fd, `        ${print(slice(n))}${n < SLICES - 1 ? "," : ""}\n`);
	writeSync(fd, '    ],\n    "kind": "List"\n}\n');
	closeSync(fd);
}

test("10 000 Services and 20 000 slices", async () => {
	const dir = mkdtempSync(join(tmpdir(), "large-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const file = join(dir, "services.json");
	writeList(file);
	const ns = await createNamespace("large");
	const exe = `${OUR_BIN}/conntrack-flush`;
	const { code, stdout, stderr } = await run(
		ns.inside(["busybox", "time", "-v", exe, "reconcile", "--services", file]),
	);
	expect([code, stdout]).toEqual([
		0,
		"deleted 0, gone before 0, kept 0, looked at 0\n",
	]);
	const [, memory] =
		/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr) ?? [];
	// 7.2 MiB where it was measured
	expect(Number(memory)).toBeGreaterThan(0);
	expect(Number(memory)).toBeLessThan(MAX_MEMORY * BUSYBOX);
});
