// What ADD does with "oneCPUPerFlow", for interfaces that are there already, and its
// reverse. It says of each what it did, or why it left it alone.

import { type Host, isNotFound, isSysError } from "../host.ts";
import { wordsOf } from "../log.ts";
import { maskOfCPUs, type Steering, steeringOf } from "./steering.ts";

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

/** Sets or undoes each interface. Throws SysError if the node's CPUs cannot be read. */
export function mitigate(
	host: Host,
	names: Iterable<string>,
	{ undo, dryRun }: MitigateTerms,
): Mitigated[] {
	const cpus = maskOfCPUs(host);
	const own = [cpus, trimmed(host)].map(bare).filter(Boolean);
	const mask = undo ? "0" : cpus;
	return Array.from(names, (name): Mitigated => {
		const left = (reason: string): Mitigated => ({
			interface: name,
			result: "left",
			reason,
		});
		try {
			const steering = steeringOf(host, name);
			const { driver, files } = steering;
			if (driver !== "veth") return left(`no veth, its driver is ${driver}`);
			if (steering.isUnset === undo)
				return left(
					undo
						? "nothing is set"
						: has(steering, own)
							? "it is set already"
							: setTo(steering),
				);
			if (undo && !has(steering, own)) return left(setTo(steering));
			if (!dryRun) for (const file of files) host.appendFile(file, mask, 0);
			return { interface: name, result: undo ? "undone" : "set", mask };
		} catch (e) {
			const isGone = isNotFound(e) || (isSysError(e) && e.code === "ENODEV");
			if (isGone) return left("it is gone");
			return { interface: name, result: "failed", reason: wordsOf(e) };
		}
	});
}

/** Returns true if every queue has one of the masks. */
function has({ masks }: Steering, own: readonly string[]): boolean {
	return masks.every((mask) => own.includes(bare(mask)));
}

function setTo({ masks }: Steering): string {
	return `somebody else has set it to ${masks.map((m) => m.trim()).join(", ")}`;
}

/** Returns the mask that the kernel makes of ours: since 5.9 it takes out the CPUs of nohz_full (netdev_rx_queue_set_rps_mask). */
function trimmed(host: Host): string {
	try {
		return maskOfCPUs(host, ["isolated", "nohz_full"]);
	} catch {
		// a kernel without CONFIG_NO_HZ_FULL has no such file
		return "";
	}
}

/** Returns the mask without zeros at its beginning and commas, which depend on who writes it. */
function bare(mask: string): string {
	return mask.trim().replaceAll(",", "").replace(/^0+/, "");
}
