// The metrics spool: many executables append their counts while an agent collects them.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeHost } from "../../plugin/host/node.ts";
import { collect } from "../../src/metrics/collect.ts";
import { noTotals } from "../../src/metrics/totals.ts";
import { must } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";

const EXECUTABLE = "build/out/conntrack-flush";
const PROCESSES = 20;
const EACH = 60;

let ns: Namespace;
let dir: string;
beforeAll(async () => {
	await must(["make", "--silent", EXECUTABLE]);
	ns = await createNamespace("spool");
	dir = mkdtempSync(`${tmpdir()}/spool-`);
});
afterAll(() => {
	ns?.remove();
	if (dir) rmSync(dir, { recursive: true });
});

function conf(dataDir: string): string {
	return JSON.stringify({
		cniVersion: "1.0.0",
		name: "net",
		type: "conntrack-flush",
		dataDir,
		logFile: `${dir}/log`,
		runtimeConfig: {
			portMappings: [{ hostPort: 53, containerPort: 53, protocol: "udp" }],
		},
		prevResult: {
			cniVersion: "1.0.0",
			interfaces: [{ name: "eth0", sandbox: "/run/netns/x" }],
			ips: [{ address: "10.0.0.2/24", interface: 0 }],
		},
	});
}

/** `times` DELs, one after another. */
async function delMany(dataDir: string, times: number): Promise<void> {
	const line = `for i in $(seq ${times}); do printf %s "$CONF" | "$0" || exit 1; done`;
	await must(ns.inside(["sh", "-c", line, EXECUTABLE]), {
		env: {
			PATH: process.env.PATH ?? "",
			CONF: conf(dataDir),
			CNI_COMMAND: "DEL",
			CNI_CONTAINERID: "c",
			CNI_NETNS: "",
			CNI_IFNAME: "eth0",
			CNI_PATH: "/opt/cni/bin",
		},
	});
}

test(`of ${PROCESSES} processes' flushes each is counted once, whenever the agent reads`, async () => {
	const dataDir = `${dir}/state`;
	const host = nodeHost([]);
	const totals = noTotals();
	collect(host, dataDir, totals); // from now on verbs append
	let busy = true;
	let collections = 0;
	const agent = (async () => {
		for (; busy; collections++) {
			// longer than a verb is kept from writing a line that it has begun
			await pause(150);
			collect(host, dataDir, totals);
		}
	})();
	await Promise.all(
		Array.from({ length: PROCESSES }, () => delMany(dataDir, EACH)),
	);
	busy = false;
	await agent;
	collect(host, dataDir, totals);
	collect(host, dataDir, totals);
	expect(collections).toBeGreaterThan(2);
	const counted = [...totals.flushes].filter(([, n]) => n > 0);
	expect(counted).toEqual([["DEL\nnothing", PROCESSES * EACH]]);
	expect(totals.durations.get("DEL")?.count).toBe(PROCESSES * EACH);
});

test("without an agent nothing is written", async () => {
	const dataDir = `${dir}/alone`;
	await delMany(dataDir, 1);
	expect(readdirSync(dir)).not.toContain("alone");
});
