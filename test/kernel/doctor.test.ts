// `doctor` on rules that the real portmap made, with both of its backends, and on
// a kernel that answers for real.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readTable } from "../support/conntrack.ts";
import { must, type Ran, run } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { mapping } from "../support/unit/flows.ts";
import { attached, recordsOf } from "../support/unit/world.ts";
import { startAgent } from "./agent.ts";

const EXECUTABLE = join(OUR_BIN, "conntrack-flush");
/** The newest, which knows both backends. */
const PORTMAP = join(OUR_BIN, "tools/plugins-1.9.1/portmap");

interface Finding {
	readonly check: string;
	readonly status: string;
	readonly found: string;
	readonly advice?: string;
}

interface Node {
	readonly ns: Namespace;
	readonly dir: string;
	/** portmap's ADD or DEL of a pod with this address. */
	portmap(
		verb: string,
		backend: string,
		podIPs: readonly string[],
	): Promise<void>;
	doctor(...wrap: string[]): Promise<Ran & { readonly findings: Finding[] }>;
	/** Pods of which libcni knows. */
	know(...podIPs: string[]): void;
}

/** `pod` is what portmap takes for the pod's namespace. */
function createNode(ns: Namespace, pod: Namespace = ns): Node {
	const dir = mkdtempSync(join(tmpdir(), "doctor-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const capabilities = { portMappings: true };
	mkdirSync(join(dir, "results"));
	mkdirSync(join(dir, "conf"));
	writeFileSync(
		join(dir, "conf/10.conflist"),
		JSON.stringify({
			name: "podnet",
			plugins: [
				{ type: "portmap", capabilities },
				{ type: "conntrack-flush", capabilities },
			],
		}),
	);
	return {
		ns,
		dir,
		async portmap(verb, backend, podIPs) {
			const conf = {
				cniVersion: "1.0.0",
				name: "podnet",
				type: "portmap",
				backend,
				runtimeConfig: {
					portMappings: [
						{ hostPort: 8125, containerPort: 5353, protocol: "udp" },
						{
							hostPort: 8080,
							containerPort: 80,
							protocol: "tcp",
							hostIP: "203.0.113.10",
						},
					],
				},
				prevResult: {
					cniVersion: "1.0.0",
					interfaces: [{ name: "eth0", sandbox: pod.path }],
					ips: podIPs.map((address) => ({ interface: 0, address })),
				},
			};
			const env = {
				PATH: process.env.PATH ?? "",
				CNI_COMMAND: verb,
				CNI_CONTAINERID: `c-${backend}-${podIPs[0]}`.replace(/[^\w-]/g, "-"),
				CNI_NETNS: pod.path,
				CNI_IFNAME: "eth0",
				CNI_PATH: OUR_BIN,
			};
			await must(ns.inside([PORTMAP]), { input: JSON.stringify(conf), env });
		},
		know(...podIPs) {
			for (const address of podIPs)
				writeFileSync(
					join(dir, `results/podnet-${address.replace("/", "-")}-eth0`),
					JSON.stringify({
						kind: "cniCacheV1",
						result: { ips: [{ address }] },
					}),
				);
		},
		async doctor(...wrap) {
			const words = [
				"doctor",
				"-o",
				"json",
				"--cni-conf-dir",
				join(dir, "conf"),
				"--data-dir",
				join(dir, "data"),
				"--cni-cache-dir",
				dir,
			];
			const ran = await run(ns.inside([...wrap, EXECUTABLE, ...words]));
			if (ran.stdout === "") throw new Error(ran.stderr);
			return { ...ran, findings: JSON.parse(ran.stdout) };
		},
	};
}

async function freshNode(): Promise<Node> {
	const ns = await createNamespace("doctor");
	const pod = await createNamespace("pod");
	onTestFinished(() => {
		ns.remove();
		pod.remove();
	});
	return createNode(ns, pod);
}

test.each(["iptables", "nftables"])(
	"portmap with %s: rules of a pod that is gone are found, what to type removes them, others stay",
	async (backend) => {
		const node = await freshNode();
		await node.portmap("ADD", backend, ["10.88.0.2/16", "fd88::2/64"]);
		await node.portmap("ADD", backend, ["10.88.0.3/16", "fd88::3/64"]);
		node.know("10.88.0.2/16", "fd88::2/64", "10.88.0.3/16", "fd88::3/64");
		const before = await node.doctor();
		expect(before.findings.filter((f) => f.status !== "ok")).toEqual([]);
		// the hostIP is of one family: two rules of IPv4 and one of IPv6 each
		expect(before.findings.find((f) => f.check === "DNAT rules")?.found).toBe(
			"6 of hostPorts, none left over",
		);
		expect(before.code).toBe(0);

		// the first pod is gone, and nobody removed its rules
		rmSync(join(node.dir, "results/podnet-10.88.0.2-16-eth0"));
		rmSync(join(node.dir, "results/podnet-fd88::2-64-eth0"));
		const after = await node.doctor();
		expect(after.code).toBe(3);
		const left = after.findings.filter((f) => f.check === "DNAT rules");
		expect(left.map((f) => `${f.status} ${f.found}`).sort()).toEqual([
			"fail hostPort 8080 leads to 10.88.0.2 port 80, and no pod has that address",
			"fail hostPort 8125 leads to 10.88.0.2 port 5353, and no pod has that address",
			"fail hostPort 8125 leads to fd88::2 port 5353, and no pod has that address",
		]);

		// it changed nothing itself
		expect((await node.doctor()).findings).toEqual(after.findings);
		for (const { advice } of left)
			await must(node.ns.inside((advice ?? "").split(" ")));
		const repaired = await node.doctor();
		expect(repaired.findings.find((f) => f.check === "DNAT rules")?.found).toBe(
			"3 of hostPorts, none left over",
		);
		expect(repaired.code).toBe(0);
	},
);

test("what the kernel can do is found out, and no entry is touched", async () => {
	const agent = await startAgent("doctor");
	const node = createNode(agent.ns);
	await agent.create(
		{ orig: "192.0.2.7:6000 > 203.0.113.1:8125" },
		{ orig: "192.0.2.7:1 > 203.0.113.1:1" },
		{ orig: "192.0.2.7:6000 > 203.0.113.1:8125", zone: 7 },
		{ proto: "tcp", orig: "[fd07::7]:6000 > [fd03::1]:8125" },
	);
	const before = (await readTable(agent.ns)).map((e) => e.id).sort();
	const { findings, code } = await node.doctor();
	expect(code).toBe(0);
	const kernel = findings.find((f) => f.check === "kernel")?.found;
	const release = (await must(["uname", "-r"])).trim();
	expect(kernel).toBe(
		`Linux ${release}: filtered dump yes, kernel flush ${
			(await agent.kernelFlush({
				proto: 17,
				origDport: 9,
				origDst: undefined,
				replySrc: "192.0.2.99",
				replySport: 9,
			}))
				? "yes"
				: "no"
		}, retire yes`,
	);
	expect((await readTable(agent.ns)).map((e) => e.id).sort()).toEqual(before);
	expect(before.length).toBe(4);
});

test("stale entries are counted and stay", async () => {
	const agent = await startAgent("doctor");
	const node = createNode(agent.ns);
	mkdirSync(join(node.dir, "data"));
	const pod = attached("4f2e", {
		...mapping("IPv4", "udp"),
		hostIP: "203.0.113.1",
		podIP: "10.88.0.2",
	});
	for (const [path, text] of Object.entries(
		recordsOf(join(node.dir, "data"), pod),
	))
		writeFileSync(path, text);
	await agent.create(
		{ orig: "192.0.2.7:6000 > 203.0.113.1:8125", dnat: "10.88.0.2:5353" },
		{ orig: "192.0.2.7:6001 > 203.0.113.1:8125", dnat: "10.88.0.9:5353" },
		{ orig: "192.0.2.7:6002 > 203.0.113.1:8125" },
		{ orig: "192.0.2.7:6003 > 203.0.113.2:8125" },
	);
	const { findings, code } = await node.doctor();
	expect(code).toBe(3);
	const stale = findings.find((f) => f.check === "stale entries");
	expect(stale?.found).toMatch(/^2 keep traffic from 1 attachment \(/);
	expect(stale?.found).toContain("other-pod: 1");
	expect(stale?.found).toContain("no-dnat: 1");
	expect(await agent.count()).toBe(4);
});

test("runs no program and opens no file for writing; without the capability it says so", async () => {
	const node = await freshNode();
	const trace = join(node.dir, "trace");
	await node.doctor("strace", "-f", "-o", trace, "-e", "trace=process,%file");
	const text = await must(["cat", trace]);
	expect(text.match(/\bexecve(at)?\(/g)).toEqual(["execve("]);
	expect(text).not.toMatch(/\b(clone3?|v?fork)\(/);
	expect(text).not.toMatch(/O_(WRONLY|RDWR|CREAT)/);
	expect(text).not.toMatch(/\b(unlink|rename|mkdir|link|symlink)(at)?\(/);
	const { code, findings } = await node.doctor(
		"setpriv",
		"--bounding-set=-all",
		"--inh-caps=-all",
	);
	expect(code).toBe(3);
	expect(findings.map((f) => `${f.status} ${f.check}`)).toEqual([
		"fail capability",
		"ok conflist",
	]);
});
