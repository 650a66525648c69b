// The page's section on the kernel's table: how full it is, and what the kernel has counted.

import { COUNTERS, type Counter } from "../conntrack/counters.ts";
import { fillOf, isNearlyFull, type Statistics } from "../conntrack/stats.ts";
import { COUNTER_HELP } from "../metrics/exposition.ts";
import { countedOf, type LastHours } from "./history.ts";
import { type Html, html } from "./html.ts";
import { moment } from "./moment.ts";
import { cards, numberCell, section } from "./parts.ts";
import { sparkline } from "./sparkline.ts";

/** Returns the section. `statistics` are undefined if the kernel cannot be asked. */
export function countersSection(
	statistics: Statistics | undefined,
	history: LastHours,
): Html {
	return section(
		"table",
		"The table",
		statistics
			? body(statistics, history)
			: html`<p class="fail">The kernel could not be asked.</p>`,
	);
}

function body(statistics: Statistics, history: LastHours): Html {
	const { total } = statistics;
	const { buckets, since } = history;
	const counted = COUNTERS.filter((name) => (total[name] ?? 0) > 0);
	const never = COUNTERS.filter((name) => total[name] === 0);
	const entries = buckets.map((b) => b.entries).filter((n) => n !== undefined);
	const [least, most] = [Math.min(...entries), Math.max(...entries)];
	const range = `${least === most ? "" : `${least} to `}${most} entries`;
	return html`<p><strong class="${isNearlyFull(statistics) ? "fail" : "ok"}">${fillOf(statistics, "entries")}</strong></p>
${entries.length > 0 && sparkline(buckets, (b) => b.entries, range)}
<p class="dim">${entries.length > 0 && `${range}. `}The lines begin ${moment(buckets[0]?.at ?? since)}; lately is from then on.</p>
${
	counted.length > 0 &&
	cards(
		["Counter", "#Lately", "#In all", "As a line"],
		counted.map((name) => rowOf(name, total[name] ?? 0, history)),
	)
}
${never.length > 0 && html`<p>Never counted since the network namespace was made: ${never.join(", ")}.</p>`}`;
}

function rowOf(name: Counter, all: number, history: LastHours): Html {
	const lately = countedOf(history, name);
	const line = sparkline(
		history.buckets,
		(b) => b.counted[name],
		`${name}: ${lately} lately`,
	);
	return html`<tr><th scope="row">${name} <span class="dim">${COUNTER_HELP[name]}</span></th>${numberCell("Lately", lately)}${numberCell("In all", all)}<td>${line}</td></tr>
`;
}
