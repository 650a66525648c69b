// make demo: what happens to the clients of a hostPort when its pod goes, with
// and without this plugin, on a real node of network namespaces. Ends with a
// failure if the plugin did not bring every client back.

import { now, sleep } from "../support/clock.ts";
import { checkRequirements } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";
import { createPaint, wantsColours } from "./paint.ts";
import { type Played, play, TICKS } from "./play.ts";
import type { Recording } from "./recording.ts";
import { SCENARIOS } from "./scenarios.ts";
import { createScreen } from "./screen.ts";
import {
	CLIENTS,
	createStage,
	EVERY_MS,
	QUESTIONS,
	type Stage,
} from "./stage.ts";
import { note, sentences, table } from "./summary.ts";
import { TICK_MS, timeline } from "./timeline.ts";

const paint = createPaint(wantsColours());
const screen = createScreen(process.stdout);

const INTRO = `conntrack-flush

A node made of a network namespace, with the real bridge, host-local and
portmap. From outside, ${CLIENTS} clients send statsd datagrams to UDP port 8125 of
the node, each from one socket, one every ${EVERY_MS} ms, without pause. The pod
behind that hostPort goes away: where do they arrive?

Another pod has asked a server outside ${QUESTIONS} questions, also on port 8125, and
gets the answers at the end: healthy flows, which are nobody's to touch.

A column is ${TICK_MS} ms: ${paint.receiver("A", "A")} the old pod  ${paint.receiver("B", "B")} the new pod  ${paint.receiver("N", "N")} the node itself  ${paint.lost("·")} lost`;

async function main(): Promise<boolean> {
	checkRequirements();
	screen.line(INTRO);
	const stage = await createStage();
	const all: Played[] = [];
	for (const [n, scenario] of SCENARIOS.entries()) {
		screen.line();
		screen.line(
			paint.bold(`${n + 1}  The pod ${scenario.happens}: ${scenario.title}`),
		);
		all.push(await show(stage, n));
	}
	screen.line();
	for (const line of table(all, paint)) screen.line(line);
	screen.line();
	screen.line(
		paint.dim(
			[
				"The slowest client's time counts from the return of the last verb; lost are",
				"datagrams. portmap's own flush comes with ADD and goes by the port number",
				"alone; where the pod is replaced and conntrack-flush is there, it is off.",
			].join("\n"),
		),
	);
	const ok = all.every((played) => played.ok);
	if (!ok) screen.line(paint.bad("conntrack-flush has not done its job."));
	return ok;
}

/** Plays one scenario and draws it meanwhile. */
async function show(stage: Stage, n: number): Promise<Played> {
	const scenario = SCENARIOS[n];
	if (scenario === undefined) throw new Error(`no scenario ${n}`);
	let recording: Recording | undefined;
	const ticks = (r: Recording): number =>
		Math.min(TICKS, Math.floor((now() - r.start) / TICK_MS));
	const draw = (): void => {
		if (recording === undefined) return;
		const frame = { ticks: ticks(recording), width: TICKS, note: () => "" };
		screen.show(timeline(recording, frame, paint));
	};
	// A tick is drawn when its reports have arrived.
	const timer = setInterval(() => void sleep(TICK_MS / 2).then(draw), TICK_MS);
	try {
		const played = await play(stage, scenario, (r) => {
			recording = r;
		});
		clearInterval(timer);
		const frame = {
			ticks: TICKS,
			width: TICKS,
			note: (client: number) => note(played, client, paint),
		};
		const lines = timeline(played.recording, frame, paint);
		recording = undefined;
		screen.keep(lines);
		for (const line of sentences(played, paint)) screen.line(line);
		return played;
	} finally {
		clearInterval(timer);
	}
}

try {
	process.exitCode = (await main()) ? 0 : 1;
} catch (e) {
	screen.line();
	process.stderr.write(`demo: ${e instanceof Error ? e.message : e}\n`);
	process.exitCode = 1;
} finally {
	undoAll();
}
process.exit();
