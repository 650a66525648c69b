// The scene of the tests in which many verbs come at once: pods with a hostPort each,
// entries that have to go and entries that have to stay, and a turn that the test holds,
// so that who waits is no accident.

import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { nodeHost } from "../../plugin/host/node.ts";
import { AF_INET } from "../../src/net/ip.ts";
import { IPPROTO_UDP } from "../../src/net/proto.ts";
import { queueDir, secondTurnPath, turnPath } from "../../src/state/turn.ts";
import { now, sleep } from "../support/clock.ts";
import { flushTable } from "../support/conntrack.ts";
import { ended, type Ran, start } from "../support/exec.ts";
import {
	type Flow,
	flowOf,
	insert,
	nameOfFlow,
	readNames,
	TIMEOUT,
} from "../support/flow.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { OTHERS } from "./kill.scene.ts";
import {
	call,
	callConf,
	callEnv,
	createWorld,
	EXECUTABLE,
	type World,
} from "./model.world.ts";

/** Longer than the timeout of any entry, so that a retired entry shows by its timer alone. */
const RETIRE_SECONDS = 3600;
export const PODS = 12;

/** What a pod's verb is: its name, and the plugin item that gets it. */
export type Kind = "ADD" | "DEL" | "DEL that retires" | "CHECK";

export const portOf = (pod: number): number => 9000 + pod;
export const ipOf = (pod: number): string => `10.88.1.${1 + pod}`;

/** Two entries that lead to a pod that is gone, and one that bypasses the rule. */
export const staleOf = (pod: number): readonly Flow[] => [
	...[1, 2].map((n) =>
		// of an address of its own, because the reply of two entries cannot be the same
		flowOf({
			sport: 6000 + n,
			dport: portOf(pod),
			replySrc: `10.88.9.${1 + pod}`,
		}),
	),
	flowOf({
		sport: 6003,
		dport: portOf(pod),
		replySrc: "203.0.113.1",
		replySport: portOf(pod),
	}),
];

/** The pod's own: healthy as long as it lives. */
export const ownOf = (pod: number): readonly Flow[] =>
	[1, 2].map((n) =>
		flowOf({ sport: 6010 + n, dport: portOf(pod), replySrc: ipOf(pod) }),
	);

/** A node with portmap's rules of every pod. */
export async function createNode(): Promise<World> {
	const world = await createWorld();
	await mapHostPorts(
		world.ns,
		Array.from({ length: PODS }, (_, pod) => ({
			family: AF_INET,
			proto: IPPROTO_UDP,
			podIP: ipOf(pod),
			hostPort: portOf(pod),
			hostIP: null,
			containerPort: 5353,
		})),
		"nftables",
	);
	return world;
}

function confOf(
	kind: Kind,
	pod: number,
	hostPort = portOf(pod),
): Readonly<Record<string, unknown>> {
	return {
		on: kind === "DEL" ? "del" : "both",
		retireSeconds: RETIRE_SECONDS,
		// the code tells what CHECK has found
		strictCheck: true,
		runtimeConfig: {
			portMappings: [{ hostPort, containerPort: 5353, protocol: "udp" }],
		},
		prevResult: {
			cniVersion: "1.1.0",
			ips: [{ address: `${ipOf(pod)}/16` }],
		},
	};
}

const verbOf = (kind: Kind): string =>
	kind === "DEL that retires" ? "DEL" : kind;

/** Runs a verb to its end. */
export function enactFor(world: World, kind: Kind, pod: number): Promise<Ran> {
	return call(world, verbOf(kind), {
		containerID: `pod-${pod}`,
		conf: confOf(kind, pod),
	});
}

/** A verb under way. */
export interface Running {
	readonly child: ChildProcess;
	readonly ran: Promise<Ran>;
}

/** Starts a verb. `before` is argv before the executable, such as a tracer. Without `hostPort` it is the pod's own. */
export function begin(
	{ ns, dataDir }: World,
	kind: Kind,
	pod: number,
	before: readonly string[] = [],
	hostPort?: number,
): Running {
	const child = start(ns.inside([...before, EXECUTABLE]), {
		env: callEnv(verbOf(kind), `pod-${pod}`),
		stdio: "pipe",
	});
	// one that is killed early does not read it
	child.stdin?.on("error", () => {});
	child.stdin?.end(callConf(dataDir, confOf(kind, pod, hostPort)));
	return { child, ran: ended(child) };
}

/** Empties the table and the directory, records the pods that there are, and makes entries. */
export async function resetNode(
	world: World,
	alive: readonly number[],
	flows: readonly Flow[],
): Promise<void> {
	for (const file of readdirSync(world.dataDir))
		rmSync(join(world.dataDir, file), { recursive: true });
	await flushTable(world.ns);
	for (const pod of alive) await enactFor(world, "ADD", pod);
	await insert(world.ns, [...flows, ...OTHERS]);
}

/** Takes a lock as a verb does, and returns its release. */
export function hold(path: string): () => void {
	return nodeHost([]).flock(path, 0, true);
}

/** Holds both turns of the node: verbs wait until their time is up. */
export function holdTurn({ dataDir }: World): () => void {
	const turn = hold(turnPath(dataDir));
	const second = hold(secondTurnPath(dataDir));
	return () => {
		second();
		turn();
	};
}

/** Returns the requests in the queue that are whole. */
export function asksIn({ dataDir }: World): string[] {
	const dir = queueDir(dataDir);
	if (!existsSync(dir)) return [];
	return readdirSync(dir).filter(
		(name) =>
			name.endsWith(".ask") && readFileSync(join(dir, name), "utf8") !== "",
	);
}

/** Resolves when so many verbs wait. Throws if they do not, with what the running ones have said. */
export async function untilWaiting(
	world: World,
	n: number,
	running: readonly Running[] = [],
): Promise<void> {
	for (const end = now() + 10_000; asksIn(world).length < n; await sleep(5)) {
		if (now() < end) continue;
		const said = await Promise.all(
			running.map(async ({ child, ran }) => {
				child.kill("SIGKILL");
				const { code, signal, stderr } = await ran;
				return `${signal ?? code}: ${stderr}`;
			}),
		);
		throw new Error(
			`${asksIn(world).length} of ${n} verbs wait; ${said.join("; ")}`,
		);
	}
}

/** Returns the entries by name; those that are retired are marked. */
export async function entriesOf({ ns }: World): Promise<string[]> {
	return [...(await readNames(ns))]
		.map(([name, seconds]) => (seconds > TIMEOUT ? `${name} retired` : name))
		.sort();
}

/** The names of flows, of those that stay in every case too. */
export function expected(
	stay: readonly Flow[],
	retired: readonly Flow[] = [],
): string[] {
	return [
		...[...stay, ...OTHERS].map(nameOfFlow),
		...retired.map((f) => `${nameOfFlow(f)} retired`),
	].sort();
}

/** Returns the fields of the line about the flush: `msg=flushed how=scan deleted=3 …`. Without traffic, a kernel flush has deleted what the table shrank by. */
export function lineOf({ stderr }: Ran): Record<string, string> {
	const line =
		stderr.split("\n").find((l) => /msg=("cannot flush"|flushed)/.test(l)) ??
		"";
	return Object.fromEntries(
		[...line.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([, key = "", v = ""]) => [
			key === "shrank" ? "deleted" : key,
			v,
		]),
	);
}
