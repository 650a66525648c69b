// Runs duties again and again until a signal comes. They take turns in one process;
// none runs while another one does.

import type { Host, MaybePromise } from "../host.ts";

export interface Duty {
	/** The time from the end of one run to the start of the next. */
	readonly everyMs: number;
	run(): MaybePromise<void>;
}

/** Runs each duty at once and then again and again. Returns after SIGTERM or SIGINT. */
export async function repeat(
	host: Host,
	duties: readonly Duty[],
): Promise<void> {
	const due = duties.map(() => host.ticks());
	while (host.signal() === undefined) {
		for (const [i, duty] of duties.entries()) {
			if ((due[i] ?? 0) > host.ticks()) continue;
			await duty.run();
			due[i] = host.ticks() + duty.everyMs;
			if (host.signal() !== undefined) return;
		}
		await host.sleep(Math.max(0, Math.min(...due) - host.ticks()));
	}
}
