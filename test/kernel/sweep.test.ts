// The sweep against real SYN retries: clients with fixed source ports, a service
// that appears while they try.

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { now, sleep } from "../support/clock.ts";
import { readTable } from "../support/conntrack.ts";
import { must, start } from "../support/exec.ts";
import {
	cable,
	createNamespace,
	ip,
	type Namespace,
} from "../support/netns.ts";
import { equip, GATEWAY, HOST4, HOST6 } from "../support/node.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { createTopology } from "../support/topology.ts";

const EXECUTABLE = join(OUR_BIN, "conntrack-flush");
const VIP = { 4: "10.96.0.10", 6: "fd96::10" } as const;
const OTHER_VIP = "10.96.0.11";
const POD = { 4: "10.88.0.2", 6: "fd88::2" } as const;
/** The addresses of a pod that left: nobody is there. */
const DEAD = { 4: "10.88.0.9", 6: "fd88::9" } as const;

/** Tries to connect from one port: once, with the kernel's retries, or anew every second. */
const CLIENT = `
import os, socket, sys, threading, time
def dial(port, family, host, dport, timeout):
    s = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", port))
    s.settimeout(timeout)
    try:
        s.connect((host, dport))
        return s
    except OSError:
        s.close()
def client(port, family, host, dport, way):
    end = time.monotonic() + 60
    s = None
    while not s and time.monotonic() < end:
        s = dial(port, family, host, dport, 60 if way == "patient" else 1)
    if s:
        s.send(b"hello\\n")
        os.write(1, b"%d\\n" % port)
        kept.append(s)
kept = []
for word in sys.argv[1:]:
    port, family, host, dport, way = word.split(",")
    threading.Thread(target=client, args=(int(port), family, host, int(dport), way), daemon=True).start()
for line in sys.stdin:
    kept[0].send(line.encode())
`;

const SERVER = `
import os, socket, threading
def serve(c):
    while True:
        data = c.recv(99)
        if not data: return
        os.write(1, data.strip() + b"\\n")
s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
`;

interface Running {
	/** Lines so far, each with the time of its arrival. */
	readonly lines: { readonly text: string; readonly at: number }[];
	say(line: string): void;
	/** Ends it, and gives its exit code. */
	stop(): Promise<number | null>;
}

function startIn(ns: Namespace, argv: readonly string[], env = {}): Running {
	const child = start(ns.inside(argv), {
		stdio: ["pipe", "pipe", "inherit"],
		env: { ...process.env, ...env },
	});
	onTestFinished(() => void child.kill("SIGKILL"));
	const lines: Running["lines"] = [];
	let rest = "";
	child.stdout?.on("data", (data: Buffer) => {
		const parts = (rest + data).split("\n");
		rest = parts.pop() ?? "";
		lines.push(...parts.map((text) => ({ text, at: now() })));
	});
	return {
		lines,
		say: (line) => child.stdin?.write(`${line}\n`),
		async stop() {
			const ended = once(child, "close");
			child.kill("SIGTERM");
			const [code] = await ended;
			return code;
		},
	};
}

async function until(
	what: string,
	isSo: () => boolean,
	ms: number,
): Promise<void> {
	const end = now() + ms;
	while (!isSo()) {
		if (now() > end) throw new Error(`not within ${ms} ms: ${what}`);
		await sleep(50);
	}
}

async function nat(node: Namespace, rule: string): Promise<void> {
	const tables =
		rule.includes("[") || rule.includes("fd") ? "ip6tables" : "iptables";
	await must(node.inside(`${tables} -w -t nat ${rule}`.split(" ")));
}

/** Id, state and where it leads, by source port. */
async function entries(node: Namespace): Promise<Map<number, string>> {
	const table = await readTable(node);
	return new Map(
		table
			.filter((e) => e.proto === "tcp")
			.map((e) => [
				e.orig.sport,
				`${e.id} ${/SYN_SENT|ESTABLISHED/.exec(e.text)?.[0]} ${e.reply.src}`,
			]),
	);
}

test("clients connect within one retry of the sweep; all else stays", async () => {
	const { node, world } = await createTopology();
	const pod = await createNamespace("pod");
	onTestFinished(() => {
		for (const ns of [node, world, pod]) ns.remove();
	});
	await cable([node, "veth0"], [pod, "eth0"]);
	await equip(node, { addresses: { veth0: GATEWAY } });
	await ip(node, [
		// a pod that is gone: no answer, and no error either
		`neigh add ${DEAD[4]} lladdr 02:00:00:00:00:09 dev veth0 nud permanent`,
		`neigh add ${DEAD[6]} lladdr 02:00:00:00:00:09 dev veth0 nud permanent`,
	]);
	await equip(pod, {
		addresses: { eth0: [`${POD[4]}/16`, `${POD[6]}/64`] },
		gateways: ["10.88.0.1", "fd88::1"],
	});
	const server = startIn(pod, ["python3", "-uc", SERVER]);
	// hostPort 8080 leads to a pod that is gone, 8081 to the one that is there
	await nat(
		node,
		`-A PREROUTING -d ${HOST4} -p tcp --dport 8080 -j DNAT --to-destination ${DEAD[4]}:80`,
	);
	await nat(
		node,
		`-A PREROUTING -d ${HOST6} -p tcp --dport 8080 -j DNAT --to-destination [${DEAD[6]}]:80`,
	);
	await nat(
		node,
		`-A PREROUTING -d ${HOST4} -p tcp --dport 8081 -j DNAT --to-destination ${POD[4]}:80`,
	);

	const established = startIn(world, [
		"python3",
		"-uc",
		CLIENT,
		`40008,4,${HOST4},8081,patient`,
	]);
	await until("a connection", () => server.lines.length > 0, 20_000);
	const clients = startIn(world, [
		"python3",
		"-uc",
		CLIENT,
		`40000,4,${VIP[4]},80,patient`,
		`40001,6,${VIP[6]},80,patient`,
		`40002,4,${VIP[4]},80,again`,
		`40003,4,${HOST4},8080,patient`,
		`40004,6,${HOST6},8080,patient`,
		`40005,4,${OTHER_VIP},80,patient`,
		`40006,4,${VIP[4]},81,patient`,
	]);
	const stuck = [40000, 40001, 40002, 40003, 40004];
	const others = [40005, 40006, 40008];
	await sleep(1000);
	const before = await entries(node);
	expect([...before.keys()].sort()).toEqual([...stuck, ...others].sort());

	// the service appears
	for (const [vip, port] of [
		[OTHER_VIP, 80],
		[VIP[4], 81],
		[VIP[4], 80],
	] as const)
		await nat(
			node,
			`-A PREROUTING -d ${vip} -p tcp --dport ${port} -j DNAT --to-destination ${POD[4]}:80`,
		);
	await nat(
		node,
		`-A PREROUTING -d ${VIP[6]} -p tcp --dport 80 -j DNAT --to-destination [${POD[6]}]:80`,
	);
	await nat(
		node,
		`-I PREROUTING -d ${HOST4} -p tcp --dport 8080 -j DNAT --to-destination ${POD[4]}:80`,
	);
	await nat(
		node,
		`-I PREROUTING -d ${HOST6} -p tcp --dport 8080 -j DNAT --to-destination [${POD[6]}]:80`,
	);
	// the control: retries alone change nothing
	await sleep(2500);
	expect(clients.lines).toEqual([]);
	expect(await entries(node)).toEqual(before);

	const dataDir = mkdtempSync(join(tmpdir(), "sweep-"));
	onTestFinished(() => rmSync(dataDir, { recursive: true }));
	const mapping = (family: number, podIP: string) => ({
		family,
		proto: 6,
		hostPort: 8080,
		hostIP: null,
		podIP,
		containerPort: 80,
	});
	const id = { network: "podnet", containerID: "4f2e", ifname: "eth0" };
	writeFileSync(
		join(dataDir, "podnet:4f2e:eth0.json"),
		JSON.stringify({
			version: 1,
			...id,
			added: 0,
			pods: [],
			mappings: [mapping(2, POD[4]), mapping(10, POD[6])],
		}),
	);
	const env = {
		CONNECTION_RENEWAL_THRESHOLD: "2",
		CONNTRACK_TABLE_DUMP_FREQUENCY: "300ms",
	};
	const sweeps = [
		startIn(
			node,
			[
				EXECUTABLE,
				"sweep",
				"--destination",
				`${VIP[4]}/32:80`,
				"--destination",
				`[fd96::/64]:80`,
			],
			env,
		),
		startIn(node, [EXECUTABLE, "sweep", "--data-dir", dataDir], env),
		startIn(node, [EXECUTABLE, "sweep", "--dry-run", "--all"], env),
	];
	const connected = () =>
		new Map(clients.lines.map((l) => [Number(l.text), l.at]));
	await until("all connect", () => connected().size === stuck.length, 40_000);
	expect([...connected().keys()].sort()).toEqual(stuck);

	// each was removed once, and its next SYN got through
	const [services, hostPorts, dry] = sweeps.map((s) => s.lines);
	const removals = [...(services ?? []), ...(hostPorts ?? [])];
	expect(removals.length).toBe(stuck.length);
	for (const port of stuck) {
		const lines = removals.filter((l) => l.text.includes(`:${port} > `));
		expect(lines.length, String(port)).toBe(1);
		expect(lines[0]?.text).toMatch(
			/^removed tcp \S+ > \S+, (no DNAT|sent to \S+), (renewed 2 times in|unanswered for) \d+\.\d s$/,
		);
		const tookMs = (connected().get(port) ?? Infinity) - (lines[0]?.at ?? 0);
		// the kernel's next retry comes after 4 s at this point, or 8 on a slow machine
		expect(tookMs, String(port)).toBeLessThan(12_000);
	}
	const text = (port: number) =>
		removals.find((l) => l.text.includes(`:${port} > `))?.text;
	expect(text(40001)).toContain(`> [${VIP[6]}]:80, no DNAT`);
	expect(text(40003)).toContain(`> ${HOST4}:8080, sent to ${DEAD[4]}:80`);
	// entries that were not in scope, or saw a reply, are as they were
	const after = await entries(node);
	for (const port of others)
		expect(after.get(port), String(port)).toBe(before.get(port));
	for (const port of stuck) expect(after.get(port)).toContain("ESTABLISHED");
	established.say("still there");
	await until(
		"an answer",
		() => server.lines.some((l) => l.text === "still there"),
		10_000,
	);
	// the dry run saw them too, and never the one with replies
	expect(
		dry?.some((l) =>
			l.text.startsWith(`would remove tcp 203.0.113.2:40006 > ${VIP[4]}:81`),
		),
	).toBe(true);
	expect(dry?.some((l) => l.text.includes(":40008"))).toBe(false);

	expect(await Promise.all(sweeps.map((s) => s.stop()))).toEqual([0, 0, 0]);
});
