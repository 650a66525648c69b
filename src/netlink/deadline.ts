// The moment at which a piece of work gives up.

import type { Host } from "../host.ts";

/** Thrown when the time is up and the work is not finished. */
export class DeadlineError extends Error {
	override readonly name = "DeadlineError";
}

/** The moment after which an operation gives up. */
export class Deadline {
	readonly #host: Host;
	readonly #begun: number;
	readonly #end: number;

	/** The moment `ms` after `begun`, which is now if it is not given. */
	constructor(host: Host, ms: number, begun = host.ticks()) {
		this.#host = host;
		this.#begun = begun;
		this.#end = begun + ms;
	}

	/** Returns the moment `ms` before this one. */
	before(ms: number): Deadline {
		return new Deadline(this.#host, this.#end - this.#begun - ms, this.#begun);
	}

	/** Returns the milliseconds that are left, at least 1. Throws DeadlineError if there are none. */
	left(): number {
		const now = this.#host.ticks();
		const left = this.#end - now;
		if (left <= 0)
			throw new DeadlineError(
				`gave up after ${Math.round(now - this.#begun)} ms`,
			);
		return Math.max(1, Math.ceil(left));
	}
}
