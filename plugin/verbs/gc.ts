// GC: drops the attachments of this network that the runtime no longer knows, and
// removes what they left in the table. Pods without a record keep their entries if
// libcni's cache knows them. No runtime tells a plugin where its cache is, so this looks
// in the default place, which nearly all use; elsewhere the records alone count. Only a
// request that is wrong is an error: a runtime calls GC once, when it starts, so what fails
// is logged, and its records stay for the next one who can.

import { collectGarbage } from "../../src/flush/gc.ts";
import type { Host } from "../../src/host.ts";
import { CACHE_DIR } from "../../src/libcni/cache.ts";
import { wordsOf } from "../../src/log.ts";
import type { AttachmentID } from "../../src/policy/mapping.ts";
import { cachedAttachments } from "../../src/state/cached.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import { CniError, INVALID_CONFIG } from "../cni/errors.ts";
import type { CmdArgs, Problem } from "../cni/request.ts";

/** The key of the specification, and the one that libcni wrote before it was settled. */
const KEYS = ["cni.dev/valid-attachments", "cni.dev/attachments"] as const;

export async function cmdGC(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	const isValid = readValidAttachments(conf);
	// the list says nothing about other networks
	const isLive = (a: AttachmentID): boolean =>
		a.network !== conf.name || isValid(a);
	const context = contextOf("GC", host, args, conf);
	const { dropped, errors } = await collectGarbage(
		context,
		isLive,
		undefined,
		// an attachment of this network that is not listed is dead, though it is cached
		() => cachedAttachments(host, CACHE_DIR).filter(isLive),
	).catch((e: unknown) => ({ dropped: 0, errors: [e] }));
	if (errors.length > 0)
		context.log("warn", "cannot collect all that is dead", {
			dropped,
			error: errors.map(wordsOf).join("; "),
		});
	return "";
}

/**
 * Returns a test for valid attachments of this network. Throws CniError 7 or
 * a Problem if the list is missing or malformed: a list that is empty by mistake
 * would declare every attachment dead.
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
	// a Go runtime without attachments marshals a nil slice
	if (list === null) return [];
	if (!Array.isArray(list))
		throw {
			is: "value",
			where: key,
			value: list,
			must: "must be an array",
		} satisfies Problem;
	return list.map((item: unknown, i) => {
		const { containerID, ifname } = (item ?? {}) as Partial<AttachmentID>;
		// no attachment has an empty one, so every attachment would look dead
		if (!isText(containerID) || !isText(ifname))
			throw {
				is: "value",
				where: `${key}[${i}]`,
				value: item,
				must: "must have containerID and ifname",
			} satisfies Problem;
		return `${containerID} ${ifname}`;
	});
}

function isText(x: unknown): boolean {
	return typeof x === "string" && x !== "";
}
