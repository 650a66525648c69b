// Senders and pods for the races: senders that never pause, some on each of two CPUs, and
// the pods that they send to.

import { readFileSync } from "node:fs";
import {
	type ChainFor,
	createStage,
	mappings,
	type Stage,
} from "../harness/setup.ts";
import type { Attachment, Step } from "../support/chain.ts";
import { sleep } from "../support/clock.ts";
import type { Namespace } from "../support/netns.ts";
import { HOST4, HOST6 } from "../support/node.ts";
import { attachment, HOST_PORT, type Sandbox } from "../support/scene.ts";
import { openStation } from "../support/station.ts";

/** Replacements of a pod in each combination. */
export const REPLACEMENTS = Number(process.env.RACES_REPLACEMENTS ?? 10);

/** The rarer things that happen to pods, in each combination. */
export const REPEATED = Math.ceil(REPLACEMENTS / 2);

/**
 * A sender that sends all the while and does not arrive for so long is lost: the
 * entries of the tests last 900 s. A machine that starves us is no loss.
 */
export const LOST_MS = 5000;

/** How our plugin stands to portmap, and how portmap writes its rules. */
export const COMBINATIONS: readonly (ChainFor & { readonly name: string })[] = [
	{ name: "single, iptables", arrangement: "single", backend: "iptables" },
	{ name: "split, iptables", arrangement: "split", backend: "iptables" },
	{ name: "single, nftables", arrangement: "single", backend: "nftables" },
	{ name: "split, nftables", arrangement: "split", backend: "nftables" },
];

/** A station's timer is no finer. */
const EVERY_MS = 5;
const PER_KIND = 8;
/** Source port of sender 0. */
const FIRST_PORT = 21_000;
/** The id of sender 0, unlike those of the scene's own clients. */
const FIRST_ID = 10_000;

export interface Racing extends Stage {
	/** Ids of all that send. */
	readonly senders: readonly number[];
}

/** A stage whose senders are under way: from outside and from the node itself, on both CPUs. */
export async function startRacing(): Promise<Racing> {
	const stage = await createStage();
	const senders: number[] = [];
	const send = async (
		from: Namespace,
		cpu: number,
		hosts: readonly string[],
	): Promise<void> => {
		const station = await openStation(from, undefined, cpu);
		await station.send(
			hosts.flatMap((host) =>
				Array.from({ length: PER_KIND }, (_, n) => {
					const at = senders.push(FIRST_ID + senders.length) - 1;
					return {
						id: FIRST_ID + at,
						from: { port: FIRST_PORT + at },
						to: { host, port: HOST_PORT },
						everyMs: EVERY_MS,
						// replied entries and unreplied ones are both there
						asks: n % 2 === 0,
					};
				}),
			),
		);
	};
	for (const cpu of twoCpus()) {
		await send(stage.topology.world, cpu, [HOST4, HOST6]);
		await send(stage.topology.node, cpu, [HOST4, "127.0.0.1"]);
	}
	return { ...stage, senders };
}

/** A new pod in the sandbox that publishes the port of the test. */
export function podIn(sandbox: Sandbox): Attachment {
	return attachment(sandbox, mappings());
}

/** The sandboxes in turn. */
export function turnOf({ turns }: Stage, n: number): Sandbox {
	return turns[n % 2 === 0 ? 0 : 1];
}

/** Returns how many entries our plugin says it removed in these steps. */
export function removedIn(steps: readonly Step[]): number {
	let sum = 0;
	for (const { type, stderr } of steps)
		if (type === "conntrack-flush")
			for (const [, n] of stderr.matchAll(/\b(?:deleted|retired)=(\d+)/g))
				sum += Number(n);
	return sum;
}

/** How much later than the first of two the second begins; portmap takes 100 to 150 ms. */
const OFFSETS_MS = [0, 150, 60, -150, 30, 120, -60, 90, 200, -300];

/** Runs both at once, a little apart: differently for each `n`. */
export async function atOnce<A, B>(
	n: number,
	first: () => Promise<A>,
	second: () => Promise<B>,
): Promise<[A, B]> {
	const ms = OFFSETS_MS[n % OFFSETS_MS.length] ?? 0;
	return Promise.all([
		sleep(Math.max(0, -ms)).then(first),
		sleep(Math.max(0, ms)).then(second),
	]);
}

/** Returns the time at which the last of these steps had returned. */
export function endOf(...steps: readonly (readonly Step[])[]): number {
	return Math.max(...steps.flat().map(({ endedAt }) => endedAt));
}

/** Returns hooks for a chain whose DEL can fail when all plugins have done their work: the runtime will repeat it. */
export function interruptible(): {
	readonly between: NonNullable<ChainFor["between"]>;
	interrupted(del: () => Promise<unknown>): Promise<void>;
} {
	const failure = new Error("the runtime was killed");
	let isArmed = false;
	return {
		between({ verb, type }) {
			if (isArmed && verb === "DEL" && type === "bridge") throw failure;
		},
		async interrupted(del) {
			isArmed = true;
			try {
				await del();
			} catch (e) {
				if (e !== failure) throw e;
			} finally {
				isArmed = false;
			}
		},
	};
}

/** Returns two of the CPUs that we may use. Throws if there is one only: no race, no test. */
function twoCpus(): readonly [number, number] {
	const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(
		readFileSync("/proc/self/status", "utf8"),
	);
	const cpus = (list?.[1] ?? "").split(",").flatMap((range) => {
		const [from = 0, to = from] = range.split("-").map(Number);
		return Array.from({ length: to - from + 1 }, (_, n) => from + n);
	});
	const [first, second] = cpus;
	if (first === undefined || second === undefined)
		throw new Error("races need two CPUs");
	return [first, second];
}
