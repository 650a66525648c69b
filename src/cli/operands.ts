// Words without a flag, where they mean one thing: ports and one pod. Where they may mean
// several, the answer is the commands to type.

import type { Host } from "../host.ts";
import { type PortSpan, parseRegion, withoutHostBits } from "../net/region.ts";
import { shellWord } from "../shell.ts";
import type { Pods } from "./pods.ts";
import { UsageError } from "./usage.ts";
import { PLACE, PORTS } from "./values.ts";

/** The words for the help; a bar between them would make them words to complete. */
export const OPERANDS = "[PORTS...] [POD]";

/** What may be said without a flag. */
export interface Said {
	readonly hostPort: readonly (readonly PortSpan[])[];
	/** The name or ID of a pod or container. */
	readonly pod: string | undefined;
}

/**
 * Adds the operands to what the flags say. `pods` is called only if there are some.
 * Throws UsageError for a word that may mean several things, or nothing.
 */
export function readOperands(
	host: Host,
	operands: readonly string[],
	flags: Said,
	pods: () => Pods,
): Said {
	const hostPort = [...flags.hostPort];
	let { pod } = flags;
	const instead = (word: string, flag: string): string =>
		host.argv
			.map((w) => (w === word ? `${flag} ${shellWord(w)}` : shellWord(w)))
			.join(" ");
	for (const word of operands) {
		if (/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/.test(word)) {
			if (pods().knows(word))
				throw new UsageError(
					`${word} may be a port, and a pod or container`,
					undefined,
					["--host-port", "--pod"].map((flag) => instead(word, flag)),
				);
			hostPort.push(PORTS.parse(word, "PORTS"));
		} else if (parseRegion(word) ?? withoutHostBits(word)) {
			// of what no flag takes the answer is why
			PLACE.parse(word, "PLACE");
			throw new UsageError(
				`${word} may be a client, the destination that clients send to, or where rules lead them`,
				undefined,
				["--from", "--to", "--leads-to"].map((flag) => instead(word, flag)),
			);
		} else if (pod !== undefined) {
			throw new UsageError(`two pods at once: ${pod} ${word}`);
		} else {
			pods().find(word, "neither a port nor a pod");
			pod = word;
		}
	}
	return { hostPort, pod };
}
