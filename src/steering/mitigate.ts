// What ADD does with "oneCPUPerFlow", for interfaces that are there already, and its
// reverse. It says of each what it did, or why it left it alone.

import { type Host, isNotFound, isSysError, type Steering } from "../host.ts";
import { wordsOf } from "../log.ts";

/** What was done with an interface. */
export interface Mitigated {
	readonly interface: string;
	readonly result: "set" | "undone" | "left" | "failed";
	/** The mask that was written, or that would be. */
	readonly mask?: string;
	/** Why it was left, or the error. */
	readonly reason?: string;
}

export interface MitigateTerms {
	/** Takes back what was set: a mask that is exactly the one that would be written. */
	readonly undo: boolean;
	/** Writes nothing. */
	readonly dryRun: boolean;
}

/** Sets or undoes each interface. */
export function mitigate(
	host: Host,
	names: Iterable<string>,
	{ undo, dryRun }: MitigateTerms,
): Mitigated[] {
	return Array.from(names, (name): Mitigated => {
		try {
			const found = host.full().steering(name, undo, dryRun);
			if (!found.isWritten)
				return {
					interface: name,
					result: "left",
					reason: whyLeft(found, undo),
				};
			const mask = undo ? "0" : found.cpus;
			return { interface: name, result: undo ? "undone" : "set", mask };
		} catch (e) {
			const isGone = isNotFound(e) || (isSysError(e) && e.code === "ENODEV");
			return isGone
				? { interface: name, result: "left", reason: "it is gone" }
				: { interface: name, result: "failed", reason: wordsOf(e) };
		}
	});
}

function whyLeft({ driver, masks, cpus }: Steering, undo: boolean): string {
	if (driver !== "veth") return `no veth, its driver is ${driver}`;
	if (masks.every((mask) => mask === (undo ? "0" : cpus)))
		return undo ? "nothing is set" : "it is set already";
	return `somebody else has set it to ${masks.join(", ")}`;
}
