// The page of a node: one HTML document that needs nothing else. It is made of what was
// seen before; nothing that a reader sends reaches it.

import type { Statistics } from "../conntrack/stats.ts";
import { countersSection } from "./counters.ts";
import { type Examination, findingsSection } from "./findings.ts";
import type { LastHours } from "./history.ts";
import { type Counted, hostPortsSection } from "./hostports.ts";
import { asIs, html } from "./html.ts";
import { moment } from "./moment.ts";
import { removedSection } from "./removed.ts";
import { SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH } from "./style.ts";

/** Everything that the page shows. */
export interface PageContent {
	/** The node's name. */
	readonly node: string;
	readonly version: string;
	/** The present, in ms of the wall clock. */
	readonly at: number;
	/** The last count of the entries; undefined if there was none. */
	readonly counted: Counted | undefined;
	/** Why the last try to count them failed. */
	readonly error: string | undefined;
	readonly statistics: Statistics | undefined;
	readonly history: LastHours;
	/** False if removals are not counted here. */
	readonly countsRemovals: boolean;
	readonly examination: Examination | undefined;
	/** The flags that a command needs to find the records, with a space before them. */
	readonly flags: string;
	/** How often the entries are counted, in ms; undefined: once, and the page stays as it is. */
	readonly everyMs: number | undefined;
}

/** Returns the document. */
export function pageOf(seen: PageContent): string {
	const { node, version, everyMs, history, countsRemovals } = seen;
	const seconds = everyMs === undefined ? undefined : Math.ceil(everyMs / 1000);
	// as often as the numbers of the kernel are read
	const refresh = Math.min(5, seconds ?? 5);
	const policy = `default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; connect-src 'self'; style-src 'sha256-${STYLE_HASH}'; script-src 'sha256-${SCRIPT_HASH}'`;
	return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>conntrack-flush on ${node}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
${seconds !== undefined && html`<noscript><meta http-equiv="refresh" content="${refresh}"></noscript>`}
<style>${asIs(STYLE)}</style>
</head>
<body>
<header>
<h1>conntrack-flush on ${node}</h1>
<p role="status" id="state" class="fail"></p>
${seconds !== undefined && html`<label class="dim" hidden><input type="checkbox" id="pause"> Do not refresh</label>`}
</header>
<main data-seconds="${refresh}">
<p class="dim">As of ${moment(seen.at)}${seconds === undefined && ", and so it stays"}.</p>
${hostPortsSection(seen.counted, seen.error, seen.flags)}
${removedSection(countsRemovals ? history : undefined)}
${countersSection(seen.statistics, history)}
${findingsSection(seen.examination)}
</main>
<footer class="dim"><p>conntrack-flush ${version}. The numbers for Prometheus are at <a href="metrics">metrics</a>.</p></footer>
${seconds !== undefined && html`<script>${asIs(SCRIPT)}</script>`}
</body>
</html>
`.html;
}
