// A person at the node of a topology: our commands that look at the table and at the
// rules, with the records of this topology, and with a cache of libcni that holds what
// the test puts there.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Attachment, Json } from "./chain.ts";
import { conflist } from "./conflist.ts";
import { must, run } from "./exec.ts";
import { OUR_BIN } from "./requirements.ts";
import { HOST_PORT } from "./scene.ts";
import type { Topology } from "./topology.ts";

const ANY_FRONTEND = new RegExp(`\\S+:${HOST_PORT}`);

/** A finding of `doctor`. */
export interface Diagnosis {
	/** The status and what was found, without what differs each time. */
	readonly said: string;
	readonly advice: string;
}

export interface Operator {
	/** Returns what `list` says of the hostPort's entries: `8 other: …`, each way of saying it once. */
	list(): Promise<string[]>;
	/** Returns how many entries `flush --stale` has deleted. */
	flushStale(): Promise<number>;
	/** Returns how many entries `reconcile` has deleted. */
	reconcile(): Promise<number>;
	/** Returns what `doctor` says of the rules. */
	rules(): Promise<Diagnosis[]>;
	/** Caches the attachment as libcni does when the whole chain has returned. */
	cache(attachment: Attachment, result: Json): void;
}

export function operatorOf(topology: Topology): Operator {
	const { dir, node } = topology;
	const [confDir, cacheDir] = [join(dir, "conf"), join(dir, "cache")];
	const results = join(cacheDir, "results");
	for (const made of [confDir, results]) mkdirSync(made, { recursive: true });
	const list = conflist(topology, { arrangement: "single" });
	writeFileSync(join(confDir, "10.conflist"), JSON.stringify(list));
	const command = (...words: string[]): string[] =>
		node.inside([
			join(OUR_BIN, "conntrack-flush"),
			...words,
			"--data-dir",
			join(dir, "state"),
			"--cni-cache-dir",
			cacheDir,
		]);
	return {
		async list() {
			const text = await must(
				command("list", "-o", "json", "--host-port", String(HOST_PORT)),
			);
			const entries = JSON.parse(text) as readonly Record<string, string>[];
			const said = entries.map(({ verdict, why = "" }) =>
				`${verdict}: ${why}`.replace(/ for \d+ s/, " for N s"),
			);
			const count = (line: string) => said.filter((s) => s === line).length;
			return [...new Set(said)].sort().map((line) => `${count(line)} ${line}`);
		},
		flushStale: async () =>
			JSON.parse(await must(command("flush", "--stale", "-o", "json"))).deleted,
		reconcile: async () =>
			Number(/^deleted (\d+)/m.exec(await must(command("reconcile")))?.[1]),
		async rules() {
			// exit code 3 says that a check failed
			const words = ["doctor", "-o", "json", "--cni-conf-dir", confDir];
			const { stdout, stderr } = await run(command(...words));
			if (stdout === "") throw new Error(stderr);
			const all = JSON.parse(stdout) as readonly Record<string, string>[];
			return all
				.filter(({ check }) => check === "DNAT rules")
				.map(({ status, found, advice = "" }) => ({
					said: `${status} ${found}`
						// any address of the node may be the first
						.replace(ANY_FRONTEND, `NODE:${HOST_PORT}`)
						.replace(/handle \d+/, "handle N")
						.replace(/CNI-DN-\w+/, "CNI-DN-X"),
					advice,
				}));
		},
		cache({ containerID, netns, podName, portMappings }, result) {
			const ofPod = {
				kind: "cniCacheV1",
				containerId: containerID,
				config: Buffer.from(JSON.stringify(list)).toString("base64"),
				ifName: "eth0",
				networkName: list.name,
				netns: netns.path,
				cniArgs: [
					["K8S_POD_NAMESPACE", "default"],
					["K8S_POD_NAME", podName],
				],
				capabilityArgs: { portMappings },
				result,
			};
			const file = join(results, `${list.name}-${containerID}-eth0`);
			writeFileSync(file, JSON.stringify(ofPod));
		},
	};
}
