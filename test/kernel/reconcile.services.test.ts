// `reconcile --services` with real entries: lists that kubectl printed in part, and the
// cases of test/oracle on a real table.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { ended, run, start } from "../support/exec.ts";
import { undoAll } from "../support/undo.ts";
import type { Agent } from "./agent.ts";
import type { Made } from "./creation.ts";
import { EXECUTABLE, present, spelt, startNode } from "./reconcile.node.ts";

afterAll(undoAll);

const VIP = "10.96.0.10";
const POD = "10.88.0.2";
const flow = (n: number, dst: string, to?: string): Made => ({
	proto: "udp",
	orig: `192.0.2.7:${n} > ${dst}`,
	...(to !== undefined && { reply: `${to} > 192.0.2.7:${n}` }),
});
const HEALTHY = flow(1, `${VIP}:53`, `${POD}:5353`);
const STALE = flow(2, `${VIP}:53`, "10.88.0.9:5353");
const SERVICE = {
	apiVersion: "v1",
	kind: "Service",
	metadata: { name: "kube-dns", namespace: "kube-system" },
	spec: {
		clusterIP: VIP,
		clusterIPs: [VIP],
		ipFamilies: ["IPv4"],
		ports: [{ name: "dns", port: 53, protocol: "UDP", targetPort: 5353 }],
		selector: { "k8s-app": "kube-dns" },
	},
};
const slice = (...ips: string[]) => ({
	apiVersion: "discovery.k8s.io/v1",
	kind: "EndpointSlice",
	metadata: {
		name: "kube-dns-abcde",
		namespace: "kube-system",
		labels: { "kubernetes.io/service-name": "kube-dns" },
	},
	addressType: "IPv4",
	ports: [{ name: "dns", port: 5353, protocol: "UDP" }],
	endpoints: ips.map((ip) => ({
		addresses: [ip],
		conditions: { ready: true, serving: true, terminating: false },
	})),
});
const OTHER = {
	...slice("10.88.0.3"),
	metadata: {
		name: "other-abcde",
		namespace: "kube-system",
		labels: { "kubernetes.io/service-name": "other" },
	},
};
const list = (...items: object[]): string =>
	JSON.stringify({ apiVersion: "v1", items, kind: "List" }, undefined, 4);

const reconcile = (agent: Agent, input: string, ...argv: string[]) =>
	run(
		agent.ns.inside([...EXECUTABLE, "reconcile", "--services", "-", ...argv]),
		{ input },
	);

test.each<[string, string, number, string]>([
	[
		"of which the slices failed",
		list(SERVICE),
		2,
		"no EndpointSlice in it, but 1 Service",
	],
	[
		"of which the Services failed",
		list(slice(POD)),
		2,
		"no Service in it, but 1 EndpointSlice",
	],
	[
		"of which a part of the slices failed",
		list(SERVICE, OTHER),
		0,
		"kube-system/kube-dns: it has a selector and no EndpointSlice of IPv4",
	],
	["that was cut", list(SERVICE, slice(POD)).slice(0, -40), 2, "it ends early"],
	["that is empty", "", 2, "empty: did kubectl fail?"],
])("a list %s deletes nothing", async (_, input, code, message) => {
	const agent = await startNode();
	await agent.create(HEALTHY, STALE);
	const ran = await reconcile(agent, input);
	expect(ran.code).toBe(code);
	expect(ran.stderr).toContain(message);
	expect(await present(agent)).toEqual(spelt([HEALTHY, STALE]));
});

test("a list that is whole deletes what leads to no endpoint, by nodePorts too", async () => {
	const agent = await startNode();
	const far = flow(3, "198.51.100.9:30053");
	const byNodePort = flow(4, "203.0.113.1:30053", "10.88.0.9:5353");
	await agent.create(HEALTHY, STALE, far, byNodePort);
	const [port] = SERVICE.spec.ports;
	const service = {
		...SERVICE,
		spec: { ...SERVICE.spec, ports: [{ ...port, nodePort: 30053 }] },
	};
	const { code, stdout, stderr } = await reconcile(
		agent,
		list(service, slice(POD)),
	);
	expect([code, stdout, stderr]).toEqual([
		0,
		"deleted 2 (2 no-endpoint), gone before 0, kept 2, looked at 4\n",
		"",
	]);
	expect(await present(agent)).toEqual(spelt([HEALTHY, far]));
});

test("a loop keeps what a list without slices, or one without endpoints, would delete", async () => {
	const agent = await startNode();
	const dir = mkdtempSync(join(tmpdir(), "services-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const file = join(dir, "services.json");
	await agent.create(HEALTHY);
	writeFileSync(file, list(SERVICE, slice(POD, "10.88.0.3", "10.88.0.4")));
	const argv = ["reconcile", "--services", file, "--interval", "2s"];
	const child = start(agent.ns.inside([...EXECUTABLE, ...argv]), {
		stdio: ["ignore", "ignore", "pipe"],
	});
	onTestFinished(() => void child.kill("SIGKILL"));
	const exit = ended(child);
	let log = "";
	child.stderr?.on("data", (b: Buffer) => {
		log += b.toString();
	});
	const until = async (holds: () => boolean | Promise<boolean>) => {
		for (let i = 0; i < 200 && !(await holds()); i++) await wait(50);
	};
	await agent.create(STALE);
	await until(async () => (await agent.count()) === 1);
	expect(await present(agent)).toEqual(spelt([HEALTHY]));
	writeFileSync(file, list(SERVICE));
	await until(() => log.includes("pass skipped"));
	expect(await present(agent)).toEqual(spelt([HEALTHY]));
	writeFileSync(file, list(SERVICE, slice()));
	await until(() => log.includes("much vanished at once"));
	expect(log).toContain("missing=3 of=3");
	// the next pass believes it, because the list says it again
	await until(async () => (await agent.count()) === 0);
	expect(await agent.count()).toBe(0);
	child.kill("SIGTERM");
	expect((await exit).code).toBe(0);
});
