// The entries of a node's table, each with when it began: an entry that is made anew may
// have the id of the old one, because the kernel reuses both memory and id.

import { type Entry, readTable } from "../../support/conntrack.ts";
import type { ClusterNode } from "../cluster.ts";

/** The setting without which the kernel does not note when an entry began. */
export const NOTES_TIMES = { "net.netfilter.nf_conntrack_timestamp": 1 };

export function readEntries({ namespace }: ClusterNode): Promise<Entry[]> {
	return readTable(namespace, ["-o", "ktimestamp"]);
}

/** Returns what no other entry has, neither before nor after it. */
export function identityOf({ id, text }: Entry): string {
	const [start] = /\[start=[^\]]*\]/.exec(text) ?? [];
	if (start === undefined) throw new Error(`when did it begin? ${text}`);
	return `${id} ${start}`;
}
