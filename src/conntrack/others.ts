// The entries of protocols that portmap does not map, such as ICMP: which of them a
// listing shows, and how many it does not. No verb and no removal looks at them.

import { isMapped } from "../net/proto.ts";

export class OtherProtocols {
	/** The number of entries that are not shown. */
	hidden = 0;
	readonly #shown: readonly number[] | "all";

	/** Takes the numbers of the protocols that are shown. */
	constructor(shown: readonly number[] | "all") {
		this.#shown = shown;
	}

	/** Returns true for an entry to show, by its protocol. Counts it if it is of another protocol that portmap does not map. */
	admits(proto: number): boolean {
		if (isMapped(proto)) return false;
		if (this.#shown === "all" || this.#shown.includes(proto)) return true;
		this.hidden++;
		return false;
	}
}
