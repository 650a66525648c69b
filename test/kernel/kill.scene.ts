// The scene of the tests that kill and injure the executable: a small table with
// entries that have to go and entries that have to stay, and the calls.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { flushTable } from "../support/conntrack.ts";
import type { Ran } from "../support/exec.ts";
import {
	type Flow,
	flowOf,
	insert,
	nameOfFlow,
	readNames,
	TIMEOUT,
} from "../support/flow.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { mapping } from "../support/unit/flows.ts";
import { call, createWorld, type World } from "./model.world.ts";

/** Entries before ADD: two lead to a pod that is gone, one bypasses the rule. */
export const STALE: readonly Flow[] = [
	flowOf({ sport: 6001, replySrc: "10.88.0.9", replyDport: 6001 }),
	flowOf({ sport: 6002, replySrc: "10.88.0.9", replyDport: 6002, zone: 7 }),
	flowOf({ sport: 6003, replySrc: "203.0.113.1", replySport: 8125 }),
];
/** The pod's own entries: healthy on ADD, dead on DEL. */
export const OWN: readonly Flow[] = [
	flowOf({ sport: 6011 }),
	flowOf({ sport: 6012, zone: 7 }),
];
/** An entry through another hostPort of the pod. */
const SECOND = flowOf({ sport: 6022, dport: 8126 });
/** Entries that no call may touch, unless it means all of the pod's traffic. */
export const OTHERS: readonly Flow[] = [
	flowOf({ sport: 6021, dst: "198.51.100.9", replySrc: "198.51.100.9" }),
	SECOND,
	flowOf({ sport: 6023, proto: "tcp" }),
];

export const PREV_RESULT = {
	cniVersion: "1.1.0",
	ips: [{ address: "10.88.0.2/16" }],
};
export const CONF = {
	runtimeConfig: {
		portMappings: [{ hostPort: 8125, containerPort: 5353, protocol: "udp" }],
	},
	prevResult: PREV_RESULT,
};

/** Longer than the timeout of any entry, so that a retired entry shows by its timer alone. */
const RETIRE_SECONDS = 3600;

/** The calls that are injured, by what they do; each is a verb and its configuration. */
export const CALLS = {
	ADD: { verb: "ADD", conf: { on: "both" } },
	"DEL that retires": { verb: "DEL", conf: { on: "both" } },
	"DEL that deletes": { verb: "DEL", conf: { on: "del" } },
	// the kernel's flush knows no IPv6: all by a scan
	"DEL that scans": {
		verb: "DEL",
		conf: {
			on: "del",
			prevResult: { ips: [...PREV_RESULT.ips, { address: "fd88::2/64" }] },
		},
	},
	"DEL of a pod": {
		verb: "DEL",
		conf: { on: "del", scope: "pod", runtimeConfig: { portMappings: [] } },
	},
	GC: { verb: "GC", conf: { "cni.dev/valid-attachments": [] } },
} as const;
export type CallName = keyof typeof CALLS;
export const LEAVING = (Object.keys(CALLS) as CallName[]).filter(
	(name) => name !== "ADD",
);

/** Returns the entries once the call has done its work: those that are retired, and those that stay. */
export function outcomeOf(name: CallName): Pick<State, "entries"> {
	if (name === "ADD") return { entries: namesOf([...OWN, ...OTHERS]) };
	const own = namesOf(OWN).map((flow) => `${flow} retired`);
	const others =
		name === "DEL of a pod" ? OTHERS.filter((f) => f !== SECOND) : OTHERS;
	return {
		entries: [
			...(name === "DEL that retires" ? own : []),
			...namesOf(others),
		].sort(),
	};
}

/** Returns a world with portmap's rule for the pod, or for another one in its place. */
export async function createScene(podIP?: string): Promise<World> {
	const world = await createWorld();
	const m = mapping("IPv4", "udp");
	await mapHostPorts(world.ns, [{ ...m, podIP: podIP ?? m.podIP }]);
	return world;
}

export function invoke(
	world: World,
	verb: string,
	before: readonly string[] = [],
	conf: Readonly<Record<string, unknown>> = {},
): Promise<Ran> {
	return call(world, verb, {
		containerID: "pod",
		conf: {
			...CONF,
			on: verb === "DEL" ? "del" : "both",
			retireSeconds: RETIRE_SECONDS,
			...conf,
		},
		before,
	});
}

export function enact(
	world: World,
	name: CallName,
	before: readonly string[] = [],
): Promise<Ran> {
	const { verb, conf } = CALLS[name];
	return invoke(world, verb, before, conf);
}

/** Entries and files, as far as they do not differ from run to run. */
export interface State {
	/** Those that are retired are marked. */
	readonly entries: readonly string[];
	readonly files: Readonly<Record<string, unknown>>;
}

export async function stateOf({ ns, dataDir }: World): Promise<State> {
	// who has left is remembered for people only, and a lock has no content
	const names = readdirSync(dataDir).filter((n) => n.endsWith(".json"));
	const files = names.map((name): [string, unknown] => {
		const record = JSON.parse(readFileSync(join(dataDir, name), "utf8"));
		return [name, { ...record, added: 0 }];
	});
	const entries = [...(await readNames(ns))].map(([name, seconds]) =>
		seconds > TIMEOUT ? `${name} retired` : name,
	);
	return { entries: entries.sort(), files: Object.fromEntries(files) };
}

export const namesOf = (flows: readonly Flow[]): string[] =>
	flows.map(nameOfFlow).sort();

/** An empty directory, and the table as it stands before the call. */
export async function reset(world: World, name: CallName): Promise<void> {
	for (const file of readdirSync(world.dataDir))
		rmSync(join(world.dataDir, file), { recursive: true });
	await flushTable(world.ns);
	const isAdd = name === "ADD";
	if (!isAdd)
		await invoke(world, "ADD", [], { ...CALLS[name].conf, on: "both" });
	await insert(world.ns, [...OWN, ...OTHERS, ...(isAdd ? STALE : [])]);
}
