// Reconciliation on a real table: what kube-proxy does not try. Ports at both ends
// of their range, protocols without ports, a pod with a thousand mappings.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { must, run } from "../support/exec.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { mapping } from "../support/unit/flows.ts";
import { attached, recordsOf } from "../support/unit/world.ts";
import type { Made } from "./creation.ts";
import {
	EXECUTABLE,
	present,
	reconcile,
	spelt,
	startNode,
} from "./reconcile.node.ts";

const VIP = "10.96.0.10";
const POD = "10.88.0.2";
const GONE = "10.88.0.9";

const flow = (from: number, dport: number, to?: string): Made => ({
	proto: "udp",
	orig: `192.0.2.7:${from} > ${VIP}:${dport}`,
	...(to !== undefined && { reply: `${to} > 192.0.2.7:${from}` }),
});

test("ports at the ends of their range, of the client, of the Service and of the pod", async () => {
	const agent = await startNode();
	const gone = [
		flow(1, 65535, `${GONE}:65535`),
		flow(65535, 65535, `${GONE}:1`),
		flow(0, 65535, `${POD}:0`),
		flow(2, 65535),
		flow(3, 1, `${GONE}:1`),
	];
	const stay = [
		flow(4, 65535, `${POD}:65535`),
		flow(65534, 65535, `${POD}:65535`),
		// no Service has these
		flow(5, 0, `${GONE}:0`),
		flow(6, 0),
		flow(7, 65534, `${GONE}:65535`),
	];
	await agent.create(...gone, ...stay);
	const { code, stderr } = await reconcile(agent, [
		{ ips: [VIP], port: 65535, endpoints: [`${POD}:65535`] },
		{ ips: [VIP], port: 1, endpoints: [] },
	]);
	expect([code, stderr]).toEqual([0, ""]);
	expect(await present(agent)).toEqual(spelt(stay));
});

test.each([0, 65536])(
	"port %i is none that a Service can have",
	async (port) => {
		const agent = await startNode();
		const frontend = { ips: [VIP], port, endpoints: [] };
		const { code, stderr } = await reconcile(agent, [frontend]);
		expect(code).toBe(2);
		expect(stderr).toContain(`invalid frontends.0.port: ${port}`);
	},
);

test("ICMP and protocols that we do not know stay, whatever their bytes", async () => {
	const agent = await startNode();
	const others = [
		`-p icmp -s 192.0.2.7 -d ${VIP} --icmp-type 8 --icmp-code 0 --icmp-id 53`,
		`-p gre -s 192.0.2.7 -d ${VIP} --srckey 53 --dstkey 53`,
		`-p icmpv6 -s fd07::7 -d fd96::10 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 53`,
	];
	for (const words of others)
		await must(
			agent.ns.inside(`conntrack -I --timeout 100 ${words}`.split(" ")),
		);
	await agent.create(flow(1, 53, `${GONE}:53`));
	expect(await agent.count()).toBe(others.length + 1);
	const { code, stderr, stdout } = await reconcile(agent, [
		{ ips: [VIP, "fd96::10"], port: 53, nodePort: 53, endpoints: [] },
	]);
	expect([code, stderr]).toEqual([0, ""]);
	expect(stdout).toMatch(/^deleted 1 /);
	expect(await agent.count()).toBe(others.length);
});

test("a thousand mappings of one pod, an entry of each that is right and one that is not, in one pass", async () => {
	const agent = await startNode();
	const N = 1000;
	const ports = Array.from({ length: N }, (_, i) => 20_000 + i);
	const dir = mkdtempSync(join(tmpdir(), "mappings-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const mappings = ports.map((hostPort) => ({
		...mapping("IPv4", "udp"),
		hostPort,
		podIP: POD,
		containerPort: hostPort,
	}));
	for (const [path, text] of Object.entries(
		recordsOf(dir, attached("4f2e", ...mappings)),
	))
		writeFileSync(path, text);
	const toPort = (from: number, port: number, pod: string): Made => ({
		proto: "udp",
		orig: `192.0.2.7:${from} > 203.0.113.1:${port}`,
		reply: `${pod}:${port} > 192.0.2.7:${from}`,
	});
	await mapHostPorts(agent.ns, mappings, "nftables");
	const stay = ports.map((port) => toPort(1, port, POD));
	await agent.create(...stay, ...ports.map((port) => toPort(2, port, GONE)));
	const ran = await run(
		agent.ns.inside([...EXECUTABLE, "reconcile", "--data-dir", dir]),
	);
	expect(ran).toMatchObject({ code: 0, stderr: "" });
	expect(ran.stdout).toBe(
		`deleted ${N} (${N} other-pod), gone before 0, kept ${N}, looked at ${2 * N}\n`,
	);
	expect(await present(agent)).toEqual(spelt(stay));
});
