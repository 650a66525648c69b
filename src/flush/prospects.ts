// The prospects of entries for a look at the table, which changes nothing. If the rules
// cannot be read, there are none, and the look says so once.

import type { Entry } from "../conntrack/entry.ts";
import type { DumpFilter } from "../conntrack/messages.ts";
import type { Host } from "../host.ts";
import { wordsOf } from "../log.ts";
import { type Deadline, DeadlineError } from "../netlink/deadline.ts";
import { type FoundProspect, RulesView } from "./rulesview.ts";

export interface Prospects {
	/** Returns undefined if the rules cannot be read. Throws DeadlineError. */
	of(e: Entry): Promise<FoundProspect | undefined>;
	close(): void;
}

/** Returns the prospects of entries that came to one of the ports. `warn` is told once why there are none. */
export function openProspects(
	host: Host,
	deadline: Deadline,
	ports: readonly DumpFilter[],
	warn: (why: string) => void,
): Prospects {
	let view: RulesView | undefined;
	let isGivenUp = false;
	return {
		async of(e) {
			if (isGivenUp) return undefined;
			try {
				view ??= await RulesView.open(host, deadline, ports);
				return await view.prospect(e);
			} catch (error) {
				if (error instanceof DeadlineError) throw error;
				isGivenUp = true;
				warn(wordsOf(error));
				return undefined;
			}
		},
		close: () => view?.close(),
	};
}
