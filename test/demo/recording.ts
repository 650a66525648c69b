// The events of one scenario: where each datagram arrived and when, the
// verbs that ran meanwhile, and what follows from both. Draws nothing.

import type { Sent } from "../support/station.ts";

export interface Span {
	readonly name: string;
	readonly from: number;
	/** Undefined while it runs. */
	to: number | undefined;
}

interface Arrival {
	readonly seq: number;
	readonly at: number;
	readonly receiver: string;
}

export interface Outcome {
	/** Ms from the reference to the first arrival at the target, per client that made it. */
	readonly recoveries: ReadonlyMap<number, number>;
	readonly lost: number;
}

export interface Recording {
	readonly clients: readonly number[];
	/** When the timeline begins. */
	readonly start: number;
	readonly spans: Span[];
	arrived(receiver: string, client: number, seq: number, at: number): void;
	/** Runs `work` as a span of the timeline. */
	during<T>(name: string, work: () => Promise<T>): Promise<T>;
	/** Receiver of the last datagram of the client within the interval. */
	reached(client: number, from: number, to: number): string | undefined;
	firstAt(client: number, receiver: string, since: number): number | undefined;
	outcome(target: string, since: number, sent: readonly Sent[]): Outcome;
}

export function record(
	clients: readonly number[],
	now: () => number,
): Recording {
	const arrivals = new Map<number, Arrival[]>(clients.map((id) => [id, []]));
	const spans: Span[] = [];
	const recording: Recording = {
		clients,
		start: now(),
		spans,
		arrived(receiver, client, seq, at) {
			arrivals.get(client)?.push({ seq, at, receiver });
		},
		async during(name, work) {
			const span: Span = { name, from: now(), to: undefined };
			spans.push(span);
			try {
				return await work();
			} finally {
				span.to = now();
			}
		},
		reached(client, from, to) {
			return arrivals.get(client)?.findLast((a) => a.at >= from && a.at < to)
				?.receiver;
		},
		firstAt(client, receiver, since) {
			return arrivals
				.get(client)
				?.find((a) => a.receiver === receiver && a.at >= since)?.at;
		},
		outcome(target, since, sent) {
			const recoveries = new Map<number, number>();
			let lost = 0;
			for (const id of clients) {
				const at = recording.firstAt(id, target, since);
				if (at !== undefined) recoveries.set(id, at - since);
				const came = new Set(arrivals.get(id)?.map((a) => a.seq)).size;
				lost += (sent.find((s) => s.id === id)?.sent ?? 0) - came;
			}
			return { recoveries, lost };
		},
	};
	return recording;
}
