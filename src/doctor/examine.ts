// All checks of a node, in the order in which to repair what they find. It makes the
// checks and repairs nothing; each check has a file of its own.

import type { FullHost, MaybePromise } from "../host.ts";
import type { Runtime } from "../install/mode.ts";
import { placeOf, type Where } from "../install/paths.ts";
import { readerOf } from "../install/plan.ts";
import { Refusal } from "../install/refusal.ts";
import { seenRuntime } from "../install/runtime.ts";
import { isUsedUp, wordsOf } from "../log.ts";
import { hasEnded } from "../state/namespace.ts";
import { TOO_MUCH } from "../toomuch.ts";
import { checkConflist, findingOf } from "./conflist.ts";
import { type Finding, warn } from "./finding.ts";
import { checkIPVS } from "./ipvs.ts";
import { checkAccess, checkFeatures, checkFill } from "./kernel.ts";
import { findNoCNI, LEFT_OUT } from "./nocni.ts";
import { checkPlugin } from "./plugin.ts";
import { checkRaces } from "./races.ts";
import { checkRecords } from "./records.ts";
import { checkReturned } from "./returned.ts";
import { checkRules } from "./rules.ts";
import { checkSNAT } from "./snat.ts";
import { checkStale } from "./stale.ts";

export interface Terms {
	/** True if somebody has said that this is a node without CNI. */
	readonly isLeftOut: boolean;
	/** False: no finding says where traffic came from. */
	readonly namesClients: boolean;
}

/**
 * Makes every check and changes nothing. A check that needs what an earlier one could not
 * get is left out, and so are those of the plugin on a node without CNI.
 */
export async function examine(
	host: FullHost,
	where: Where,
	runtime: Runtime | undefined,
	{ isLeftOut, namesClients }: Terms,
): Promise<Finding[]> {
	const dataDir = where.root + where.dataDir;
	const { findings, statistics } = await checkAccess(host);
	const without = isLeftOut ? LEFT_OUT : findNoCNI(host, where);
	const conflist = without
		? [without]
		: await attemptCheck("conflist", () => checkNetwork(host, where, runtime));
	if (!statistics) return [...findings, ...conflist];
	const cacheDir = where.root + where.cacheDir;
	const records = checkRecords(host, where);
	// a dead pod's record stays for a while
	const recorded = records.found?.filter((a) => !hasEnded(host, a));
	const features = await attemptCheck("kernel", () =>
		checkFeatures(host, without === undefined),
	);
	const isSound = conflist.every(({ status }) => status === "ok");
	let hasPublished = false;
	const rules = await attemptCheck("DNAT rules", async () => {
		const check = await checkRules(host, recorded ?? [], cacheDir, isSound);
		hasPublished = check.hasPublished;
		return check.findings;
	});
	return [
		...findings,
		...(without ? [] : checkPlugin(host, dataDir)),
		...features,
		...conflist,
		...(without ? [] : records.findings),
		...rules,
		...(recorded === undefined
			? []
			: await attemptCheck("stale entries", () =>
					checkStale(host, dataDir, cacheDir, hasPublished),
				)),
		...checkReturned(host, dataDir, namesClients),
		...checkIPVS(host),
		checkFill(statistics),
		await checkRaces(host, statistics, namesClients),
		...(await attemptCheck("SNAT rules", () => checkSNAT(host, statistics))),
	];
}

function checkNetwork(
	host: FullHost,
	where: Where,
	runtime: Runtime | undefined,
): Finding[] {
	try {
		const place = placeOf(host, where);
		const seen = seenRuntime(host, where);
		const reader = readerOf(host, where.root, runtime, seen);
		return checkConflist(host, place, reader);
	} catch (e) {
		if (e instanceof Refusal) return [findingOf(e)];
		throw e;
	}
}

/** Makes one check. If the check itself fails, that is a warning, and the others are still made. */
async function attemptCheck(
	check: string,
	make: () => MaybePromise<Finding | readonly Finding[]>,
): Promise<Finding[]> {
	try {
		return [await make()].flat();
	} catch (e) {
		return [
			warn(
				check,
				`could not be checked: ${wordsOf(e)}`,
				isUsedUp(e)
					? `${TOO_MUCH}; it removes nothing because of that`
					: "try again",
			),
		];
	}
}
