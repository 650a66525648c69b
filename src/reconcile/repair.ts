// Repair by the rules as a loop: it polls the generation of the rules, waits until they
// are settled, and makes a pass. It polls because events are lost under load: a restore
// of 5 000 rules overran the default buffer, and the end of the commit was lost with it.

import type { Context } from "../context.ts";
import type { Report } from "../flush/report.ts";
import { Deadline } from "../netlink/deadline.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_NETFILTER } from "../netlink/nl.ts";
import type { RuleScope } from "../policy/published.ts";
import { askGeneration } from "../rules/ruleset.ts";
import type { CacheSource } from "../state/liveness.ts";
import { repairByRules } from "./byrules.ts";
import { GONE_MS, RepairMemory } from "./memory.ts";
import { leadingToLive } from "./recorded.ts";

/** How often the generation is polled. */
export const POLL_MS = 250;
/** netavark and portmap change the rules in up to nine commits, with gaps of up to 50 ms. */
const SETTLE_MS = 150;
/** A pass without a change learns who claims which frontend, and repairs what the older backend of iptables changed, which counts no generations. */
const IDLE_MS = 10_000;
const ASK_MS = 5000;
/** The passes may take this part of the time, averaged over a minute. */
const DUTY_CYCLE = 0.02;
const MINUTE_MS = 60_000;

/**
 * Returns a function for a loop to call every POLL_MS. It returns the report of a pass,
 * or undefined if none was due. Throws NetlinkError, SysError or DeadlineError if the
 * generation cannot be read.
 */
export function repairer(
	context: Context,
	scope: RuleScope,
	cache: CacheSource,
): () => Promise<Report | undefined> {
	const { host } = context;
	const memory = new RepairMemory();
	let generation: number | undefined;
	let changed: number | undefined = host.ticks() - SETTLE_MS;
	let ended = Number.NEGATIVE_INFINITY;
	/** The time that passes may still take, in ms. It grows as time goes by. */
	let credit = DUTY_CYCLE * MINUTE_MS;
	let counted = host.ticks();
	return async () => {
		const seen = await poll(context);
		const now = host.ticks();
		credit = Math.min(
			DUTY_CYCLE * MINUTE_MS,
			credit + DUTY_CYCLE * (now - counted),
		);
		counted = now;
		if (seen !== generation) changed = now;
		generation = seen;
		const isSettled = changed !== undefined && now - changed >= SETTLE_MS;
		const pause = memory.isWaiting ? GONE_MS : IDLE_MS;
		if (!isSettled && now - ended < pause) return undefined;
		if (credit <= 0) return undefined;
		changed = undefined;
		const report = await repairByRules(context, {
			scope,
			action: "delete",
			memory,
			spares: () => leadingToLive(context, cache),
		});
		ended = host.ticks();
		credit -= ended - now;
		return report;
	};
}

async function poll({ host }: Context): Promise<number | undefined> {
	const requests = new Exchange(
		host,
		NETLINK_NETFILTER,
		new Deadline(host, ASK_MS),
	);
	try {
		return await askGeneration(requests);
	} finally {
		requests.close();
	}
}
