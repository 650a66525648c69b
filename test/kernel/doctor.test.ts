// `doctor` on rules that the real portmap made, with both of its backends, and on
// a kernel that answers for real.

import {
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Attachment } from "../../src/policy/mapping.ts";
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
	/** Pods that the plugin has recorded, with the hostPort of UDP. */
	record(...podIPs: string[]): void;
	recordAll(...pods: readonly Attachment[]): void;
	/** Runs a line of the shell, in which iptables is the one of the backend. */
	sh(backend: string, line: string, input?: string): Promise<unknown>;
}

/** `pod` is what portmap takes for the pod's namespace. */
function createNode(ns: Namespace, pod: Namespace = ns): Node {
	const dir = mkdtempSync(join(tmpdir(), "doctor-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const capabilities = { portMappings: true };
	for (const tool of ["iptables", "ip6tables"]) {
		mkdirSync(join(dir, "legacy"), { recursive: true });
		for (const suffix of ["", "-save", "-restore"])
			symlinkSync(
				`/usr/sbin/${tool}-legacy${suffix}`,
				join(dir, "legacy", `${tool}${suffix}`),
			);
	}
	const pathFor = (backend: string): string =>
		`${backend === "legacy" ? `${join(dir, "legacy")}:` : ""}${process.env.PATH}`;
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
				backend: backend === "legacy" ? "iptables" : backend,
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
				PATH: pathFor(backend),
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
		record(...podIPs) {
			this.recordAll(
				...podIPs.map((podIP) => ({
					...attached(podIP, { ...mapping("IPv4", "udp"), podIP }),
					network: "podnet",
				})),
			);
		},
		recordAll(...pods) {
			mkdirSync(join(dir, "data"), { recursive: true });
			for (const [path, text] of Object.entries(
				recordsOf(join(dir, "data"), ...pods),
			))
				writeFileSync(path, text);
		},
		sh: (backend, line, input) =>
			must(ns.inside(["sh", "-ec", line]), {
				env: { PATH: pathFor(backend) },
				...(input !== undefined && { input }),
			}),
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
			"6 of portmap, none left over",
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
			"3 of portmap, none left over",
		);
		expect(repaired.code).toBe(0);
	},
);

const BACKENDS = ["iptables", "nftables", "legacy"];

/** A node with an address on which portmap has published the recorded pods. */
async function nodeOf(backend: string, ...podIPs: string[]): Promise<Node> {
	const node = await freshNode();
	await node.sh(backend, "ip addr add 203.0.113.1/32 dev lo");
	for (const ip of podIPs) await node.portmap("ADD", backend, [`${ip}/16`]);
	node.record(...podIPs);
	return node;
}

/** Returns what is said of rules, with handles left out. */
async function rulesOf(node: Node): Promise<string[]> {
	const { findings } = await node.doctor();
	return findings
		.filter((f) => f.check === "DNAT rules")
		.map((f) =>
			`${f.status} ${f.found}`
				.replace(/(handle|rule) \d+/g, "$1 N")
				.replace(/CNI-DN-\w+/g, "CNI-DN-X"),
		);
}

describe.each(BACKENDS)("portmap with %s", (backend) => {
	test("a pod is reached, and rules that were wiped are missed", async () => {
		const node = await nodeOf(backend, "10.88.0.2");
		expect(await rulesOf(node)).toEqual([
			"ok 2 of portmap, none left over; 1 hostPort leads to its pod",
		]);
		await node.sh(
			backend,
			backend === "nftables" ? "nft flush ruleset" : "iptables -w -t nat -F",
		);
		const { code, findings } = await node.doctor();
		expect(code).toBe(3);
		expect(findings.filter((f) => f.status !== "ok")).toEqual([
			{
				check: "DNAT rules",
				status: "fail",
				found:
					"no rule sends udp 203.0.113.1:8125 to ns/10.88.0.2: the nat rules were wiped (firewalld reload, iptables -t nat -F)",
				advice:
					"restart the pod, because its ADD makes its rules: crictl stopp 10.88.0.2",
			},
		]);
		// the ADD of the next sandbox
		await node.portmap("DEL", backend, ["10.88.0.2/16"]);
		await node.portmap("ADD", backend, ["10.88.0.2/16"]);
		expect((await node.doctor()).code).toBe(0);
	});

	test("the jump to its chain is gone", async () => {
		const node = await nodeOf(backend, "10.88.0.2");
		await node.sh(
			backend,
			backend === "nftables"
				? "nft flush chain ip cni_hostport prerouting; nft flush chain ip cni_hostport output"
				: "iptables -w -t nat -F PREROUTING; iptables -w -t nat -F OUTPUT",
		);
		const chain = {
			iptables: "ip nat CNI-HOSTPORT-DNAT",
			nftables: "ip cni_hostport hostports_all",
			legacy: "iptables-legacy nat CNI-HOSTPORT-DNAT",
		}[backend];
		expect(await rulesOf(node)).toEqual([
			`fail no chain calls ${chain}, so the rule that sends udp 203.0.113.1:8125 to ns/10.88.0.2 has no effect`,
		]);
	});

	test("a rule of kube-proxy stands before the pod's", async () => {
		const node = await nodeOf(backend, "10.88.0.2");
		await node.sh(
			backend,
			backend === "nftables"
				? `nft -f - <<'END'
table ip kube-proxy {
	chain endpoint-1 { udp dport 8125 dnat to 10.42.7.7:8443; }
	chain prerouting {
		type nat hook prerouting priority -101;
		ip daddr 203.0.113.1 udp dport 8125 goto endpoint-1
	}
}
END`
				: `iptables -w -t nat -N KUBE-SERVICES; iptables -w -t nat -N KUBE-SEP-1
iptables -w -t nat -A KUBE-SEP-1 -p udp -m udp -j DNAT --to-destination 10.42.7.7:8443
iptables -w -t nat -A KUBE-SERVICES -d 203.0.113.1/32 -p udp -m udp --dport 8125 -j KUBE-SEP-1
iptables -w -t nat -I PREROUTING -j KUBE-SERVICES`,
		);
		const place = {
			iptables: "ip nat KUBE-SEP-1 handle N",
			nftables: "ip kube-proxy endpoint-1 handle N",
			legacy: "iptables-legacy nat KUBE-SEP-1 rule N",
		}[backend];
		expect(await rulesOf(node)).toEqual([
			`warn ${place} (kube-proxy) sends 203.0.113.1:8125 to 10.42.7.7:8443 first, so ns/10.88.0.2 hears nothing there`,
		]);
	});

	test("a leftover rule stands before the pod's: what is advised ends it", async () => {
		const node = await nodeOf(backend, "10.88.0.2", "10.88.0.3");
		rmSync(join(node.dir, "data"), { recursive: true });
		node.record("10.88.0.3");
		const before = await node.doctor();
		const left = before.findings.filter((f) => f.status !== "ok");
		const found = left.map((f) => f.found);
		expect(found.at(-1)).toMatch(
			/ \(portmap\) sends 203.0.113.1:8125 to 10.88.0.2:5353 first, so ns\/10.88.0.3 hears nothing there; no pod has that address$/,
		);
		// legacy iptables has one command for all rules of the pod
		expect(found.slice(0, -1)).toEqual(
			backend === "legacy"
				? []
				: [
						"hostPort 8080 leads to 10.88.0.2 port 80, and no pod has that address",
					],
		);
		expect(before.code).toBe(3);
		for (const { advice } of left)
			await must(node.ns.inside((advice ?? "").split(" ")));
		expect(await rulesOf(node)).toEqual([
			"ok 2 of portmap, none left over; 1 hostPort leads to its pod",
		]);
		expect((await node.doctor()).code).toBe(0);
	});
});

test("portmap's conditions leave out clients: that is no fault", async () => {
	const node = await nodeOf("iptables", "10.88.0.2");
	await node.sh(
		"iptables",
		"iptables -w -t nat -F PREROUTING; iptables -w -t nat -A PREROUTING -s 10.0.0.0/8 -j CNI-HOSTPORT-DNAT",
	);
	expect(await rulesOf(node)).toEqual([
		"warn ip nat CNI-DN-X handle N sends to ns/10.88.0.2, but not what every client sends to udp 203.0.113.1:8125",
	]);
});

test("portmap without its capability has made no rule, and both are said", async () => {
	const node = await nodeOf("iptables");
	node.record("10.88.0.2");
	writeFileSync(
		join(node.dir, "conf/10.conflist"),
		JSON.stringify({
			name: "podnet",
			plugins: [
				{ type: "portmap" },
				{ type: "conntrack-flush", capabilities: { portMappings: true } },
			],
		}),
	);
	const { code, findings } = await node.doctor();
	expect(code).toBe(3);
	const wrong = findings.filter((f) => f.status !== "ok");
	expect(wrong.map((f) => `${f.status} ${f.check}: ${f.found}`)).toEqual([
		expect.stringMatching(
			/^fail conflist: portmap, plugin 1 of .*, does not declare the capability/,
		),
		"warn DNAT rules: no rule sends udp 203.0.113.1:8125 to ns/10.88.0.2, which may come from the conflist",
	]);
});

test.each([
	["docker-20.10.rules", "iptables", /\bdocker\b/],
	["docker-20.10.rules", "legacy", /\bdocker\b/],
	["docker-20.10-proxy.rules", "iptables", /\bdocker\b/],
	["netavark-1.4.rules", "iptables", /\bnetavark\b/],
	["netavark-1.4.rules", "legacy", /\bnetavark\b/],
	["netavark-2.1.nft", "nftables", /\bnetavark\b/],
])("the rules of %s (%s) are named", async (name, backend, engine) => {
	const node = await nodeOf(backend);
	const rules = readFileSync(
		new URL(`../fixtures/engines/${name}`, import.meta.url),
		"utf8",
	);
	const load = backend === "nftables" ? "nft -f -" : "iptables-restore";
	await node.sh(backend, load, rules);
	const found = await rulesOf(node);
	expect(found[0]).toMatch(engine);
	expect(found[0]).toMatch(/^(ok|warn) [1-9]\d* of /);
});

test("a port of CRI-O is an element of a map: it is named, and what is advised removes that one", async () => {
	const node = await nodeOf("nftables");
	const rules = readFileSync(
		new URL("../fixtures/engines/crio.nft", import.meta.url),
		"utf8",
	);
	await node.sh(
		"nftables",
		"nft -f -",
		`${rules}
add element ip crio-hostports hostports { udp . 8125 : 10.85.0.2 . 5353 }
add element ip crio-hostports hostports { tcp . 8080 : 10.85.0.3 . 80 }
add element ip crio-hostports hostipports { 203.0.113.1 . udp . 8126 : 10.85.0.2 . 5353 }
`,
	);
	node.know("10.85.0.3/16");
	const { findings } = await node.doctor();
	const left = findings.filter((f) => f.status === "fail");
	expect(left.map((f) => `${f.found}: ${f.advice}`).sort()).toEqual([
		"hostPort 8125 leads to 10.85.0.2 port 5353, and no pod has that address: nft delete element ip crio-hostports hostports { udp . 8125 }",
		"hostPort 8126 leads to 10.85.0.2 port 5353, and no pod has that address: nft delete element ip crio-hostports hostipports { 203.0.113.1 . udp . 8126 }",
	]);
	for (const { advice } of left)
		await must(node.ns.inside((advice ?? "").split(" ")));
	expect(await rulesOf(node)).toEqual(["ok 1 of cri-o, none left over"]);
});

test("a pod under CRI-O is recorded without ports: its rules are none left over, and it is not called unrecorded", async () => {
	const node = await nodeOf("nftables");
	const rules = readFileSync(
		new URL("../fixtures/engines/crio.nft", import.meta.url),
		"utf8",
	);
	await node.sh(
		"nftables",
		"nft -f -",
		`${rules}
add element ip crio-hostports hostports { udp . 8125 : 10.85.0.2 . 5353 }
`,
	);
	const target = { ...mapping("IPv4", "udp"), podIP: "10.85.0.2" };
	node.recordAll({ ...attached("4f2e"), podTargets: [target] });
	const { findings } = await node.doctor();
	const said = findings.map((f) => `${f.status} ${f.check}: ${f.found}`);
	expect(said).toContain("ok DNAT rules: 1 of cri-o, none left over");
	expect(said).toContain(
		"ok stale entries: none, of the ports that rules publish",
	);
	expect(said.join("\n")).not.toMatch(/no attachment|no pod/);
});

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
	node.recordAll(
		attached("4f2e", {
			...mapping("IPv4", "udp"),
			hostIP: "203.0.113.1",
			podIP: "10.88.0.2",
		}),
	);
	await node.sh(
		"nftables",
		"nft -f -",
		`table ip cni_hostport {
	chain prerouting {
		type nat hook prerouting priority -100;
		ip daddr 203.0.113.1 udp dport 8125 dnat to 10.88.0.2:5353
	}
}`,
	);
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
