// The whole document: what is in it in which state of the node, and that it needs nothing
// from elsewhere.

import { describe, expect, test } from "vitest";
import { pageOf } from "../../../../src/page/page.ts";
import {
	hostPort,
	seen,
	tallied,
	textOf,
} from "../../../support/unit/pages.ts";

test("an empty node says so in words", () => {
	const text = textOf(pageOf(seen()));
	expect(text).toMatch(
		/^conntrack-flush on worker-1 .*conntrack-flush on worker-1 /,
	);
	for (const words of [
		"As of 2023-11-14 22:13:20 UTC.",
		"No pod with a hostPort is recorded",
		"Nothing was removed since the agent started",
		"3 of 1000 entries",
		"It has not looked yet.",
		"conntrack-flush 1.2.3.",
	])
		expect(text).toContain(words);
});

test("a node of which nothing is known has a page too", () => {
	const text = textOf(
		pageOf(
			seen({
				counted: undefined,
				error: "NetlinkError: EPERM",
				statistics: undefined,
			}),
		),
	);
	expect(text).toContain("could not be counted: NetlinkError: EPERM");
	expect(text).toContain("The kernel could not be asked.");
});

test("the last count stays when a later one fails", () => {
	const counted = { at: 0, tally: tallied(hostPort({ entries: 4, live: 4 })) };
	const text = textOf(pageOf(seen({ counted, error: "DeadlineError" })));
	expect(text).toContain("could not be counted: DeadlineError");
	expect(text).toContain("udp 8125 ns/pod for 1 min 4 4 0 0");
	expect(text).toContain("Counted 1970-01-01 00:00:00 UTC.");
});

test("the name of the node is text", () =>
	expect(pageOf(seen({ node: "<b>" }))).not.toContain("<b>"));

describe("from elsewhere", () => {
	test("it loads nothing", () => {
		const html = pageOf(
			seen({ counted: { at: 0, tally: tallied(hostPort()) } }),
		);
		const links = [...html.matchAll(/\b(?:src|href)="([^"]*)"/g)];
		expect(links.map(([, link]) => link)).toEqual(["data:,", "metrics"]);
		expect(html).not.toMatch(/@import|url\(|https?:/);
	});

	test("its policy lets in its own style and script, and no other", () =>
		expect(pageOf(seen())).toMatch(
			/content="default-src &#39;none&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;; img-src data:; connect-src &#39;self&#39;; style-src &#39;sha256-[\w+/=]+&#39;; script-src &#39;sha256-[\w+/=]+&#39;"/,
		));
});

describe("it asks for the next page", () => {
	test.each([
		[1000, 1],
		[3000, 3],
		[30_000, 5],
	])("counted every %i ms: after %i s", (everyMs, seconds) => {
		const html = pageOf(seen({ everyMs }));
		expect(html).toContain(`<main data-seconds="${seconds}">`);
		// where scripts are off
		expect(html).toContain(
			`<noscript><meta http-equiv="refresh" content="${seconds}"></noscript>`,
		);
	});

	test("not if it stays as it is", () => {
		const html = pageOf(seen({ everyMs: undefined }));
		expect(html).not.toMatch(/<script|refresh/i);
		expect(html).toContain("UTC</time>, and so it stays.");
	});
});
