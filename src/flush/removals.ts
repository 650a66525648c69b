// The removals of one request: entries that were judged stale are confirmed, counted,
// and deleted or retired.

import { IPS_FIXED_TIMEOUT, IPS_OFFLOAD } from "../conntrack/constants.ts";
import type { Target } from "../conntrack/entry.ts";
import type { FlushFilter } from "../conntrack/messages.ts";
import type { Conntrack, RemovalCount } from "../conntrack/table.ts";
import type { Report } from "./report.ts";
import type {
	Action,
	Confirm,
	RemovalReason,
	Removed,
	Search,
} from "./search.ts";

/** Does what a request wants with the entries that its search has found, and counts that in its report. */
export interface Removals {
	/** Removes those that the confirmation lets stand, and returns them. Throws NetlinkError, SysError or DeadlineError. */
	settle(found: readonly Removed[]): Promise<readonly Removed[]>;
	/** Counts what the kernel has deleted by a filter. */
	flushed(filter: FlushFilter, shrank: number): void;
}

export function removalsFor(
	table: Conntrack,
	action: Action,
	{ confirm: open, onRemoval }: Search,
	report: Report,
): Removals {
	let confirm: Confirm | undefined;
	const count = (reason: RemovalReason, proto: number, n: number): void =>
		increase(report.verdicts, `${reason}/${proto}`, n);
	const confirmed = async (
		found: readonly Removed[],
	): Promise<readonly Removed[]> => {
		if (!open || found.length === 0) return found;
		confirm ??= await open();
		const removals = await confirm(found);
		report.keptByRules += found.length - removals.length;
		report.kept += found.length - removals.length;
		return removals;
	};
	return {
		async settle(found) {
			const removals = await confirmed(found);
			for (const { proto, reason, example } of removals) {
				count(reason, proto, 1);
				onRemoval?.(example, reason);
			}
			await remove(
				table,
				action,
				report,
				removals.map(({ target }) => target),
			);
			return removals;
		},
		flushed(filter, shrank) {
			report.deleted += shrank;
			const reason = "origSrc" in filter ? "begun-by-pod" : "dead-pod";
			count(reason, filter.proto, shrank);
		},
	};
}

async function remove(
	table: Conntrack,
	action: Action,
	report: Report,
	targets: readonly Target[],
): Promise<void> {
	if (action === "count") return;
	const seconds = action === "delete" ? 0 : action.retireSeconds;
	const deleting: Target[] = [];
	const retiring: Target[] = [];
	for (const t of targets) {
		// the timeout of an entry that a flowtable forwards never ends (nf_ct_offload_timeout)
		if (seconds === 0 || t.status & IPS_OFFLOAD) deleting.push(t);
		// a second retirement would begin the time anew on kernels before 6.0
		else if (t.status & IPS_FIXED_TIMEOUT) report.expired++;
		else retiring.push(t);
	}
	const tell = (did: "deleted" | "retired", outcome: RemovalCount): void => {
		report[did] += outcome.done;
		report.expired += outcome.expired;
		for (const [errno, n] of outcome.failed) increase(report.failed, errno, n);
	};
	tell("deleted", await table.remove(deleting.map((t) => t.key)));
	tell("retired", await table.retire(retiring, seconds));
}

function increase<K>(counts: Map<K, number>, key: K, by: number): void {
	counts.set(key, (counts.get(key) ?? 0) + by);
}
