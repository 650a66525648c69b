// The page in a real browser: on a node with live, stale and bypassing entries it shows what
// `list` says, it is usable by everybody, and it changes by itself. With UPDATE_DOCS=1 it
// takes the picture of docs/page.md.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	createStage,
	HOST_PORT,
	MAPPING,
	type Pod,
	type Stage,
} from "../cli/stage.ts";
import {
	faultsOf,
	type Look,
	look,
	openBrowser,
	withoutBrowser,
} from "../support/browser.ts";
import { inFewColours } from "../support/png.ts";
import { CNI_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";

const PICTURE = "docs/page.png";
const HOSTILE = "<script>alert(1)</script>";
/** A change is on the page after so long at most. The agent collects what was removed after ten seconds. */
const LIVENESS_MS = 40_000;

/** So many ports in a row are one record, and one row. */
const RANGE = Array.from({ length: 20 }, (_, i) => ({
	...MAPPING,
	hostPort: 10_000 + i,
	containerPort: 10_000 + i,
}));

let stage: Stage;
let browser: Browser;
let statsd: Pod;
let hostile: Pod;
let serving: string;

/** Starts a line that serves, and returns the address that it prints. */
async function addressOf(child: ChildProcess): Promise<string> {
	const [text] = await once(child.stdout as NodeJS.EventEmitter, "data");
	return String(text).trim();
}

beforeAll(async () => {
	if (withoutBrowser !== undefined) return;
	stage = await createStage();
	browser = await openBrowser(stage.node);
	const old = await stage.start("statsd-1");
	for (const port of [20_001, 20_002]) await stage.send(port);
	await old.stop();
	await stage.send(20_004);
	statsd = await stage.start("statsd-2");
	for (const port of [20_005, 20_006, 20_007]) await stage.send(port);
	hostile = await stage.start(HOSTILE, [{ ...MAPPING, hostPort: 9125 }]);
	await stage.start("media", RANGE);
	serving = await addressOf(
		stage.stay(
			"exec conntrack-flush serve --interval 1s --cni-conf-dir /run/net.d",
		),
	);
});
afterAll(async () => {
	await browser?.close();
	undoAll();
});

/** The numbers of each hostPort, by its name, in the order of the columns. */
function rowsOf({ page }: Look): Promise<Record<string, number[]>> {
	return page.$$eval("#hostports ~ table tbody tr:not(.more)", (rows) =>
		Object.fromEntries(
			rows.map((row) => [
				row.querySelector("th")?.textContent,
				[...row.querySelectorAll("td[data-label]")].map((cell) =>
					Number(cell.textContent),
				),
			]),
		),
	);
}

interface Listed {
	readonly verdict: string;
	readonly reason?: string;
	readonly proto: string;
	readonly orig: { readonly dport: number };
}

/** The same of what `list` says, for the hostPorts that have entries. */
async function listed(): Promise<Record<string, number[]>> {
	const { stdout } = await stage.type("conntrack-flush list -o json");
	const rows: Record<string, number[]> = {};
	for (const { verdict, reason, proto, orig } of JSON.parse(
		stdout,
	) as Listed[]) {
		const name = `${proto} ${orig.dport}`;
		const row = rows[name] ?? [0, 0, 0, 0];
		const is = [
			true,
			verdict === "live",
			verdict === "stale",
			reason === "no-dnat",
		];
		rows[name] = row.map((n, i) => n + Number(is[i]));
	}
	return rows;
}

describe.skipIf(withoutBrowser !== undefined)("the page of a node", () => {
	test("shows what `list` says, asks for nothing else and complains of nothing", async () => {
		const seen = await look(browser, serving);
		const want = await listed();
		expect(want).toEqual({ [`udp ${HOST_PORT}`]: [6, 3, 3, 1] });
		expect(await rowsOf(seen)).toEqual({
			...want,
			"udp 9125": [0, 0, 0, 0],
			"udp 10000-10019": [0, 0, 0, 0],
		});
		expect(new Set(seen.requests)).toEqual(new Set([serving]));
		expect(seen.complaints).toEqual([]);
		await seen.page.close();
	});

	test("a hostile name is text", async () => {
		const { page } = await look(browser, serving);
		const cell = page.locator("tr", { hasText: "udp 9125" }).first();
		expect(await cell.textContent()).toContain(`default/${HOSTILE}`);
		expect(await page.$$("main script")).toEqual([]);
		// and a script that came in all the same would not run
		const content = "document.title = 'hostile'";
		await page.addScriptTag({ content }).catch(() => {});
		expect(await page.title()).toMatch(/^conntrack-flush on /);
		await page.close();
	});

	test.each([
		["light", 1000],
		["dark", 1000],
		["light", 360],
		["dark", 360],
	] as const)(
		"in %s and %i px wide it has no fault that axe-core knows, and does not scroll sideways",
		async (scheme, width) => {
			const { page, complaints } = await look(browser, serving, {
				scheme,
				width,
			});
			expect(await faultsOf(page)).toEqual([]);
			const over = await page.evaluate<number>(
				"document.documentElement.scrollWidth - innerWidth",
			);
			expect(over).toBeLessThanOrEqual(0);
			expect(complaints).toEqual([]);
			await page.close();
		},
	);

	test("each of its commands can be typed, and changes nothing", async () => {
		const { page } = await look(browser, serving);
		const lines = await page.locator("main code").allTextContents();
		await page.close();
		expect(lines).toContain(
			`conntrack-flush flush --stale --host-port ${HOST_PORT} --proto udp -n`,
		);
		expect(lines).toContain(
			"conntrack-flush list --host-port 10000-10019 --proto udp",
		);
		const before = await listed();
		for (const line of lines.filter((l) => !l.endsWith("doctor")))
			expect([line, (await stage.type(line)).code]).toEqual([line, 0]);
		expect(await listed()).toEqual(before);
	});

	test("refreshes neither while something is selected nor if it is told not to", async () => {
		const { page } = await look(browser, serving);
		const marked = page.locator("main[data-old]");
		const mark = "document.querySelector('main').dataset.old = 1";
		const isReplaced = () =>
			marked.waitFor({ state: "detached", timeout: LIVENESS_MS });
		await page.evaluate(mark);
		await page.getByLabel("Do not refresh").check();
		await page.waitForTimeout(2500);
		expect(await marked.count()).toBe(1);
		await page.locator("main code").first().click();
		await page.getByLabel("Do not refresh").uncheck();
		await page.waitForTimeout(2500);
		expect(await marked.count()).toBe(1);
		await page.evaluate("getSelection().removeAllRanges()");
		await isReplaced();
		await page.close();
	});

	test("names no client", async () => {
		const { page } = await look(browser, serving);
		expect(await page.textContent("main")).not.toContain("203.0.113.2");
		await page.close();
	});

	test("changes by itself when a pod is replaced, and says so when nobody answers", async () => {
		const child = stage.stay(
			"exec conntrack-flush serve --interval 1s --listen 127.0.0.1:9471 --cni-conf-dir /run/net.d",
		);
		const seen = await look(browser, await addressOf(child));
		const { page } = seen;
		await page.evaluate("document.body.dataset.same = true");
		await statsd.stop();
		await stage.start("statsd-3");
		await page
			.locator("main", { hasText: "statsd-3" })
			.waitFor({ timeout: LIVENESS_MS });
		expect(await page.$$("body[data-same]")).toHaveLength(1);
		expect(seen.complaints).toEqual([]);
		expect(new Set(seen.requests).size).toBe(1);
		child.kill("SIGTERM");
		await page
			.getByText("The node does not answer")
			.waitFor({ timeout: LIVENESS_MS });
		expect(await page.textContent("main")).toContain("statsd-3");
		await page.close();
	});

	test("the address in use is an error that names it", async () => {
		const { code, stdout } = await stage.type("conntrack-flush serve");
		expect(code).toBe(1);
		expect(stdout).toMatch(/cannot serve at 127\.0\.0\.1:9470: it is in use/);
	});

	test("of the agent, it tells what was removed, by whom and why, and what is stale now", async () => {
		await stale(3);
		const child = stage.stay(
			`mkdir bin && cp -s ${CNI_BIN}/* bin && exec unshare --uts bash -c 'hostname worker-1; exec conntrack-flush install --watch --reconcile-interval 0 --cni-conf-dir /run/net.d --cni-bin-dir $PWD/bin --metrics-address 127.0.0.1:9472'`,
		);
		const { page } = await look(browser, await answering(9472), { width: 800 });
		await page
			.locator("#removed ~ table", {
				hasText: /\d+other-pod \(udp\).*reconcile/,
			})
			.waitFor({ timeout: LIVENESS_MS });
		if (process.env.UPDATE_DOCS) await takePicture(page);
		child.kill("SIGTERM");
		await page.close();
	});
});

/** Makes so many entries that lead to an address which no pod has. */
async function stale(n: number): Promise<void> {
	for (let port = 20_100; port < 20_100 + n; port++)
		await stage.type(
			`conntrack -I -p udp -s 203.0.113.2 -d 203.0.113.1 --timeout 100 --sport ${port} --dport ${HOST_PORT} --dst-nat 10.88.0.99:5353`,
		);
}

/** Waits until somebody serves at this port of the node, and returns the address. */
async function answering(port: number): Promise<string> {
	await expect
		.poll(async () => (await stage.type(`</dev/tcp/127.0.0.1/${port}`)).code, {
			timeout: LIVENESS_MS,
		})
		.toBe(0);
	return `http://127.0.0.1:${port}/`;
}

/** Has the page show all that it can show, for the documents. */
async function takePicture(page: Page): Promise<void> {
	for (const port of [20_008, 20_009]) await stage.send(port);
	await stale(2);
	await hostile.stop();
	await stage.start("dns-1", [{ ...MAPPING, hostPort: 9125 }]);
	await page
		.locator("main", { hasText: /their pods: 2\..*dns-1/s })
		.waitFor({ timeout: 90_000 });
	const picture = inFewColours(await page.screenshot({ fullPage: true }));
	expect(picture.length).toBeLessThan(150_000);
	writeFileSync(PICTURE, picture);
}
