// Plays one scenario: the chain runs, the clients send, everything is recorded.

import {
	type Attachment,
	type Chain,
	createChain,
	type Step,
} from "../support/chain.ts";
import { now, sleep } from "../support/clock.ts";
import { conflist, withoutOwnFlush } from "../support/conflist.ts";
import { flushTable } from "../support/conntrack.ts";
import { CNI_BIN, OUR_BIN } from "../support/requirements.ts";
import { attachment, CONTAINER_PORT, HOST_PORT } from "../support/scene.ts";
import { type Outcome, type Recording, record } from "./recording.ts";
import type { Scenario } from "./scenarios.ts";
import { type Healthy, QUESTIONS, type Stage } from "./stage.ts";
import { TICK_MS } from "./timeline.ts";

/** Length of a timeline. */
export const TICKS = 46;
const BEFORE_MS = 1000;
/** The pause between DEL and ADD, as long as a container may take to start. */
const GAP_MS = 400;
/** How long the clients are watched after the last verb. */
const AFTER_MS = 2000;

export interface Played {
	readonly scenario: Scenario;
	readonly recording: Recording;
	readonly target: "pod-b" | "node";
	/** When the last verb returned: recoveries count from here. */
	readonly since: number;
	readonly outcome: Outcome;
	readonly healthy: Healthy;
	/** Our plugin's log lines. */
	readonly log: readonly string[];
	/** All that was asked of us. */
	readonly ok: boolean;
}

/** `bin` is the directory of our executable. */
export async function play(
	stage: Stage,
	scenario: Scenario,
	onStart: (recording: Recording) => void = () => {},
	bin = OUR_BIN,
): Promise<Played> {
	await flushTable(stage.topology.node);
	const { arrangement } = scenario;
	const chain = createChain(
		stage.topology.node,
		conflist(stage.topology, { arrangement }),
		{
			binDirs: [bin, CNI_BIN],
			...(!scenario.portmapFlushes && { edit: withoutOwnFlush }),
		},
	);
	const pods = stage.turns.map((sandbox) =>
		attachment(sandbox, [
			{ hostPort: HOST_PORT, containerPort: CONTAINER_PORT, protocol: "udp" },
		]),
	) as unknown as readonly [Attachment, Attachment];
	await chain.add(pods[0]);
	const becameOfQuestions = await stage.ask();

	const recording = record(
		stage.clients.map(({ id }) => id),
		now,
	);
	stage.watcher = recording.arrived;
	await stage.world.send(stage.clients);
	onStart(recording);
	await sleep(BEFORE_MS);
	const steps = await verbs(stage, scenario, chain, pods, recording);
	const since = steps.at(-1)?.endedAt ?? now();
	const end = Math.max(recording.start + TICKS * TICK_MS, since + AFTER_MS);
	await sleep(end - now());

	const sent = await stage.world.stop();
	await sleep(50);
	const healthy = await becameOfQuestions();
	const target = scenario.happens === "is replaced" ? "pod-b" : "node";
	const outcome = recording.outcome(target, since, sent);
	if (target === "node") await stage.node.close("node");
	else await chain.del(pods[1]);

	const { boundMs } = scenario;
	return {
		scenario,
		recording,
		target,
		since,
		outcome,
		healthy,
		log: steps
			.filter((step) => step.type === "conntrack-flush")
			.flatMap((step) => step.stderr.split("\n").filter(Boolean)),
		ok:
			boundMs === undefined ||
			(stage.clients.every(
				({ id }) => (outcome.recoveries.get(id) ?? boundMs + 1) <= boundMs,
			) &&
				healthy.kept === QUESTIONS &&
				healthy.answered === QUESTIONS),
	};
}

async function verbs(
	stage: Stage,
	scenario: Scenario,
	chain: Chain,
	[before, after]: readonly [Attachment, Attachment],
	recording: Recording,
): Promise<readonly Step[]> {
	const deleted = await recording.during("DEL", () => chain.del(before));
	if (scenario.happens === "moves to hostNetwork") {
		await stage.node.listen({
			name: "node",
			host: "::",
			port: HOST_PORT,
			answers: "never",
		});
		return deleted;
	}
	await sleep(GAP_MS);
	const added = await recording.during("ADD", () => chain.add(after));
	return [...deleted, ...added];
}
