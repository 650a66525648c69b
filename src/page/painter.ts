// Makes the page again and again: it counts the entries now and then, and has `doctor` look
// more seldom. Both together take a small part of the time, however large the table is.

import type { Context } from "../context.ts";
import { DATA_DIR } from "../defaults.ts";
import { examine } from "../doctor/examine.ts";
import type { FullHost, Host, MaybePromise } from "../host.ts";
import type { Runtime } from "../install/mode.ts";
import type { Where } from "../install/paths.ts";
import { CACHE_DIR } from "../libcni/cache.ts";
import { wordsOf } from "../log.ts";
import type { Publisher } from "../metrics/publish.ts";
import type { Proto } from "../net/proto.ts";
import { shellWord } from "../shell.ts";
import type { Examination } from "./findings.ts";
import { newLastHours, noteLastHours } from "./history.ts";
import type { Counted } from "./hostports.ts";
import { pageOf } from "./page.ts";
import { tally } from "./tally.ts";

const EXAMINE_MS = 5 * 60_000;
/** A count and a look of `doctor` may each take this part of the time. */
const DUTY_CYCLE = 0.02;

export interface PainterOptions {
	readonly version: string;
	/** Where doctor looks, and where the records are. */
	readonly where: Where;
	readonly runtime: Runtime | undefined;
	/** Returns the protocols whose mappings count if an attachment is only cached. */
	protocols(): readonly Proto[];
	/** True if the page may name clients. */
	readonly showClients: boolean;
	/** The pause between two counts, in ms; undefined: one page is made, and stays. */
	readonly everyMs: number | undefined;
	/** False if nobody here counts removals. */
	readonly countsRemovals: boolean;
	/** Waits until the table may be walked. */
	awaitTurn(): MaybePromise<void>;
}

/**
 * Returns a function for a loop to call after each run of the publisher, every few seconds.
 * It never throws: what cannot be found out, the page says.
 */
export function painter(
	host: FullHost,
	publisher: Publisher,
	options: PainterOptions,
): () => Promise<void> {
	const {
		where,
		runtime,
		showClients,
		everyMs = Number.POSITIVE_INFINITY,
	} = options;
	const dataDir = where.root + where.dataDir;
	const dir = where.root + where.cacheDir;
	const context: Context = { host, dataDir, log: () => {}, event: "page" };
	const history = newLastHours(host);
	const node = nodeName(host);
	let counted: Counted | undefined;
	let error: string | undefined;
	let examination: Examination | undefined;
	let countAt = host.ticks();
	let examineAt = countAt;

	const show = (): void => {
		const page = pageOf({
			node,
			version: options.version,
			at: host.now(),
			counted,
			error,
			statistics: publisher.statistics(),
			history,
			countsRemovals: options.countsRemovals,
			examination,
			flags: flagsFor(where),
			everyMs: options.everyMs,
		});
		publisher.show(page);
	};
	/** Returns when to do something again that was begun at `begun`. */
	const nextAfter = (begun: number, pauseMs: number): number =>
		host.ticks() + Math.max(pauseMs, (host.ticks() - begun) / DUTY_CYCLE);

	return async () => {
		const { totals } = publisher;
		noteLastHours(history, host, publisher.statistics(), totals.removals);
		if (host.ticks() >= countAt) {
			await options.awaitTurn();
			const begun = host.ticks();
			try {
				const cache = { dir, protocols: options.protocols() };
				const found = await tally(context, cache, showClients);
				counted = { at: host.now(), tally: found };
				error = undefined;
			} catch (e) {
				error = wordsOf(e);
			}
			countAt = nextAfter(begun, everyMs);
		}
		show();
		if (host.ticks() < examineAt) return;
		// whatever comes of it, it is not tried again at once
		examineAt = host.ticks() + EXAMINE_MS;
		await options.awaitTurn();
		const begun = host.ticks();
		const findings = await examine(host, where, runtime, {
			isLeftOut: false,
			namesClients: showClients,
		});
		examination = { at: host.now(), findings };
		examineAt = nextAfter(begun, EXAMINE_MS);
		show();
	};
}

/** Returns the node's name. A pod in the node's network has it too. */
function nodeName(host: Host): string {
	try {
		return host.readFile("/proc/sys/kernel/hostname").trim();
	} catch {
		return "this node";
	}
}

/** Returns the flags with which a command on the node finds the same records. */
function flagsFor({ dataDir, cacheDir }: Where): string {
	const flags = [
		["--data-dir", dataDir, DATA_DIR],
		["--cni-cache-dir", cacheDir, CACHE_DIR],
	];
	return flags
		.filter(([, dir, usual]) => dir !== usual)
		.map(([flag, dir = ""]) => ` ${flag} ${shellWord(dir)}`)
		.join("");
}
