// GC: forgets the attachments of this network that the runtime no longer knows,
// and removes what they left in the table.

import { collect } from "../../src/flush/gc.ts";
import type { Host } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import type { AttachmentID } from "../../src/state/store.ts";
import type { PluginConf } from "../cni/conf.ts";
import {
	CniError,
	INVALID_CONFIG,
	IO_FAILURE,
	invalidConfig,
} from "../cni/error.ts";
import type { CmdArgs } from "../cni/protocol.ts";
import { siteOf } from "./attachment.ts";

/** The key of the spec, and the one that libcni wrote before it was settled. */
const KEYS = ["cni.dev/valid-attachments", "cni.dev/attachments"] as const;

export async function cmdGC(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	const isValid = readValidAttachments(conf);
	const { dropped, errors } = await collect(
		siteOf("GC", host, args, conf),
		// another network's attachments are not in this list
		(a) => a.network !== conf.name || isValid(a),
	);
	if (errors.length > 0)
		throw new CniError(
			IO_FAILURE,
			`cannot collect all that is dead; dropped ${dropped}`,
			errors.map(wordsOf).join("; "),
		);
	return "";
}

/**
 * Returns whether an attachment of this network is valid. Throws CniError 7 if
 * the list is missing or malformed: an empty list read by mistake would take
 * every attachment for dead.
 */
function readValidAttachments(conf: PluginConf): (a: AttachmentID) => boolean {
	const present = KEYS.filter((key) => conf.members[key] !== undefined);
	if (present.length === 0)
		throw new CniError(
			INVALID_CONFIG,
			`missing ${KEYS[0]}`,
			"GC needs the list of valid attachments",
		);
	const valid = new Set(
		present.flatMap((key) => readList(key, conf.members[key])),
	);
	return ({ containerID, ifname }) => valid.has(`${containerID} ${ifname}`);
}

function readList(key: string, list: unknown): string[] {
	// a Go runtime with no attachments left marshals a nil slice
	if (list === null) return [];
	if (!Array.isArray(list)) throw invalidConfig(key, list, "must be an array");
	return list.map((item: unknown, i) => {
		const { containerID, ifname } = (item ?? {}) as Partial<AttachmentID>;
		// no attachment has an empty one, so that all would look dead
		if (!isText(containerID) || !isText(ifname))
			throw invalidConfig(
				`${key}[${i}]`,
				item,
				"must have containerID and ifname",
			);
		return `${containerID} ${ifname}`;
	});
}

function isText(x: unknown): boolean {
	return typeof x === "string" && x !== "";
}
