// A burst: many verbs at once, one for each of as many pods, as when a node is drained or
// containerd restarts; and as many calls of the peers at once.

import {
	existsSync,
	mkdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sleep } from "../support/clock.ts";
import { must, run } from "../support/exec.ts";
import { HOST4 } from "../support/node.ts";
import { PORTMAP } from "./contenders.ts";
import type { Sample } from "./launch.ts";
import type { Node } from "./node.ts";
import { environment, type Request, stdin } from "./request.ts";
import type { Tools } from "./tools.ts";

export const KINDS = [
	"ADD",
	"DEL, single",
	"DEL, split",
	`${PORTMAP} ADD`,
	"conntrack -D",
] as const;
export type Kind = (typeof KINDS)[number];

/** Stale entries of each pod. */
const STALE = 20;
const FIRST_PORT = 20_000;
const CONTAINER_PORT = 10_000;
/** Seconds: a retired entry has less, and every other one more. */
const RETIRED = 60;

const podIP = (i: number): string => `10.88.${1 + (i >> 7)}.${1 + (i & 127)}`;
const deadIP = (i: number): string => `10.89.${1 + (i >> 7)}.${1 + (i & 127)}`;

/** What one burst has cost and left. Times are in ms. */
export interface Burst {
	readonly kind: Kind;
	readonly calls: number;
	readonly size: number;
	/** Of all calls together. */
	readonly cpu: number;
	/** From the first exec to the last exit. */
	readonly slowest: number;
	/** kB, the largest. */
	readonly rss: number;
	/** Calls that say that they could not do all, or that ended with an error. */
	readonly gaveUp: number;
	/** Stale entries that are left of `calls` times 20. */
	readonly left: number;
	/** Entries of others that are gone. */
	readonly lost: number;
}

function requestOf(kind: Kind): Request {
	const base = { ports: 1, dns: false, dual: false } as const;
	if (kind === "DEL, single") return { ...base, command: "DEL", on: "both" };
	if (kind === "DEL, split") return { ...base, command: "DEL", on: "del" };
	return { ...base, command: "ADD", on: "both" };
}

/** The document of a pod, which has a hostPort and an address of its own. */
function documentOf(request: Request, i: number, dir: string): string {
	const document = JSON.parse(stdin(request, join(dir, "data")));
	document.logFile = join(dir, "log");
	document.runtimeConfig.portMappings[0].hostPort = FIRST_PORT + i;
	document.prevResult.ips[0].address = `${podIP(i)}/16`;
	return JSON.stringify(document);
}

/** portmap's rules for the pods, in its nft backend. */
function rulesOf(calls: number): string {
	const hooks = ["prerouting", "output"].map(
		(hook) =>
			`chain ${hook} { type nat hook ${hook} priority -100; fib daddr type local jump hostports; }`,
	);
	const dnat = Array.from(
		{ length: calls },
		(_, i) =>
			`udp dport ${FIRST_PORT + i} dnat to ${podIP(i)}:${CONTAINER_PORT}`,
	);
	const table = "table ip cni_hostport";
	return [
		table,
		`delete ${table}`,
		`${table} {`,
		...["chain hostports {", ...dnat, "}", ...hooks, "}", ""],
	].join("\n");
}

/** Makes one burst on the node's table, which has `size` entries beside those that have to go. */
export async function burst(
	kind: Kind,
	calls: number,
	size: number,
	tools: Tools,
	node: Node,
): Promise<Burst> {
	const dir = join(node.dir, "burst");
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(join(dir, "data"), { recursive: true });
	const request = requestOf(kind);
	const isOurs = !kind.includes("portmap") && !kind.includes("conntrack");
	const pods = Array.from({ length: calls }, (_, i) => i);
	const env = (i: number, command: string): Record<string, string> => ({
		...environment(request, node.pod),
		CNI_COMMAND: command,
		CNI_CONTAINERID: i.toString(16).padStart(64, "0"),
	});
	const inside = (argv: readonly string[]): string[] => [
		...["ip", "netns", "exec", node.name],
		...argv,
	];
	const file = (i: number): string => join(dir, `${i}.json`);
	for (const i of pods) writeFileSync(file(i), documentOf(request, i, dir));
	await must(inside(["nft", "-f", "-"]), { input: rulesOf(calls) });
	if (request.command === "DEL")
		for (const i of pods)
			await must(inside([tools.plugin]), {
				env: env(i, "ADD"),
				input: documentOf({ ...request, on: "both" }, i, dir),
			});
	for (const i of pods) {
		const to = request.command === "DEL" ? podIP(i) : deadIP(i);
		const pair = `${FIRST_PORT + i}:${CONTAINER_PORT}`;
		await must([tools.fill, node.name, "hits", String(STALE), HOST4, to, pair]);
	}
	rmSync(join(dir, "log"), { force: true });
	const argvOf = (i: number): readonly string[] => {
		if (isOurs) return [tools.plugin];
		if (kind !== "conntrack -D") return [tools.portmapNew ?? ""];
		const port = String(FIRST_PORT + i);
		const words = ["-D", "-p", "udp", "--orig-port-dst", port];
		return [tools.conntrack ?? "", ...words];
	};
	const spec = pods.flatMap((i) => [
		`contender\t${i}`,
		...Object.entries(env(i, request.command)).map(
			([k, v]) => `env\t${k}=${v}`,
		),
		`stdin\t${file(i)}`,
		["exec", ...argvOf(i)].join("\t"),
	]);
	const out = await must([tools.run, "-n", node.name, "-b"], {
		input: `${spec.join("\n")}\n`,
		timeoutMs: 0,
	});
	const samples = out
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line) as Sample);
	// a retired entry is there for two seconds more
	if (kind === "DEL, single") await sleep(2500);
	const left = await remaining(node);
	if (kind.includes("portmap"))
		for (const i of pods)
			await run(inside(argvOf(i)), {
				env: env(i, "DEL"),
				input: documentOf(request, i, dir),
			});
	return {
		kind,
		calls,
		size,
		cpu: samples.reduce((sum, s) => sum + s.user + s.sys, 0),
		slowest: Math.max(...samples.map((s) => s.wall)),
		rss: Math.max(...samples.map((s) => s.rss)),
		gaveUp:
			samples.filter((s) => s.exit !== 0).length +
			count(join(dir, "log"), /msg="cannot flush"/g),
		left: left.stale,
		lost: size - left.others,
	};
}

function count(file: string, what: RegExp): number {
	return existsSync(file)
		? [...readFileSync(file, "utf8").matchAll(what)].length
		: 0;
}

/** Counts the entries of the burst's ports that are not retired, and the entries of others. The kernel lists no expired ones. */
async function remaining(
	node: Node,
): Promise<{ stale: number; others: number }> {
	const script = `conntrack -L 2>/dev/null | awk '
		match($0, /dport=[0-9]+/) {
			port = substr($0, RSTART + 6, RLENGTH - 6) + 0
			if (port < ${FIRST_PORT}) others++
			else if ($3 > ${RETIRED}) stale++
		}
		END { print stale + 0, others + 0 }'`;
	const text = await must(
		["ip", "netns", "exec", node.name, "sh", "-c", script],
		{ timeoutMs: 0 },
	);
	const [stale = 0, others = 0] = text.trim().split(" ").map(Number);
	return { stale, others };
}
