// Divides the time of a run among its cases, so that it ends in time on a slow
// or busy machine, too: what one case overruns the later ones get less.

export interface Limits {
	/** Time for one contender, ms; a contender that is slower still runs a few times. */
	readonly share: number;
	/** A single run that would take longer is left out, ms. */
	readonly longest: number;
	/** The extra runs (stall, netlink traffic) are left out above this. */
	readonly longestExtra: number;
}

/** A scan of a large table cannot be made shorter: it gets more of the time. */
function weight(size: number): number {
	return 1 + size / 100_000;
}

export class Pace {
	#left: number;
	#end: number;

	constructor(seconds: number, sizes: readonly number[]) {
		this.#end = performance.now() + 1000 * seconds;
		this.#left = sizes.reduce((sum, size) => sum + weight(size), 0);
	}

	/** Time for what runs whatever it takes, not taken from the others. */
	excuse(ms: number): void {
		this.#end += ms;
	}

	/** Returns the share of the next case; it is called once for each of the sizes. */
	next(size: number, contenders: number): Limits {
		const remaining = Math.max(0, this.#end - performance.now());
		const mine =
			(remaining * weight(size)) / Math.max(weight(size), this.#left);
		this.#left -= weight(size);
		return {
			share: Math.max(100, mine / (2 * contenders)),
			longest: Math.max(2000, Math.min(8000, 3 * mine)),
			longestExtra: Math.max(300, Math.min(3500, mine / 8)),
		};
	}
}
