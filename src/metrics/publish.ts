// The agent's metrics and health, over HTTP and as a file for node_exporter's
// textfile collector. What fails here is logged, once: the agent has duties that
// matter more.

import { readStatistics } from "../conntrack/stats.ts";
import type { FullHost, HttpServer } from "../host.ts";
import type { Log } from "../log.ts";
import { recordedAttachments } from "../state/store.ts";
import { collect } from "./collect.ts";
import { CONTENT_TYPE, type Gauges, metricsText } from "./text.ts";
import { noTotals } from "./totals.ts";

/** After this without a run the pages say that the agent hangs. A reconcile of a full table takes seconds. */
const VALID_MS = 60_000;

export interface Options {
	readonly dataDir: string;
	readonly version: string;
	/** Where to serve /metrics, /healthz and /readyz: "127.0.0.1:9470". */
	readonly address: string | undefined;
	/** The file to write, "…/conntrack-flush.prom". */
	readonly textfile: string | undefined;
}

export interface Condition extends Pick<Gauges, "installed" | "configured"> {
	/** What keeps the agent from it, if something does. */
	readonly why: string | undefined;
}

export interface Publisher {
	/** Collects and publishes; to be called every few seconds. Never throws. */
	run(now: Condition): Promise<void>;
	/** Nobody is to take what was so for what is. */
	close(): void;
}

/** From its first run on, verbs hand over what they count. */
export function publisher(
	host: FullHost,
	{ dataDir, version, address, textfile }: Options,
	log: Log,
): Publisher {
	const totals = noTotals();
	let server: HttpServer | undefined;
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
			const error = String(e);
			if (troubles.get(what) !== error) log("warn", what, { error });
			troubles.set(what, error);
			return undefined;
		}
	};
	return {
		async run({ installed, configured, why }) {
			await attempt("cannot count", () => collect(host, dataDir, totals));
			const statistics = await attempt("cannot use conntrack", () =>
				readStatistics(host),
			);
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
			const [status, body] = readiness(gauges, why);
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

/** Readers never see half a file. Its collector takes only names in .prom, so not the temporary one. Throws SysError. */
export function writeTextfile(
	host: FullHost,
	path: string,
	text: string,
): void {
	host.writeFile(`${path}.tmp`, text, 0o644);
	host.rename(`${path}.tmp`, path);
}

function readiness(
	g: Pick<Gauges, "installed" | "configured" | "statistics">,
	why: string | undefined,
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
	if (why !== undefined) lines.push(`${why}\n`);
	return [isReady ? 200 : 503, lines.join("")];
}
