// A source of desired state: it says what the table should be. recorded.ts makes one of
// the node's attachments, services.ts one of a cluster's Services. The types are here,
// the comparison with the table is in reconcile.ts.

import type { Entry } from "../conntrack/entry.ts";
import type { PortFilter } from "../conntrack/messages.ts";
import type { IP } from "../net/ip.ts";
import type { Mapping } from "../policy/mapping.ts";
import type { Reason } from "../policy/stale.ts";

/** The desired state of the table, as one source has it. */
export interface Desired {
	/** The ports of which the source says anything. Entries with other ports are healthy. */
	readonly ports: readonly PortFilter[];
	/** The addresses of its frontends beside the node's own; undefined stands for any. Entries to others are healthy. */
	readonly hostIPs?: readonly IP[];
	/** Returns why the entry contradicts the source, or undefined if it does not. */
	judge(e: Entry): Reason | undefined;
	/**
	 * `judge` itself, if it looks only at the fields that the verdict cache compares
	 * (conntrack/verdictcache.ts). A source that is made of another one and judges in its
	 * own way then does not pass for such a one.
	 */
	judgesKinds?(e: Entry): Reason | undefined;
	/** Returns true if the entry is exactly as this source wants it. Then it stays, whatever other sources say. */
	serves(e: Entry): boolean;
	/** Returns the mappings that a contradiction rests on; the rules have to confirm it. If it rests on none, and in a source without this, it stands. */
	claims?(e: Entry): readonly Mapping[] | undefined;
	/** Returns true if the entry stays where the rules are not known. */
	isSpared?(e: Entry): boolean;
	/** Returns the owner of the entry: a Service's name, or a pod's. */
	owner(e: Entry): string | undefined;
	/** Returns true if the source has changed since it was read. Then the entry is judged again. */
	refresh?(): boolean;
}

/** Makes the desired state of what is known now. `isLocal` answers from the moment when entries are judged. */
export type Source = (isLocal: (ip: IP) => boolean) => Desired;
