// The init container of deploy/flush-init-container.yaml: its command runs with its
// capabilities and no others, and starts in the pod's network namespace.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { readTable } from "../support/conntrack.ts";
import { must, run } from "../support/exec.ts";
import { createNamespace, ip, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { onEnd, undoAll } from "../support/undo.ts";

const MANIFEST = readFileSync("deploy/flush-init-container.yaml", "utf8");
const HOST_IP = "203.0.113.1";
afterAll(undoAll);

/** Returns the manifest's command for a node whose first process is `pid`. nsenter is busybox's, as in the manifest. */
function commandOf(pid: number): string[] {
	const [, list = ""] = /\n +command:\n((?: +- .*\n)+)/.exec(MANIFEST) ?? [];
	const words = [...list.matchAll(/^ +- (.*)$/gm)].map(([, word = ""]) =>
		word
			.replace("/host/proc/1/", `/proc/${pid}/`)
			.replace("/host/bin/", `${OUR_BIN}/`),
	);
	return ["busybox", ...words];
}

function capabilities(): string[] {
	const [, list = ""] = /add: \[(.*)\]/.exec(MANIFEST) ?? [];
	return list.split(", ").map((name) => `+${name.toLowerCase()}`);
}

/** Starts a process in the namespace, which stands for the node's first, and returns its id. */
async function firstProcess(ns: Namespace): Promise<number> {
	const [file = "", ...args] = ns.inside(["cat"]);
	const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
	onEnd(() => child.kill("SIGKILL"));
	// a process that answers has entered the namespace
	await new Promise<void>((resolve, reject) => {
		child.once("error", reject);
		child.stdout.once("data", () => resolve());
		child.stdin.write("\n");
	});
	return child.pid ?? 0;
}

async function createFlow(node: Namespace, flow: string): Promise<void> {
	const words = `conntrack -I -p udp --timeout 100 --dport 8125 ${flow}`;
	await must(node.inside(words.split(" ")));
}

test("removes what came to the hostPort on the node, and nothing else", async () => {
	const node = await createNamespace("node");
	const pod = await createNamespace("pod");
	await ip(node, [`address add ${HOST_IP}/32 dev lo`]);
	const stale = `-s 192.0.2.7 -d ${HOST_IP} --sport 1 --dst-nat 10.88.0.3:5353`;
	const passing = `-s ${HOST_IP} -d 198.51.100.9 --sport 2`;
	await createFlow(node, stale);
	await createFlow(node, passing);
	await createFlow(pod, stale);

	const only = `-all,${capabilities().join(",")}`;
	const ran = await run(
		pod.inside([
			"setpriv",
			`--bounding-set=${only}`,
			`--inh-caps=${only}`,
			...commandOf(await firstProcess(node)),
		]),
		{
			env: {
				PATH: process.env.PATH ?? "",
				TARGET_IP: HOST_IP,
				TARGET_PORT: "8125",
			},
		},
	);
	expect(ran).toMatchObject({
		code: 0,
		stdout: "deleted 1, already gone 0, kept 1\n",
		stderr: "",
	});
	const left = async (ns: Namespace) =>
		(await readTable(ns)).map(({ orig }) => orig.sport);
	expect(await left(node)).toEqual([2]);
	expect(await left(pod)).toEqual([1]);
});
