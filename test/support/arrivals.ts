// Keeps where each client's datagrams arrive, and waits for all of a group to
// reach a receiver. A client has recovered when a datagram of it arrives after
// the moment we count from.

import { now, sleep } from "./clock.ts";
import type { OnArrival } from "./station.ts";

export interface Recovery {
	/** Client → ms from `since` to its first arrival. */
	readonly after: ReadonlyMap<number, number>;
	/** Clients that did not arrive within the bound, with where they were last seen. */
	readonly late: readonly { readonly id: number; readonly lastSeen: string }[];
}

export interface Ledger {
	readonly onArrival: OnArrival;
	/** Resolves once all of `ids` have reached `receiver`, or the bound has passed. */
	recovery(
		receiver: string,
		ids: readonly number[],
		since: number,
		withinMs: number,
	): Promise<Recovery>;
}

/**
 * A datagram that arrived in time may still be on its way from the station to us:
 * so often do we listen to the stations when the time is over.
 */
const REPORT_TURNS = 60;

export function createLedger(): Ledger {
	const lastSeen = new Map<number, { name: string; at: number }>();
	const watches = new Set<OnArrival>();
	return {
		onArrival(name, id, seq, at) {
			lastSeen.set(id, { name, at });
			for (const watch of watches) watch(name, id, seq, at);
		},
		async recovery(receiver, ids, since, withinMs) {
			const wanted = new Set(ids);
			const after = new Map<number, number>();
			const watch: OnArrival = (name, id, _seq, at) => {
				if (name !== receiver || at < since || !wanted.has(id)) return;
				if (!after.has(id)) after.set(id, at - since);
			};
			watches.add(watch);
			// not by the clock alone: if we are stopped for a while, so is our hearing
			for (let turns = 0; after.size < wanted.size && turns < REPORT_TURNS; ) {
				await sleep(5);
				if (now() > since + withinMs) turns++;
			}
			watches.delete(watch);
			const late = ids
				.filter((id) => (after.get(id) ?? Number.POSITIVE_INFINITY) > withinMs)
				.map((id) => {
					const last = lastSeen.get(id);
					return {
						id,
						lastSeen:
							last === undefined
								? "never seen"
								: `last seen at ${last.name}, ${Math.round(last.at - since)} ms`,
					};
				});
			return { after, late };
		},
	};
}
