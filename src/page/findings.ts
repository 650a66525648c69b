// The page's list of what `doctor` has found, and when.

import type { Finding } from "../doctor/finding.ts";
import { type Html, html } from "./html.ts";
import { moment } from "./moment.ts";
import { section } from "./parts.ts";

/** The findings of one look at the node. */
export interface Examination {
	/** In ms of the wall clock. */
	readonly at: number;
	readonly findings: readonly Finding[];
}

/** Returns the section. It is without findings until `doctor` has looked for the first time. */
export function findingsSection(made: Examination | undefined): Html {
	return section(
		"doctor",
		"What doctor says",
		made ? listOf(made) : html`<p>It has not looked yet.</p>`,
	);
}

function listOf({ at, findings }: Examination): Html {
	return html`<p class="dim">It looked at ${moment(at)}. To look now: <code>conntrack-flush doctor</code></p>
<ul>
${findings.map(
	({ status, check, found, advice }) =>
		html`<li><strong class="${status}">${status}</strong> <b>${check}</b>: ${found}${advice !== undefined && html`<div class="advice">${advice}</div>`}</li>
`,
)}</ul>`;
}
