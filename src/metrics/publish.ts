// The agent's metrics and health, over HTTP and as a file for node_exporter's
// textfile collector. A failure here is logged once and stops nothing, because the
// agent has duties that matter more.

import { readStatistics } from "../conntrack/stats.ts";
import type { FullHost, HttpServer } from "../host.ts";
import { type Log, wordsOf } from "../log.ts";
import { recordedAttachments } from "../state/inventory.ts";
import { leftBehind } from "../state/left.ts";
import { readUnusable } from "../state/unusable.ts";
import { collect } from "./collect.ts";
import { CONTENT_TYPE, type Gauges, metricsText } from "./text.ts";
import { noTotals } from "./totals.ts";

/** What the agent says if conntrack cannot be used over netlink. */
const CONNTRACK = "cannot use conntrack";
/** If no run comes for so long, the pages answer 503: the agent hangs. A reconcile of a full table takes seconds. */
const VALID_MS = 60_000;

export interface Options {
	readonly dataDir: string;
	readonly version: string;
	/** The address of /metrics, /healthz and /readyz: "127.0.0.1:9470". undefined: they are not served. */
	readonly address: string | undefined;
	/** The path of the file, "…/conntrack-flush.prom". undefined: none is written. */
	readonly textfile: string | undefined;
}

export interface Condition extends Pick<Gauges, "installed" | "configured"> {
	/** The reason why the agent is not ready, if it knows one. */
	readonly why: string | undefined;
}

export interface Publisher {
	/** Collects and publishes; the agent calls it every few seconds. Never throws. */
	run(now: Condition): Promise<void>;
	/** Ends the server and deletes the file, so that nobody mistakes old data for the present. */
	close(): void;
}

/** Makes the publisher. Verbs append to the spool from its first run on. */
export function publisher(
	host: FullHost,
	{ dataDir, version, address, textfile }: Options,
	log: Log,
): Publisher {
	const totals = noTotals();
	let server: HttpServer | undefined;
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
	return {
		async run({ installed, configured, why }) {
			await attempt("cannot count", () => collect(host, dataDir, totals));
			const statistics = await attempt(CONNTRACK, () => readStatistics(host));
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
			const text = metricsText(totals, gauges);
			if (textfile !== undefined)
				await attempt("cannot write metrics", () =>
					writeTextfile(host, textfile, text),
				);
			if (address === undefined) return;
			server ??= await attempt("cannot serve metrics", () =>
				host.serve(address),
			);
			server?.publish("/metrics", 200, CONTENT_TYPE, text, VALID_MS);
			server?.publish("/healthz", 200, "text/plain", "ok\n", VALID_MS);
			const reasons = [why, troubles.get(CONNTRACK)];
			const [status, body] = readiness(gauges, reasons);
			server?.publish("/readyz", status, "text/plain", body, VALID_MS);
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
	const conditions: readonly (readonly [string, boolean])[] = [
		["executable in place", g.installed],
		["configured", g.configured],
		["conntrack over netlink", g.statistics !== undefined],
	];
	const isReady = conditions.every(([, holds]) => holds);
	const lines = conditions.map(
		([what, holds]) => `[${holds ? "+" : "-"}] ${what}\n`,
	);
	for (const why of reasons) if (why !== undefined) lines.push(`${why}\n`);
	return [isReady ? 200 : 503, lines.join("")];
}
