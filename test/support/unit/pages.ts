// What the page is made of, for the tests of its parts.

import type { Statistics } from "../../../src/conntrack/stats.ts";
import type { LastHours } from "../../../src/page/history.ts";
import type { PageContent } from "../../../src/page/page.ts";
import type { HostPort, Tally } from "../../../src/page/tally.ts";
import type { Attachment } from "../../../src/policy/mapping.ts";
import { EPOCH } from "../fakehost.ts";

export const ATTACHMENT: Attachment = {
	network: "podnet",
	containerID: "4f2e4f2e4f2e4f2e",
	ifname: "eth0",
	pod: "ns/pod",
	added: 1,
	mappings: [],
	podTargets: [],
};

/** hostPort 8125 of ns/pod, without entries. */
export function hostPort(change: Partial<HostPort> = {}): HostPort {
	return {
		proto: 17,
		hostPort: 8125,
		count: 1,
		hostIP: null,
		attachment: ATTACHMENT,
		heldMs: 60_000,
		target: undefined,
		examples: [],
		entries: 0,
		live: 0,
		stale: 0,
		bypassing: 0,
		...change,
	};
}

export function tallied(...hostPorts: readonly HostPort[]): Tally {
	return {
		hostPorts,
		portsLeftOut: 0,
		others: { entries: 0, live: 0, stale: 0, bypassing: 0 },
		withoutRules: undefined,
		undecodable: 0,
	};
}

export function statistics(
	entries: number,
	counters: Statistics["total"] = {},
): Statistics {
	const total = { insert: 0, drop: 0, ...counters };
	return { entries, max: 1000, cpus: [{ cpu: 0, counters: total }], total };
}

export function emptyHours(): LastHours {
	return { since: EPOCH, buckets: [], cpus: undefined, totals: new Map() };
}

/** A node on which nothing has happened yet. */
export function seen(change: Partial<PageContent> = {}): PageContent {
	return {
		node: "worker-1",
		version: "1.2.3",
		at: EPOCH,
		counted: { at: EPOCH, tally: tallied() },
		error: undefined,
		statistics: statistics(3),
		history: emptyHours(),
		countsRemovals: true,
		examination: undefined,
		flags: "",
		everyMs: 30_000,
		...change,
	};
}

/** Returns the text that a reader sees, in one line. */
export function textOf(html: string): string {
	return html
		.replace(/<(style|script)>[\s\S]*?<\/\1>/g, "")
		.replace(/<\/?(time|span|strong|b|code|a)\b[^>]*>/g, "")
		.replace(/<[^>]*>/g, " ")
		.replace(/&lt;/g, "<")
		.replace(/&gt;/g, ">")
		.replace(/&quot;/g, '"')
		.replace(/&#39;/g, "'")
		.replace(/&amp;/g, "&")
		.replace(/\s+/g, " ")
		.trim();
}
