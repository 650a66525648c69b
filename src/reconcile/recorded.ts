// The node's attachments as a source of desired state, and the end of attachments whose
// DEL never came to us. How entries are judged is in policy/stale.ts.

import type { Entry } from "../conntrack/entry.ts";
import type { Context } from "../context.ts";
import { collectGarbage } from "../flush/gc.ts";
import {
	type Attachment,
	byPort,
	first,
	leadsTo,
	type Mapping,
} from "../policy/mapping.ts";
import { type Node, servedBy, staleOnAdd } from "../policy/stale.ts";
import {
	type CacheSource,
	namesOf,
	type Snapshot,
	takeSnapshot,
} from "../state/liveness.ts";
import type { Source } from "./source.ts";

/** Much shorter than what a chain of plugins takes between a pod's DEL and another pod's first packet. */
const REFRESH_MS = 10;

/**
 * Deletes the records of attachments that libcni has ended without us, removes what
 * they left in the table, and finishes unfinished DELs. Returns the snapshot if there
 * was nothing to do, so that it still holds. Throws SysError if the directory of
 * records cannot be read.
 */
export async function dropAbsent(
	context: Context,
	cache: CacheSource,
): Promise<Snapshot | undefined> {
	const snapshot = takeSnapshot(context, cache);
	const { dead, cached } = snapshot;
	if (dead.length === 0) return snapshot;
	for (const a of dead) {
		const { network, containerID, ifname, pod } = a;
		if (!a.unfinished)
			context.log("info", "gone without us", {
				network,
				containerID,
				ifname,
				pod,
			});
	}
	const { errors } = await collectGarbage(context, () => false, dead, cached);
	for (const e of errors)
		context.log("warn", "cannot forget", { error: String(e) });
	return undefined;
}

/**
 * Returns the attachments' mappings as a source; each is judged as when it was added.
 * If two pods have the same hostPort, one that is going and one that has come, each
 * keeps its entries, because only the kernel knows whose rule is first. An entry that
 * leads to a cached attachment is kept, whatever is recorded.
 *
 * Reading a large table takes seconds, in which a pod may go and another may get its
 * port. So records and cache are looked at again before an entry is called stale, and
 * a mapping that is no longer there decides nothing. `snapshot` was taken just now.
 */
export function recorded(
	context: Context,
	cache?: CacheSource,
	snapshot?: Snapshot,
): Source {
	const { host } = context;
	return (isLocal) => {
		let names = "";
		let all: readonly Attachment[] = [];
		let mapped = byPort([]);
		let leading = byPort([]);
		let served = servedBy([]);
		let lookedAt = 0;
		const read = (now: Snapshot): void => {
			lookedAt = now.at;
			names = now.names;
			all = now.live;
			mapped = byPort(all.flatMap((a) => a.mappings));
			leading = byPort([...all, ...now.cached].flatMap((a) => a.mappings));
			served = servedBy(all);
		};
		read(snapshot ?? takeSnapshot(context, cache));
		const node: Node = {
			isLocal,
			isServed: (e) => served(e),
		};
		const mappingsOf = (e: Entry): readonly Mapping[] =>
			mapped(e.proto, e.orig.dport);
		return {
			ports: all.flatMap((a) => a.mappings),
			judge: (e) => first(mappingsOf(e), (m) => staleOnAdd(m, e, node)),
			serves: (e) => leading(e.proto, e.orig.dport).some((m) => leadsTo(m, e)),
			owner: (e) =>
				first(mappingsOf(e), (m) =>
					staleOnAdd(m, e, node) === undefined
						? undefined
						: all.find((a) => a.mappings.includes(m))?.pod,
				),
			refresh() {
				if (host.ticks() - lookedAt < REFRESH_MS) return false;
				lookedAt = host.ticks();
				if (namesOf(context, cache) === names) return false;
				read(takeSnapshot(context, cache));
				return true;
			},
		};
	};
}
