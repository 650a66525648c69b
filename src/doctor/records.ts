// Whether the records of attachments can be read: what is checked by them is
// wrong where they cannot.

import type { Host } from "../host.ts";
import { type Known, known } from "../state/inventory.ts";
import { type Finding, warn } from "./finding.ts";

const CHECK = "records";

/** What is recorded, if the directory can be read at all, and what is wrong with it. */
export function checkRecords(
	host: Host,
	dataDir: string,
): { readonly found: Known | undefined; readonly findings: Finding[] } {
	try {
		const found = known(host, dataDir);
		if (found.unread === 0) return { found, findings: [] };
		const finding = warn(
			CHECK,
			`${found.unread} in ${dataDir} cannot be read, and their pods are not known`,
			"remove what is no record of ours; a pod's next ADD makes its record anew",
		);
		return { found, findings: [finding] };
	} catch (e) {
		const advice = "say where attachments are recorded: --data-dir";
		return { found: undefined, findings: [warn(CHECK, String(e), advice)] };
	}
}
