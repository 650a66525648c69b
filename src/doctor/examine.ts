// All checks of a node, in the order in which to repair what they find.

import type { FullHost, MaybePromise } from "../host.ts";
import { findDirectories, type Where } from "../install/paths.ts";
import { Refusal } from "../install/refusal.ts";
import { checkConflist, refused } from "./conflist.ts";
import { type Finding, warn } from "./finding.ts";
import { checkAccess, checkFeatures, checkFill } from "./kernel.ts";
import { checkRecords } from "./records.ts";
import { checkRules } from "./rules.ts";
import { checkStale } from "./stale.ts";

/** Looks, and changes nothing. Checks that cannot be made without an earlier one are left out. */
export async function examine(
	host: FullHost,
	where: Where,
): Promise<Finding[]> {
	const { findings, statistics } = await checkAccess(host);
	const conflist = await tried("conflist", () => checkNetwork(host, where));
	if (!statistics) return [...findings, ...conflist];
	const dataDir = where.root + where.dataDir;
	const cacheDir = where.root + where.cacheDir;
	const records = checkRecords(host, dataDir);
	const recorded = records.found?.attachments;
	return [
		...findings,
		...(await tried("kernel", () => checkFeatures(host))),
		...conflist,
		...records.findings,
		...(await tried("DNAT rules", () =>
			checkRules(host, recorded ?? [], cacheDir),
		)),
		...(recorded === undefined
			? []
			: await tried("stale entries", () =>
					checkStale(host, dataDir, cacheDir),
				)),
		checkFill(statistics),
	];
}

function checkNetwork(host: FullHost, where: Where): Finding[] {
	try {
		// where plugins lie is the installer's business
		const { confDir } = findDirectories(host, { ...where, binDirs: ["/"] });
		return checkConflist(host, where.root + confDir, where.confName);
	} catch (e) {
		if (e instanceof Refusal) return [refused(e)];
		throw e;
	}
}

/** A check that fails itself does not keep the others from being made. */
async function tried(
	check: string,
	make: () => MaybePromise<Finding | Finding[]>,
): Promise<Finding[]> {
	try {
		return [await make()].flat();
	} catch (e) {
		return [warn(check, `could not be checked: ${String(e)}`, "try again")];
	}
}
