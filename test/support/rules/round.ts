// One round: flows under some rules, other rules, the evaluator's verdicts, and the
// kernel's own new decisions for the same packets.

import { AF_INET, AF_INET6, formatIP } from "../../../src/net/ip.ts";
import type { Outcome } from "../../../src/rules/model.ts";
import { random } from "../random.ts";
import { type Found, type Judge, leads } from "./judge.ts";
import {
	type Backends,
	laterScene,
	randomScene,
	randomShots,
	rulesOf,
} from "./scene.ts";
import type { Led, Shot, World } from "./world.ts";
import { type Rules, rulesText, V4, V6 } from "./written.ts";

/** Why a stale entry was not found. */
export type Miss =
	/** With the interface known it would have been. */
	| "the interface is not known"
	/** The old target is within a range of addresses or ports. */
	| "the target is a range"
	/** Several outcomes are possible, and the old one is among them. */
	| "the rules allow both";

export interface Tally {
	/** Entries that are rightly called healthy. */
	healthy: number;
	/** Entries that are rightly called stale. */
	stale: number;
	/** Entries with a rule that was not understood. */
	unknown: number;
	/** Stale ones among them, which nobody finds. */
	staleUnknown: number;
	/** Stale ones that were not found though the rules were understood. */
	readonly missed: Partial<Record<Miss, number>>;
	/** Reports of what must not be. */
	readonly wrong: string[];
}

const FLOWS = 400;

/** A node after its rules have changed. They are still loaded. */
export interface Round {
	readonly seed: number;
	/** The programs. */
	readonly engines: readonly string[];
	readonly rules: Rules;
	readonly shots: readonly Shot[];
	/** The targets of the flows under the rules before, by source port. */
	readonly was: ReadonlyMap<number, Led>;
	/** The targets that the kernel chooses for the same packets now. */
	readonly is: ReadonlyMap<number, Led>;
}

/** Makes the flows of this seed under some rules, loads others, and makes them again. */
export async function playRound(
	world: World,
	seed: number,
	backends: Backends,
): Promise<Round> {
	const r = random(seed);
	const before = randomScene(r, backends);
	const after = laterScene(r, before, backends);
	const shots = randomShots(r, FLOWS);
	await world.load(rulesOf(r, before, backends));
	const was = await world.decide(shots);
	const rules = rulesOf(r, after, backends);
	await world.load(rules);
	const is = await world.decide(shots);
	const engines = after.map((part) => part.engine);
	return { seed, engines, rules, shots, was, is };
}

/** Compares the evaluator's verdicts on the flows of a round with the kernel's decisions. */
export async function judgeRound(round: Round, judge: Judge): Promise<Tally> {
	const { seed, rules, shots, was, is } = round;
	const all = await judge.outcomes(shots);
	const tally: Tally = {
		healthy: 0,
		stale: 0,
		unknown: 0,
		staleUnknown: 0,
		missed: {},
		wrong: [],
	};
	for (const [i, shot] of shots.entries()) {
		const found = all[i] ?? [[], []];
		const [old, fresh] = [was.get(shot.sport), is.get(shot.sport)];
		for (const wrong of compare(tally, shot, found, old, fresh))
			tally.wrong.push(
				[
					`seed ${seed}: ${wrong}`,
					`packet ${JSON.stringify(shot)}`,
					`the entry led to ${ledText(old)}, the kernel now sends it to ${ledText(fresh)}`,
					`outcomes without the interface: ${found[0].map(outcomeText).join(", ")}`,
					`outcomes with it: ${found[1].map(outcomeText).join(", ")}`,
					rulesText(rules, shot.dst.includes(":") ? V6 : V4),
				].join("\n"),
			);
	}
	return tally;
}

/** Counts a flow, and returns what is wrong with its outcomes. */
function compare(
	tally: Tally,
	shot: Shot,
	[blind, seeing]: Found,
	was: Led | undefined,
	is: Led | undefined,
): string[] {
	const wrong: string[] = [];
	const allows = (outcomes: readonly Outcome[]): boolean =>
		is
			? leads(outcomes, shot, is)
			: outcomes.some((o) => o.is === "dropped" || o.is === "unknown");
	if (!allows(blind)) wrong.push("the outcomes lack the kernel's decision");
	if (!allows(seeing))
		wrong.push("with the interface known, they lack the kernel's decision");
	if (!was) return wrong;
	const isUnknown = blind.some((o) => o.is === "unknown");
	const isHealthy = was.address === is?.address && was.port === is.port;
	if (isUnknown) tally.unknown++;
	// in doubt an entry stays
	if (leads(blind, shot, was)) {
		if (isHealthy) tally.healthy++;
		else if (isUnknown) tally.staleUnknown++;
		else {
			const miss = missOf(shot, blind, seeing, was);
			tally.missed[miss] = (tally.missed[miss] ?? 0) + 1;
		}
	} else if (isHealthy) wrong.push("healthy called stale");
	else tally.stale++;
	return wrong;
}

function missOf(
	shot: Shot,
	blind: readonly Outcome[],
	seeing: readonly Outcome[],
	was: Led,
): Miss {
	if (!leads(seeing, shot, was)) return "the interface is not known";
	const isRange = blind
		.filter((o) => leads([o], shot, was))
		.every(
			(o) =>
				o.is === "target" &&
				(String(o.target.addresses?.min) !== String(o.target.addresses?.max) ||
					o.target.ports?.min !== o.target.ports?.max ||
					o.target.addresses === undefined),
		);
	return isRange ? "the target is a range" : "the rules allow both";
}

function ledText(led: Led | undefined): string {
	return led ? `${led.address} ${led.port}` : "nowhere (dropped)";
}

function outcomeText(o: Outcome): string {
	const by = "by" in o ? ` (${o.by.table} ${o.by.chain})` : "";
	if (o.is !== "target") return `${o.is}${by}`;
	const { addresses, ports } = o.target;
	const address = (bytes: Uint8Array): string =>
		formatIP(bytes, 0, bytes.length === 4 ? AF_INET : AF_INET6);
	const range = (min: unknown, max: unknown): string =>
		min === max ? String(min) : `${min}-${max}`;
	const where = addresses
		? range(address(addresses.min), address(addresses.max))
		: "no address";
	return `${where} port ${ports ? range(ports.min, ports.max) : "kept"}${by}`;
}
