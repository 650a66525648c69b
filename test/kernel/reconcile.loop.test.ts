// Reconciliation of hostPorts, and a loop that follows its document.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { ended, run, start } from "../support/exec.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { mapping } from "../support/unit/flows.ts";
import { attached, cachedFile } from "../support/unit/world.ts";
import type { Made } from "./creation.ts";
import {
	document,
	EXECUTABLE,
	present,
	reconcile,
	spelt,
	startNode,
} from "./reconcile.node.ts";
import { FRONTENDS, SERVING, SERVING6 } from "./reconcile.table.ts";

/** A network namespace that exists, or the pods would be dead. */
const NETNS = "/proc/1/ns/net";

function temporary(): string {
	const dir = mkdtempSync(join(tmpdir(), "reconcile-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	return dir;
}

test("hostPorts that nobody flushed for are repaired, beside the Services of a document", async () => {
	const agent = await startNode();
	const dataDir = temporary();
	const added = await run(agent.ns.inside(EXECUTABLE), {
		input: JSON.stringify({
			cniVersion: "1.0.0",
			name: "podnet",
			type: "conntrack-flush",
			dataDir,
			prevResult: { cniVersion: "1.0.0", ips: [{ address: "10.88.0.2/16" }] },
			runtimeConfig: {
				portMappings: [
					{ hostPort: 8125, containerPort: 5353, protocol: "udp" },
				],
			},
		}),
		env: {
			PATH: process.env.PATH ?? "",
			CNI_COMMAND: "ADD",
			CNI_CONTAINERID: "pod",
			CNI_IFNAME: "eth0",
			CNI_NETNS: NETNS,
			CNI_PATH: "/opt/cni/bin",
		},
	});
	expect(added.code).toBe(0);
	const flow = (n: number, to?: string): Made => ({
		proto: "udp",
		orig: `192.0.2.7:${n} > 203.0.113.1:8125`,
		...(to && { reply: `${to} > 192.0.2.7:${n}` }),
	});
	const service: Made = {
		proto: "udp",
		orig: "192.0.2.7:9 > 1.2.3.4:8000",
		reply: "10.240.2.6:9090 > 192.0.2.7:9",
	};
	// only libcni knows of a pod that was there before the plugin
	const cacheDir = temporary();
	mkdirSync(join(cacheDir, "results"));
	const olderMapping = {
		...mapping("IPv4", "udp"),
		hostPort: 8126,
		podIP: "10.88.0.3",
	};
	const older = { ...attached("older", olderMapping), netns: NETNS };
	await mapHostPorts(agent.ns, [mapping("IPv4", "udp"), olderMapping]);
	for (const [path, text] of Object.entries(cachedFile(older, { dir: "" })))
		writeFileSync(join(cacheDir, "results", path), text);
	const cached: Made = { proto: "udp", orig: "192.0.2.7:4 > 203.0.113.1:8126" };
	await agent.create(
		flow(1, "10.88.0.9:5353"),
		flow(2),
		flow(3, "10.88.0.2:5353"),
		service,
		cached,
	);
	const both = [
		...["--attachments", "--data-dir", dataDir],
		...["--cni-cache-dir", cacheDir],
	];
	const { code, stdout } = await reconcile(agent, FRONTENDS, both);
	expect([code, stdout]).toEqual([
		0,
		"deleted 4 (2 no-dnat, 1 no-endpoint, 1 other-pod), gone before 0, kept 1, looked at 5\n",
	]);
	expect(await present(agent)).toEqual(spelt([flow(3, "10.88.0.2:5353")]));
});

test("the loop follows its document, passes over a broken one, and ends with 0 at SIGTERM", async () => {
	const agent = await startNode();
	const file = join(temporary(), "frontends.json");
	const frontend = { name: "ns/dns", ips: ["1.2.3.4"], port: 53 };
	const other = { ips: ["1.2.3.4"], port: 54, endpoints: [] };
	const served = { ...frontend, endpoints: [SERVING, SERVING6] };
	const entry: Made = {
		proto: "udp",
		orig: "192.0.2.7:1 > 1.2.3.4:53",
		reply: "10.240.0.4:9090 > 192.0.2.7:1",
	};
	const first: Made = { proto: "udp", orig: "192.0.2.7:1 > 1.2.3.4:54" };
	await agent.create(entry, first);
	writeFileSync(file, document([served, other]));
	const argv = ["reconcile", "--frontends", file, "--interval", "1s"];
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
		for (let i = 0; i < 100 && !(await holds()); i++) await wait(100);
	};
	const lines = (word: string) =>
		log.split("\n").filter((l) => l.includes(word)).length;

	await until(async () => (await agent.count()) === 1);
	expect(await present(agent)).toEqual(spelt([entry]));
	writeFileSync(file, "{");
	await until(() => lines("pass skipped") > 0);
	expect(await agent.count()).toBe(1);
	// it has vanished since the last document that could be read
	writeFileSync(file, document([other]));
	await until(async () => (await agent.count()) === 0);
	expect(await agent.count()).toBe(0);
	child.kill("SIGTERM");
	expect((await exit).code).toBe(0);
});
