// What the searches of one pass share: the deadline, and what each would read alike, the
// node's addresses and its rules. A pass of one request has one search, that of a burst
// has many.

import type { PortFilter } from "../conntrack/messages.ts";
import type { Host } from "../host.ts";
import type { Family } from "../net/ip.ts";
import type { Deadline } from "../netlink/deadline.ts";
import { type LocalAddresses, localAddresses } from "./addresses.ts";
import type { RulesView } from "./rulesview.ts";

export class Shared {
	readonly host: Host;
	readonly deadline: Deadline;
	/** The ports of all searches, once they are known. */
	ports: readonly PortFilter[] = [];
	readonly #locals = new Map<string, Promise<LocalAddresses>>();
	#rules: Promise<RulesView> | undefined;

	constructor(host: Host, deadline: Deadline) {
		this.host = host;
		this.deadline = deadline;
	}

	/** Returns the node's addresses of the families. Throws NetlinkError, SysError or DeadlineError. */
	locals(families: ReadonlySet<Family>): Promise<LocalAddresses> {
		const key = [...families].sort().join();
		let read = this.#locals.get(key);
		if (read === undefined) {
			read = localAddresses(this.host, families, this.deadline);
			this.#locals.set(key, read);
		}
		return read;
	}

	/** Returns the view that the first call of all opened. */
	rules(open: () => Promise<RulesView>): Promise<RulesView> {
		this.#rules ??= open();
		return this.#rules;
	}

	/** Closes what was opened. Never throws. */
	async close(): Promise<void> {
		try {
			(await this.#rules)?.close();
		} catch {
			// it was never open
		}
	}
}
