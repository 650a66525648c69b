// The agent's metrics and health, over HTTP and as a file for node_exporter's
// textfile collector. A failure here is logged once and stops nothing, because the
// agent has duties that matter more.

import { readStatistics, type Statistics } from "../conntrack/stats.ts";
import type { FullHost, HttpServer } from "../host.ts";
import { type Log, wordsOf } from "../log.ts";
import { recordedAttachments } from "../state/inventory.ts";
import { leftBehind } from "../state/left.ts";
import { readUnusable } from "../state/unusable.ts";
import { collect } from "./collect.ts";
import { CONTENT_TYPE, type Gauges, metricsText } from "./text.ts";
import { noTotals, type Totals } from "./totals.ts";

/** What the agent says if conntrack cannot be used over netlink. */
const CONNTRACK = "cannot use conntrack";
/** If no run comes for so long, the pages answer 503: the agent hangs. A reconcile of a full table takes seconds. */
const VALID_MS = 60_000;
/** The longest that a page can be valid, in ms: about seven weeks. */
export const LONGEST_MS = 0xffff_ffff;
const HTML_TYPE = "text/html; charset=utf-8";

export interface Options {
	readonly dataDir: string;
	readonly version: string;
	/** The address of /, /metrics, /healthz and /readyz: "127.0.0.1:9470". undefined: they are not served. */
	readonly address: string | undefined;
	/** The path of the file, "…/conntrack-flush.prom". undefined: none is written. */
	readonly textfile: string | undefined;
	/** True for the agent, of which there is one: it takes what verbs have counted. */
	readonly collects: boolean;
	/** How long the pages are valid without another run, in ms; a minute if undefined. */
	readonly validMs?: number | undefined;
}

export interface Condition extends Pick<Gauges, "installed" | "configured"> {
	/** The reason why the agent is not ready, if it knows one. */
	readonly why: string | undefined;
}

export interface Publisher {
	/** The counts so far. */
	readonly totals: Totals;
	/** Returns the kernel's statistics as the last run has read them, or undefined if it could not. */
	statistics(): Statistics | undefined;
	/** Begins to serve. Throws SysError. Without this call, `run` tries until it can. */
	open(): Promise<void>;
	/** Collects and publishes; the agent calls it every few seconds. Never throws. */
	run(now: Condition): Promise<void>;
	/** Publishes the page of the node at /, if it serves. */
	show(page: string): void;
	/** Ends the server and deletes the file, so that nobody mistakes old data for the present. */
	close(): void;
}

/** Makes the publisher. Verbs append to the spool from its first run on. */
export function publisher(
	host: FullHost,
	{ dataDir, version, address, textfile, collects, validMs }: Options,
	log: Log,
): Publisher {
	const totals = noTotals();
	const valid = validMs ?? VALID_MS;
	let server: HttpServer | undefined;
	let statistics: Statistics | undefined;
	// the last error of each action, so that the same error is logged once
	const troubles = new Map<string, string>();
	const attempt = async <T>(
		what: string,
		f: () => T | Promise<T>,
	): Promise<T | undefined> => {
		try {
			const result = await f();
			troubles.delete(what);
			return result;
		} catch (e) {
			const error = wordsOf(e);
			if (troubles.get(what) !== error) log("warn", what, { error });
			troubles.set(what, error);
			return undefined;
		}
	};
	const open = async (): Promise<void> => {
		if (address !== undefined) server ??= await host.serve(address);
	};
	return {
		totals,
		statistics: () => statistics,
		open,
		async run({ installed, configured, why }) {
			if (collects)
				await attempt("cannot count", () => collect(host, dataDir, totals));
			statistics = await attempt(CONNTRACK, () => readStatistics(host));
			const attachments = await attempt(
				"cannot read the attachments",
				() => recordedAttachments(host, dataDir).length,
			);
			const gauges = {
				version,
				installed,
				configured,
				statistics,
				attachments,
				left: leftBehind(host, dataDir).length,
				usable: readUnusable(host, dataDir) === undefined,
			};
			const text = metricsText(collects ? totals : undefined, gauges);
			if (textfile !== undefined)
				await attempt("cannot write metrics", () =>
					writeTextfile(host, textfile, text),
				);
			await attempt("cannot serve metrics", open);
			server?.publish("/metrics", 200, CONTENT_TYPE, text, valid);
			server?.publish("/healthz", 200, "text/plain", "ok\n", valid);
			const reasons = [why, troubles.get(CONNTRACK)];
			const [status, body] = readiness(gauges, reasons);
			server?.publish("/readyz", status, "text/plain", body, valid);
		},
		show(page) {
			server?.publish("/", 200, HTML_TYPE, page, valid);
		},
		close() {
			server?.close();
			server = undefined;
			if (textfile === undefined) return;
			try {
				host.unlink(textfile);
			} catch {
				// it could not be written
			}
		},
	};
}

/** Writes the file in one step: readers never see half of it. The collector reads only names in .prom, so not the temporary file. Throws SysError. */
export function writeTextfile(
	host: FullHost,
	path: string,
	text: string,
): void {
	host.writeFile(`${path}.tmp`, text, 0o644);
	host.rename(`${path}.tmp`, path);
}

/** Returns the page /readyz: one line for each condition, and the reasons that are known. */
function readiness(
	g: Pick<Gauges, "installed" | "configured" | "statistics">,
	reasons: readonly (string | undefined)[],
): [status: number, body: string] {
	const all: readonly (readonly [string, boolean | undefined])[] = [
		["executable in place", g.installed],
		["configured", g.configured],
		["conntrack over netlink", g.statistics !== undefined],
	];
	const conditions = all.filter(([, holds]) => holds !== undefined);
	const isReady = conditions.every(([, holds]) => holds);
	const lines = conditions.map(
		([what, holds]) => `[${holds ? "+" : "-"}] ${what}\n`,
	);
	for (const why of reasons) if (why !== undefined) lines.push(`${why}\n`);
	return [isReady ? 200 : 503, lines.join("")];
}
