// Chromium inside a network namespace, and what it says of a page. It starts no server.

import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AxeResults, source } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Namespace } from "./netns.ts";
import { temporaryDirectory } from "./node.ts";
import { onEnd } from "./undo.ts";

const CHROMIUM = "/usr/bin/chromium";

/** The reason why no browser can be started, or undefined if one can. */
export const withoutBrowser = existsSync(CHROMIUM)
	? undefined
	: `${CHROMIUM} is not there (package chromium)`;

/** Starts the browser where it reaches nothing but this namespace. */
export async function openBrowser(ns: Namespace): Promise<Browser> {
	const dir = temporaryDirectory("browser");
	const path = join(dir, "chromium");
	const words = ns.inside([CHROMIUM]).join(" ");
	writeFileSync(path, `#!/bin/sh\nexec ${words} "$@"\n`);
	chmodSync(path, 0o755);
	const browser = await chromium.launch({
		executablePath: path,
		// root may not use the sandbox
		args: ["--no-sandbox"],
		// it leaves directories behind
		env: { ...process.env, TMPDIR: dir },
	});
	onEnd(() => void browser.close());
	return browser;
}

/** A page that is being looked at. */
export interface Look {
	readonly page: Page;
	/** What the console said, and what was thrown. */
	readonly complaints: string[];
	/** The addresses that the page has asked for. */
	readonly requests: string[];
}

/** Opens a page as a reader with these settings does. */
export async function look(
	browser: Browser,
	url: string,
	{ width = 1000, scheme = "light" as "light" | "dark" } = {},
): Promise<Look> {
	const page = await browser.newPage({
		viewport: { width, height: 800 },
		colorScheme: scheme,
	});
	const complaints: string[] = [];
	const requests: string[] = [];
	page.on("console", (message) => complaints.push(message.text()));
	page.on("pageerror", (e) => complaints.push(String(e)));
	page.on("request", (request) => requests.push(request.url()));
	await page.goto(url);
	return { page, complaints, requests };
}

/** Returns what axe-core finds wrong with the page, one line for each fault. */
export async function faultsOf(page: Page): Promise<string[]> {
	await page.evaluate(source);
	const { violations } = await page.evaluate<AxeResults>("axe.run()");
	return violations.flatMap(({ id, nodes }) =>
		nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
	);
}
