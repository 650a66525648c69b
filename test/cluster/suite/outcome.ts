// What came of an event, in figures and in words.

export interface Outcome {
	/** Senders that had to find a new pod, and how many did. */
	readonly senders: number;
	readonly recovered: number;
	/** Milliseconds beyond the control's, of each that did. */
	readonly beyond: readonly number[];
	/** Healthy flows, those of senders whose pod stayed included, and how many were never touched. */
	readonly healthy: number;
	readonly kept: number;
	/** All that went wrong. */
	readonly wrong: readonly string[];
}

export const NOTHING: Outcome = {
	...{ senders: 0, recovered: 0, beyond: [] },
	...{ healthy: 0, kept: 0, wrong: [] },
};

export function add(a: Outcome, b: Outcome): Outcome {
	return {
		senders: a.senders + b.senders,
		recovered: a.recovered + b.recovered,
		beyond: [...a.beyond, ...b.beyond],
		healthy: a.healthy + b.healthy,
		kept: a.kept + b.kept,
		wrong: [...a.wrong, ...b.wrong],
	};
}
