// What a repair by the rules remembers from pass to pass: who claimed which frontend, and
// what was removed. Without it a rule that goes for good leaves its entries, and an entry
// that something makes again and again is removed again and again. Bounded; pure.

import type { Entry } from "../conntrack/entry.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import { protocolName } from "../net/proto.ts";

/** An engine may replace its rules in several commits; a rule that is absent for so long has gone for good. */
export const GONE_MS = 2000;
/** A frontend that had no rule for so long is forgotten: its entries have ended. */
const FORGOTTEN_MS = 60_000;
/** A removal that is made so often has not helped, although the rules changed in between. */
const TIMES = 3;
/** So many frontends and removals are remembered. */
const REMEMBERED = 4096;

/** One removal, and what the rules were then. */
interface Repaired {
	/** Where the entry led to, and where the rules sent its frontend. */
	readonly what: string;
	readonly generation: number | undefined;
	/** How often that very removal was made. */
	readonly times: number;
}

export class RepairMemory {
	/** Frontends that rules sent somewhere. */
	readonly #claimed = new Map<string, true>();
	/** Since when, on the monotonic clock, a claimed frontend has no rule any more. */
	readonly #unclaimed = new Map<string, number>();
	/** The removals, by the entry's original tuple. */
	readonly #removed = new Map<string, Repaired>();
	/** The frontends of which entries came back. */
	readonly #returned = new Map<string, true>();

	/** True if a frontend has lost its rule and another look has to tell whether it has gone for good. */
	get isWaiting(): boolean {
		return this.#unclaimed.size > 0;
	}

	/** Notes that rules send the entry's frontend somewhere. */
	noteClaim(e: Entry): void {
		remember(this.#claimed, frontendOf(e), true);
		this.#unclaimed.delete(frontendOf(e));
	}

	/** Returns true if the entry's frontend was claimed once, and no rule has sent it anywhere for two looks. `now` is the monotonic clock, ms. */
	hasLostRule(e: Entry, now: number): boolean {
		for (const [frontend, since] of this.#unclaimed)
			if (now - since > FORGOTTEN_MS) this.#unclaimed.delete(frontend);
		const frontend = frontendOf(e);
		if (!this.#claimed.has(frontend)) return false;
		const since = this.#unclaimed.get(frontend);
		if (since === undefined) remember(this.#unclaimed, frontend, now);
		return since !== undefined && now - since >= GONE_MS;
	}

	/** Notes that the entry was removed, while the rules said `rules`. */
	noteRemoval(e: Entry, rules: string, generation: number | undefined): void {
		const what = removalOf(e, rules);
		const before = this.#removed.get(tupleInWords(e));
		const times = before?.what === what ? before.times + 1 : 1;
		remember(this.#removed, tupleInWords(e), { what, generation, times });
	}

	/**
	 * Returns true if the entry was removed for the same reason before and came back:
	 * something that the rules do not show makes it. After a change of the rules it is
	 * tried again, but not often.
	 */
	hasComeBack(
		e: Entry,
		rules: string,
		generation: number | undefined,
	): boolean {
		const before = this.#removed.get(tupleInWords(e));
		return (
			before?.what === removalOf(e, rules) &&
			(before.generation === generation || before.times >= TIMES)
		);
	}

	/** Returns true the first time that an entry of this frontend has come back. */
	isNewReturn(e: Entry): boolean {
		const frontend = frontendOf(e);
		if (this.#returned.has(frontend)) return false;
		remember(this.#returned, frontend, true);
		return true;
	}
}

function remember<V>(memory: Map<string, V>, key: string, value: V): void {
	const [oldest] = memory.keys();
	if (memory.size >= REMEMBERED && oldest !== undefined) memory.delete(oldest);
	memory.set(key, value);
}

/** Returns what a removal was about, beside the tuple. */
function removalOf({ reply }: Entry, rules: string): string {
	return `${formatEndpoint(reply.src, reply.sport)}; ${rules}`;
}

function frontendOf({ proto, orig }: Entry): string {
	return `${protocolName(proto)} ${formatEndpoint(orig.dst, orig.dport)}`;
}

/** Returns `udp 203.0.113.9:6000 > 203.0.113.1:8125` */
export function tupleInWords(e: Entry): string {
	const { src, sport } = e.orig;
	return `${protocolName(e.proto)} ${formatEndpoint(src, sport)} > ${formatEndpoint(e.orig.dst, e.orig.dport)}`;
}
