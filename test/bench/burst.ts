// A burst: many verbs at once, one for each of as many pods, as when a node is drained
// or containerd restarts; beside it as many calls of the peers.

import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../support/exec.ts";
import { HOST4 } from "../support/node.ts";
import type { Sample } from "./launch.ts";
import type { Node } from "./node.ts";
import { environment, type Request, stdin } from "./request.ts";
import type { Tools } from "./tools.ts";

export const KINDS = [
	"ADD",
	"DEL",
	"DEL split",
	"portmap ADD",
	"conntrack -D",
] as const;
export type Kind = (typeof KINDS)[number];

/** Stale entries of each pod. */
const STALE = 20;

const podIP = (i: number): string => `10.88.${1 + (i >> 7)}.${1 + (i & 127)}`;
const deadIP = (i: number): string => `10.89.${1 + (i >> 7)}.${1 + (i & 127)}`;

function requestOf(kind: Kind): Request {
	const base = { ports: 1, dns: false, dual: false };
	if (kind === "DEL") return { ...base, command: "DEL", on: "both" };
	if (kind === "DEL split") return { ...base, command: "DEL", on: "del" };
	return { ...base, command: "ADD", on: "both" };
}

function document(request: Request, i: number, dir: string): string {
	const doc = JSON.parse(stdin(request, dir));
	doc.runtimeConfig.portMappings[0].hostPort = 20_000 + i;
	doc.prevResult.ips[0].address = `${podIP(i)}/16`;
	return JSON.stringify(doc);
}

export interface Burst {
	readonly kind: Kind;
	readonly calls: number;
	readonly size: number;
	readonly samples: readonly Sample[];
	readonly left: number;
}

export async function burst(
	kind: Kind,
	calls: number,
	size: number,
	tools: Tools,
	node: Node,
): Promise<Burst> {
	const dir = join(node.dir, "burst");
	const data = join(dir, "data");
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(dir, { recursive: true });
	const request = requestOf(kind);
	const env = (
		i: number,
		command = request.command,
	): Record<string, string> => ({
		...environment({ ...request, command }, node.pod),
		CNI_CONTAINERID: i.toString(16).padStart(64, "0"),
	});
	const file = (i: number): string => join(dir, `${i}.json`);
	for (let i = 0; i < calls; i++)
		writeFileSync(file(i), document(request, i, data));
	if (request.command === "DEL")
		for (let i = 0; i < calls; i++)
			await must(["ip", "netns", "exec", node.name, tools.plugin], {
				env: env(i, "ADD"),
				input: document({ ...request, command: "ADD", on: "both" }, i, data),
			});
	const rules = [
		"table ip cni_hostport",
		"delete table ip cni_hostport",
		"table ip cni_hostport {",
		"chain hostports {",
		...Array.from(
			{ length: calls },
			(_, i) => `udp dport ${20_000 + i} dnat to ${podIP(i)}:10000`,
		),
		"}",
		...["prerouting", "output"].map(
			(hook) =>
				`chain ${hook} { type nat hook ${hook} priority -100; fib daddr type local jump hostports; }`,
		),
		"}",
	].join("\n");
	await must(["ip", "netns", "exec", node.name, "nft", "-f", "-"], {
		input: `${rules}\n`,
	});
	for (let i = 0; i < calls; i++)
		await must([
			tools.fill,
			node.name,
			"hits",
			String(STALE),
			HOST4,
			request.command === "DEL" ? podIP(i) : deadIP(i),
			`${20_000 + i}:${10_000}`,
		]);
	const before = await node.count();
	const argvOf = (i: number): readonly string[] => {
		if (kind === "portmap ADD") return [tools.portmapNew ?? ""];
		if (kind === "conntrack -D")
			return [
				tools.conntrack ?? "",
				"-D",
				"-p",
				"udp",
				"--orig-port-dst",
				String(20_000 + i),
			];
		return [tools.plugin];
	};
	const spec = Array.from({ length: calls }, (_, i) =>
		[
			`contender\t${i}`,
			...Object.entries(env(i)).map(([k, v]) => `env\t${k}=${v}`),
			`stdin\t${file(i)}`,
			`exec\t${argvOf(i).join("\t")}`,
		].join("\n"),
	).join("\n");
	const out = await must([tools.run, "-n", node.name, "-b"], {
		input: `${spec}\n`,
		timeoutMs: 0,
	});
	const samples = out
		.split("\n")
		.filter((l) => l !== "")
		.map((l) => JSON.parse(l) as Sample);
	await new Promise((r) => setTimeout(r, kind === "DEL" ? 3000 : 0));
	const left = (await node.count()) - size;
	void before;
	void cpSync;
	return { kind, calls, size, samples, left };
}
