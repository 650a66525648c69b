// A case of the model test: pods that have been added, entries, one event; run
// on the kernel through the executable and compared with the model.

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AF_INET, AF_INET6 } from "../../src/net/ip.ts";
import { PROTOCOLS } from "../../src/net/proto.ts";
import type { Mapping } from "../../src/policy/mapping.ts";
import { flushTable } from "../support/conntrack.ts";
import { must, type Ran } from "../support/exec.ts";
import {
	type Flow,
	insert,
	nameOfFlow,
	type Proto,
	readNames,
	TIMEOUT,
} from "../support/flow.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { random } from "../support/random.ts";
import { randomFlow } from "./model.flows.ts";
import {
	goesOnAdd,
	goesOnDel,
	goesWithPod,
	type Pod,
	type PortMapping,
	rulesInOrder,
} from "./model.rules.ts";
import { call, type World } from "./model.world.ts";

const EVENTS = [
	"ADD",
	"DEL retires",
	"DEL deletes",
	"DEL of a pod",
	"GC",
] as const;
type Event = (typeof EVENTS)[number];

export interface Case {
	readonly event: Event;
	readonly protocols: readonly Proto[];
	/** The pod that comes or goes. */
	readonly pod: Pod;
	/** Pods that are added before it, and after it. */
	readonly before: readonly Pod[];
	readonly later: readonly Pod[];
	readonly flows: readonly Flow[];
}

export interface Tried {
	/** Returns what is not as the model says; empty if all is. */
	readonly wrong: readonly string[];
	readonly wrongFlows: readonly Flow[];
	readonly removed: number;
	readonly how: string;
}

/** Longer than the timeout of any entry, so that a retired entry shows by its timer alone. */
const RETIRE_SECONDS = 3600;

export function randomCase(seed: number, flows: number): Case {
	const r = random(seed);
	const ports = [8125, 1 + r.below(9000)];
	const protocols = r
		.shuffled(["udp", "tcp", "sctp"] as const)
		.slice(0, 1 + r.below(3));
	const mapping = (): PortMapping => {
		const hostIP = r.pick([
			undefined,
			undefined,
			undefined,
			"",
			"0.0.0.0",
			"::",
			"203.0.113.10",
			"fd03::10",
			"127.0.0.1",
		]);
		return {
			hostPort: r.pick(ports),
			containerPort: r.pick([5353, 8125]),
			protocol: r.pick(["udp", "udp", "tcp", "sctp"]),
			...(hostIP !== undefined && { hostIP }),
		};
	};
	const pod = (id: string, host: number): Pod => ({
		id,
		ips: r.pick([
			[`10.88.0.${host}`],
			[`fd88::${host}`],
			[`10.88.0.${host}`, `fd88::${host}`],
		]),
		mappings: Array.from({ length: 2 + r.below(3) }, mapping),
	});
	// half of them ADD, whose predicate has the most to say
	const event = EVENTS[seed % (2 * EVENTS.length)] ?? "ADD";
	const subject = pod("subject", 2);
	// a neighbour may have the same port on an address of its own
	const onOwnIP = subject.mappings.map((m) => ({
		...m,
		hostIP: r.pick(["203.0.113.10", "fd03::10"]),
	}));
	const stranger = pod("neighbour", 3);
	const neighbour = r.chance(0.5)
		? { ...stranger, ips: ["10.88.0.3", "fd88::3"], mappings: onOwnIP }
		: stranger;
	// a successor may have its address, and even its mapping
	const successor = pod("successor", r.pick([2, 4]));
	const heir = r.pick<Pod>([
		successor,
		{ ...successor, mappings: subject.mappings },
		// it takes over single addresses of a port on any address
		{ ...successor, ips: subject.ips, mappings: onOwnIP },
	]);
	const palette = {
		ports: [...ports, ...ports, ...ports, 5353],
		targets: [2, 2, 2, 2, 2, 3, 4, 9].flatMap((host) =>
			[`10.88.0.${host}`, `fd88::${host}`].flatMap((ip) =>
				[5353, 8125].map((port) => ({ ip, port })),
			),
		),
	};
	const unlike = new Map<string, Flow>();
	for (let n = 0; n < flows; n++) {
		const flow = randomFlow(r, n, palette);
		unlike.set(nameOfFlow(flow), flow);
	}
	return {
		event,
		protocols,
		pod: subject,
		before: r.chance(0.7) ? [neighbour] : [],
		later: event !== "ADD" && r.chance(0.5) ? [heir] : [],
		flows: [...unlike.values()],
	};
}

/** Returns the pods whose rules stand when the event comes; those of a pod that goes stand only before portmap's turn. */
function rulingPods({ event, pod, before, later }: Case): Pod[] {
	const isThere = event === "ADD" || event === "DEL retires";
	return [...before, ...(isThere ? [pod] : []), ...later];
}

function goes(c: Case, f: Flow): boolean {
	const { event, protocols, pod, before, later } = c;
	const ruling = rulingPods(c);
	switch (event) {
		case "ADD":
			return goesOnAdd(f, pod, protocols, before);
		case "GC": // all that the runtime still knows is alive
			return goesOnDel(f, pod, protocols, [...before, ...later], ruling);
		case "DEL of a pod":
			return goesWithPod(f, pod, protocols, later);
		default:
			return goesOnDel(f, pod, protocols, later, ruling);
	}
}

/** Puts the pods and the entries there, lets the event happen, compares. */
export async function tryCase(world: World, c: Case): Promise<Tried> {
	await flushTable(world.ns);
	for (const name of readdirSync(world.dataDir))
		rmSync(join(world.dataDir, name), { recursive: true });
	const isThere = c.event === "ADD" ? [] : [c.pod];
	for (const pod of [...c.before, ...isThere, ...c.later])
		demand(await enact(world, c, "ADD", pod));
	await loadRules(world, c);
	await insert(world.ns, c.flows);
	const before = await readNames(world.ns);
	const missing = c.flows.filter((f) => !before.has(nameOfFlow(f)));
	if (missing.length > 0 || before.size !== c.flows.length)
		throw new Error(
			`set up ${before.size} of ${c.flows.length} entries: ${JSON.stringify(missing[0])}`,
		);
	const [verb = ""] = c.event.split(" ");
	const ran = await enact(world, c, verb, c.pod);
	demand(ran);
	const after = await readNames(world.ns);
	const wrongFlows: Flow[] = [];
	const wrong: string[] = [];
	let removed = 0;
	for (const f of c.flows) {
		const name = nameOfFlow(f);
		const left = after.get(name);
		after.delete(name);
		const want = goes(c, f)
			? c.event === "DEL retires"
				? "retired"
				: "gone"
			: "kept";
		const got =
			left === undefined ? "gone" : left > TIMEOUT ? "retired" : "kept";
		if (got !== "kept") removed++;
		if (got === want) continue;
		wrongFlows.push(f);
		wrong.push(
			`${got}, not ${want}: ${name} ${f.seen}${f.byNat ? " nat" : ""}`,
		);
	}
	for (const name of after.keys()) wrong.push(`appeared: ${name}`);
	const how = /how=(\S+)/.exec(ran.stderr)?.[1] ?? "none";
	return { wrong, wrongFlows, removed, how };
}

/** Makes the rules that stand when the event comes. */
async function loadRules(world: World, c: Case): Promise<void> {
	await must(world.ns.inside(["nft", "flush", "ruleset"]));
	const rules = rulesInOrder(rulingPods(c), c.protocols);
	const mappings = rules.map(
		(m): Mapping => ({
			...m,
			family: m.family === 4 ? AF_INET : AF_INET6,
			proto: PROTOCOLS[m.proto],
			hostIP: m.hostIP ?? null,
		}),
	);
	await mapHostPorts(world.ns, mappings, "nftables");
}

function enact(world: World, c: Case, verb: string, pod: Pod): Promise<Ran> {
	const isWhole = c.event === "DEL of a pod";
	// the rules are gone before all of a pod goes
	const on =
		verb === "DEL" && (isWhole || c.event === "DEL deletes") ? "del" : "both";
	return call(world, verb, {
		containerID: pod.id,
		conf: {
			on,
			...(isWhole && { scope: "pod" }),
			protocols: c.protocols,
			retireSeconds: RETIRE_SECONDS,
			"cni.dev/valid-attachments": [...c.before, ...c.later].map((p) => ({
				containerID: p.id,
				ifname: "eth0",
			})),
			runtimeConfig: { portMappings: isWhole ? [] : pod.mappings },
			prevResult: {
				cniVersion: "1.1.0",
				interfaces: [{ name: "eth0", sandbox: "/run/netns/pod" }],
				ips: pod.ips.map((ip) => ({
					interface: 0,
					address: `${ip}/${ip.includes(":") ? 64 : 16}`,
				})),
			},
		},
	});
}

function demand({ code, stdout, stderr }: Ran): void {
	if (code !== 0 || /level=(warn|error)/.test(stderr))
		throw new Error(`exit ${code}: ${stdout}${stderr}`);
}

/** The smallest case found that is still wrong. */
export async function shrink(
	world: World,
	c: Case,
	first: Tried,
): Promise<[Case, Tried]> {
	let [small, tried] = [c, first];
	const attempt = async (smaller: Case): Promise<boolean> => {
		const result = await tryCase(world, smaller);
		if (result.wrong.length === 0) return false;
		[small, tried] = [smaller, result];
		return true;
	};
	await attempt({ ...small, flows: first.wrongFlows.slice(0, 1) });
	for (let size = small.flows.length >> 1; size > 0; size >>= 1)
		for (let at = 0; at < small.flows.length; )
			if (
				!(await attempt({ ...small, flows: small.flows.toSpliced(at, size) }))
			)
				at += size;
	await attempt({ ...small, before: [] });
	await attempt({ ...small, later: [] });
	for (const m of small.pod.mappings)
		await attempt({
			...small,
			pod: {
				...small.pod,
				mappings: small.pod.mappings.filter((x) => x !== m),
			},
		});
	return [small, tried];
}
