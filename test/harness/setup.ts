// A scene for the chain tests with its neighbour attached and the healthy flows under
// way, and the bounds that the tests assert.

import { afterAll, beforeAll } from "vitest";
import type { Recovery } from "../support/arrivals.ts";
import {
	type Chain,
	type ChainOptions,
	createChain,
	type PortMapping,
} from "../support/chain.ts";
import {
	type ConflistOptions,
	conflist,
	withoutOwnFlush,
} from "../support/conflist.ts";
import {
	type HealthyFlows,
	NEIGHBOUR_MAPPINGS,
	startHealthyFlows,
} from "../support/healthy.ts";
import {
	CNI_BIN,
	checkRequirements,
	OUR_BIN,
} from "../support/requirements.ts";
import { tool, version } from "../support/runtimes/tools.ts";
import {
	attachment,
	CONTAINER_PORT,
	createScene,
	describeClient,
	HOST_PORT,
	type Scene,
} from "../support/scene.ts";
import type { Topology } from "../support/topology.ts";
import { undoAll } from "../support/undo.ts";

/** All clients reach the new pod this soon after ADD has returned. */
export const WITHIN_MS = 1000;

/** Replacements in a row. */
export const REPEAT = Number(process.env.HARNESS_REPEAT ?? 8);

/** Times in a row for what takes seconds by its nature. */
export const REPEAT_SLOW = Math.max(1, Math.round(REPEAT / 4));

/** The port mappings of the pod under test. */
export function mappings(
	protocols: readonly string[] = ["udp"],
): readonly PortMapping[] {
	return protocols.map((protocol) => ({
		hostPort: HOST_PORT,
		containerPort: CONTAINER_PORT,
		protocol,
	}));
}

export interface Stage extends Scene {
	readonly healthy: HealthyFlows;
}

/**
 * Returns what `make` makes, for the tests of one file: filled in before the first of
 * them runs, and cleaned up after the last.
 */
export function forTests<S extends object>(make: () => Promise<S>): S {
	const made = {} as S;
	beforeAll(async () => {
		Object.assign(made, await make());
	}, 60_000);
	afterAll(undoAll, 60_000);
	return made;
}

/** A stage with its clients under way. */
export async function createBusyStage(): Promise<Stage> {
	const stage = await createStage();
	await stage.startClients();
	return stage;
}

export async function createStage(): Promise<Stage> {
	checkRequirements();
	const scene = await createScene();
	const chain = chainFor(scene.topology, {
		arrangement: "single",
		protocols: ["udp", "tcp"],
	});
	const neighbour = attachment(scene.neighbour, NEIGHBOUR_MAPPINGS);
	await chain.add(neighbour);
	const healthy = await startHealthyFlows(scene, chain, neighbour);
	return { ...scene, healthy };
}

export interface ChainFor extends ConflistOptions {
	/** The key of that name, and the protocols of the pod's mappings. */
	readonly protocols?: readonly string[];
	readonly spelling?: ChainOptions["spelling"];
	readonly between?: ChainOptions["between"];
	readonly wrap?: ChainOptions["wrap"];
	/** Leave portmap's own flush on. */
	readonly ownFlush?: boolean;
}

export function chainFor(topology: Topology, options: ChainFor): Chain {
	const { spelling, between, wrap, ownFlush, protocols, ...list } = options;
	const keys = { ...(protocols && { protocols }), ...list.keys };
	return createChain(topology.node, conflist(topology, { ...list, keys }), {
		binDirs: [
			OUR_BIN,
			list.backend === "nftables"
				? tool(`plugins-${version("PLUGINS")}`)
				: CNI_BIN,
		],
		...(spelling && { spelling }),
		...(between && { between }),
		...(wrap && { wrap }),
		...(ownFlush !== true && { edit: withoutOwnFlush }),
	});
}

/** The result of one round of a test. */
export type Round = Recovery;

/** The clients among `ids` that were late: a line per round, with examples. */
export function lateOf(
	rounds: readonly Round[],
	ids: readonly number[],
): string[] {
	return rounds.flatMap((round, n) => {
		const late = round.late.filter(({ id }) => ids.includes(id));
		if (late.length === 0) return [];
		const examples = late
			.slice(0, 3)
			.map((c) => `${describeClient(c.id)} ${c.lastSeen}`);
		return `round ${n + 1}: ${late.length} of ${ids.length} late, e.g. ${examples.join("; ")}`;
	});
}

/** One line for the reader of the log: how fast it went. */
export function report(title: string, rounds: readonly Round[]): void {
	const all = rounds
		.flatMap(({ after }) => [...after.values()])
		.sort((a, b) => a - b);
	const at = (share: number) =>
		(all[Math.floor(share * (all.length - 1))] ?? Number.NaN).toFixed(0);
	console.info(
		`${title}: ${rounds.length} times, ${all.length} recoveries, median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms`,
	);
}
