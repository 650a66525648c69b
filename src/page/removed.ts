// The page's timeline of what was removed, and why.

import { total } from "../flush/report.ts";
import type { RemovalReason } from "../flush/search.ts";
import { own } from "../lookup.ts";
import type { Labels } from "../metrics/totals.ts";
import { type Bucket, type LastHours, MOST_BUCKETS } from "./history.ts";
import { type Html, html } from "./html.ts";
import { clockTime, moment } from "./moment.ts";
import { cards, numberCell, section } from "./parts.ts";
import { bars } from "./sparkline.ts";

/** So many lines are shown, the newest first. */
const MOST_LINES = 30;

const REASONS: Readonly<Record<RemovalReason, string>> = {
	"dead-pod": "led to a pod that ended",
	"begun-by-pod": "was begun by a pod that ended",
	retired: "was left to end by an earlier DEL",
	"no-dnat": "bypassed the pod's rule",
	"other-pod": "led to another pod, or to nobody",
	"other-port": "led to another port of the pod",
	"no-endpoint": "led to what is no endpoint of the Service",
	asked: "somebody asked for it",
};

/** Returns the section. `history` is undefined where removals are not counted. */
export function removedSection(history: LastHours | undefined): Html {
	return section(
		"removed",
		"Removed entries",
		history ? timeline(history) : NOT_COUNTED,
	);
}

const NOT_COUNTED = html`<p>Not counted here: the plugin hands its counts to the agent alone (install --watch).</p>`;

function timeline({ buckets, since }: LastHours): Html {
	const isFull = buckets.length === MOST_BUCKETS;
	const began = (isFull ? buckets[0]?.at : undefined) ?? since;
	const all = total(buckets.map(removedIn));
	if (all === 0)
		return html`<p>Nothing was removed since ${isFull ? "" : "the agent started, "}${moment(began)}.</p>`;
	const lines = buckets
		.toReversed()
		.flatMap((b) => [...b.removed].map(([labels, n]) => lineOf(b, labels, n)));
	const older = lines.length - MOST_LINES;
	const says = `Removed entries: ${all}, since`;
	return html`<p>${says} ${moment(began)}.</p>
${bars(buckets, removedIn, `${says} ${new Date(began).toISOString()}`)}
${cards(["From (UTC)", "#Entries", "Why", "By"], lines.slice(0, MOST_LINES))}
${older > 0 && html`<p>And ${older} older lines.</p>`}
<p class="dim">A line is of two minutes. Where the kernel itself removed entries, the number is by how much the table shrank.</p>`;
}

function removedIn({ removed }: Bucket): number {
	return total(removed.values());
}

function lineOf({ at }: Bucket, labels: Labels, n: number): Html {
	const [event = "", reason = "", proto = ""] = labels.split("\n");
	return html`<tr><th scope="row">${clockTime(at)}</th>${numberCell("Entries", n)}<td data-label="Why">${reason} (${proto}) <span class="dim">${own<string>(REASONS, reason)}</span></td><td data-label="By">${event}</td></tr>
`;
}
