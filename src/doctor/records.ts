// The check that the records of attachments can be read. Later checks compare with the
// pods of these records, and are wrong about a pod whose record cannot be read.

import type { Host } from "../host.ts";
import { type Inventory, takeInventory } from "../state/inventory.ts";
import { type Finding, warn } from "./finding.ts";

const CHECK = "records";

/** Returns what is recorded, or undefined if the directory cannot be read, and what is wrong with the records. */
export function checkRecords(
	host: Host,
	dataDir: string,
): { readonly found: Inventory | undefined; readonly findings: Finding[] } {
	try {
		const found = takeInventory(host, dataDir);
		if (found.unreadable === 0) return { found, findings: [] };
		const finding = warn(
			CHECK,
			`${found.unreadable} in ${dataDir} cannot be read, and their pods are not known`,
			"remove what is no record of ours; a pod's next ADD makes its record anew",
		);
		return { found, findings: [finding] };
	} catch (e) {
		const advice = "say where attachments are recorded: --data-dir";
		return { found: undefined, findings: [warn(CHECK, String(e), advice)] };
	}
}
