// What a flush looks for, and what it does with what it finds.

import type { Entry } from "../conntrack/entry.ts";
import type { FlushFilter, PortFilter } from "../conntrack/messages.ts";
import type { Prefilter } from "../conntrack/prefilter.ts";
import type { Judge, Removal } from "../conntrack/verdictcache.ts";
import type { Reason } from "../policy/stale.ts";
import type { Shared } from "./shared.ts";

/** Why an entry is removed: a verdict of the predicate, or an explicit request. */
export type RemovalReason = Reason | "asked";

/** The entries to look for. */
export interface Wanted {
	/** Entries with other ports are not judged; a port stands for one side of an entry. */
	readonly ports: readonly PortFilter[];
	/** Makes what passes over entries that `judge` would keep, as far as an address tells. */
	readonly prefilter?: () => Prefilter;
	readonly judge: Judge<RemovalReason>;
	/** True if `judge` looks only at the fields that the verdict cache compares (conntrack/verdictcache.ts). */
	readonly isCacheable?: boolean | undefined;
	/** Is asked before an entry counts as stale. Returns true if what `judge` knows has changed since the last call; then the entry is judged again. */
	readonly refresh?: (() => boolean) | undefined;
	/** True if it is about several requests, each of which treats its own entries. */
	readonly isJoint?: boolean;
	/** Filters of the kernel that express the same judgement, where that is possible. */
	readonly filters?: readonly FlushFilter[] | undefined;
}

export type Removed = Removal<RemovalReason>;

export interface Request {
	/** Returns what to look for. It is called only if the table has entries. */
	prepare(shared: Shared): Promise<Search> | Search;
	readonly action: Action;
}

/** What to look for, and how to be sure of it. */
export interface Search extends Wanted {
	/** Opens the confirmation that the verdicts need; without one they stand. It is called before the first of them. */
	readonly confirm?: () => Promise<Confirm>;
	/** Is called for each entry that has to go, if `isCacheable` is not set. */
	readonly onRemoval?: (e: Entry, reason: RemovalReason) => void;
}

/** The second look at entries that were judged stale, for what the judge alone cannot know: returns the removals that stand. Throws DeadlineError. */
export type Confirm = (
	removals: readonly Removed[],
) => Promise<readonly Removed[]>;

/** The treatment of stale entries; "count" leaves them. */
export type Action = "delete" | "count" | { readonly retireSeconds: number };
