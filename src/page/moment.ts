// Moments as the page shows them, in UTC: the page does not know the clock of its reader.

import { type Html, html } from "./html.ts";

/** `2026-11-30 12:03:05 UTC` */
export function moment(ms: number): Html {
	const iso = isoOf(ms);
	return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

/** `12:03`, where the reader knows the day */
export function clockTime(ms: number): Html {
	const iso = isoOf(ms);
	return html`<time datetime="${iso}">${iso.slice(11, 16)}</time>`;
}

function isoOf(ms: number): string {
	return new Date(ms).toISOString();
}
