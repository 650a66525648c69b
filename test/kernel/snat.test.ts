// `doctor` on the rules that translate source addresses: those that the real bridge and
// portmap make with both of their backends, and those of other programs as captured, through
// each of the three ways into the kernel.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readTable } from "../support/conntrack.ts";
import { must, run } from "../support/exec.ts";
import { createNamespace, ip, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { OWNED } from "../support/snat.ts";

const EXECUTABLE = join(OUR_BIN, "conntrack-flush");
/** The oldest release of plugins whose bridge has both backends is 1.6.0. */
const PLUGINS = join(OUR_BIN, "tools/plugins-1.9.1");

async function snatOf(ns: Namespace): Promise<string> {
	// without a conflist or records it exits with 0 or 3
	const { stdout } = await run(
		ns.inside([EXECUTABLE, "doctor", "--without", "cni", "-o", "json"]),
	);
	const findings: { check: string; status: string; found: string }[] =
		JSON.parse(stdout);
	const finding = findings.find(({ check }) => check === "SNAT rules");
	expect(finding?.status).toBe("ok");
	return finding?.found ?? "";
}

/** Sends from a port of the pod to another host, and returns the ports that the host would answer to. */
async function portsBehind(
	ns: Namespace,
	pod: Namespace,
	sport: number,
): Promise<number[]> {
	const send = `use IO::Socket::INET;
IO::Socket::INET->new(Proto => "udp", LocalPort => ${sport}, PeerAddr => "192.0.2.9:123")->send("x")`;
	await must(pod.inside(["perl", "-e", send]));
	const entries = await readTable(ns);
	return entries
		.filter(({ orig }) => orig.sport === sport)
		.map(({ reply }) => reply.dport);
}

test.each(["iptables-nft", "iptables-legacy"])(
	"the rules of all owners through %s",
	async (tool) => {
		const ns = await createNamespace("snat");
		await must(ns.inside([`${tool}-restore`]), { input: OWNED });
		const found = await snatOf(ns);
		const [kept = "", random = ""] = found.split("; ");
		for (const owner of ["CNI ipMasq", "portmap", "Docker", "kindnet"])
			expect(kept).toContain(`1 of ${owner}`);
		expect(kept).toMatch(
			tool === "iptables-nft"
				? /1 of others \(ip nat POSTROUTING handle \d+\)/
				: /1 of others \(iptables-legacy nat POSTROUTING rule 2\)/,
		);
		for (const owner of [
			...["kube-proxy", "flannel", "Calico", "ip-masq-agent", "AWS CNI"],
		])
			expect(random).toContain(`1 of ${owner}`);
	},
);

test("the rules of Docker, netavark and CRI-O in tables of nft", async () => {
	const ns = await createNamespace("snat");
	for (const name of ["docker", "netavark-2.1", "crio"])
		await must(ns.inside(["nft", "-f", `test/fixtures/engines/${name}.nft`]));
	const found = await snatOf(ns);
	expect(found).toMatch(/^the source port is kept by [^;]*$/);
	for (const words of ["2 of Docker", "3 of netavark", "1 of CRI-O"])
		expect(found).toContain(words);
});

test.each([
	["iptables", 1],
	["nftables", 2],
])("bridge with ipMasq, and portmap, by %s", async (backend, ofPortmap) => {
	const ns = await createNamespace("snat");
	const pod = await createNamespace("snat-pod");
	const dir = mkdtempSync(join(tmpdir(), "snat-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const add = (type: string, conf: object): Promise<string> =>
		must(ns.inside([join(PLUGINS, type)]), {
			input: JSON.stringify({
				cniVersion: "1.0.0",
				name: "dbnet",
				type,
				...conf,
			}),
			env: {
				...process.env,
				CNI_COMMAND: "ADD",
				CNI_CONTAINERID: "4f2e",
				CNI_NETNS: pod.path,
				CNI_IFNAME: "eth0",
				CNI_PATH: PLUGINS,
			},
		});
	const prevResult = JSON.parse(
		await add("bridge", {
			bridge: "cni0",
			isGateway: true,
			ipMasq: true,
			ipMasqBackend: backend,
			ipam: {
				type: "host-local",
				dataDir: dir,
				ranges: [[{ subnet: "10.88.0.0/24" }]],
				routes: [{ dst: "0.0.0.0/0" }],
			},
		}),
	);
	await add("portmap", {
		backend,
		snat: true,
		prevResult,
		runtimeConfig: {
			portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
		},
	});
	const found = await snatOf(ns);
	expect(found).toContain("1 of CNI ipMasq");
	expect(found).toContain(`${ofPortmap} of portmap`);
	expect(found).not.toContain("others");

	// the remedy of docs/dns.md: a table of one's own decides before theirs
	await ip(ns, [
		"link add out type veth peer name far",
		"link set far up",
		"addr add 192.0.2.2/24 dev out",
		"link set out up",
		"neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev out",
	]);
	expect(await portsBehind(ns, pod, 5001)).toEqual([5001]);
	const [, table = ""] =
		/```\n(table ip random-ports .*?)```/s.exec(
			readFileSync("docs/dns.md", "utf8"),
		) ?? [];
	await must(ns.inside(["nft", "-f", "-"]), { input: table });
	const [port] = await portsBehind(ns, pod, 5002);
	expect(port).toBeGreaterThan(1023);
	expect(port).not.toBe(5002);
	expect(await snatOf(ns)).toContain("it is random with 1 of others");
});
