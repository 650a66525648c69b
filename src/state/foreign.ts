// The records that this version cannot read: of another version of the plugin, or cut. Their
// pods may be alive, so what can be told of them counts. docs/install.md promises the members
// that every version writes; nothing else of a foreign record is looked at.

import type { Host } from "../host.ts";
import { familyOf, parseIP } from "../net/ip.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { isObject } from "../objects.ts";
import type { Attachment, AttachmentID } from "../policy/mapping.ts";
import { pathOf, readRecord } from "./path.ts";
import { RECORD_VERSION, recordAt } from "./store.ts";

/** The members of every version that say more than whose record it is, beside the addresses. */
const KEPT = [
	["pod", "string"],
	["added", "number"],
	["netns", "string"],
	["deferredAt", "number"],
] as const;

type Members = Readonly<Record<string, unknown>>;

/** Returns the version of a record that another version of the plugin wrote, or undefined. */
export function otherVersion(text: string | undefined): number | undefined {
	const version = membersIn(text)?.version;
	return typeof version === "number" && version !== RECORD_VERSION
		? version
		: undefined;
}

/**
 * Returns what is known of the attachment whose record has this name and this text. Its
 * ports are not known. If its time is not known either, it may have come after anybody.
 */
export function foreignAttachment(
	name: string,
	text: string | undefined,
): Attachment {
	const members = membersIn(text);
	// what another version wrote here, and not what somebody has copied
	const own =
		members && otherVersion(text) !== undefined && isNamed(members, name)
			? members
			: undefined;
	const { network, containerID, ifname } = own ?? partsOf(name);
	const kept = KEPT.filter(([key, type]) => typeof own?.[key] === type);
	return {
		network,
		containerID,
		ifname,
		pod: undefined,
		added: Number.POSITIVE_INFINITY,
		...Object.fromEntries(kept.map(([key]) => [key, own?.[key]])),
		...(own?.gone === true && { unfinished: true }),
		mappings: [],
		// a pod's protocols are not known; UDP is what is handled everywhere
		podTargets: recordedIPs(text ?? "").map((podIP) => ({
			family: familyOf(podIP),
			proto: IPPROTO_UDP,
			podIP,
		})),
		vague: true,
	};
}

/** Returns the recorded attachment, or what is known of it if its record is foreign. Throws SysError unless the file is absent. */
export function findAny(
	host: Host,
	dataDir: string,
	id: AttachmentID,
): Attachment | undefined {
	const path = pathOf(dataDir, id);
	const text = readRecord(host, path);
	if (text === undefined) return undefined;
	const name = path.slice(dataDir.length + 1);
	return recordAt(dataDir, path, text) ?? foreignAttachment(name, text);
}

/** Returns the pod's addresses that stand in the text of a record, which may be cut. */
export function recordedIPs(text: string): string[] {
	const found = text.matchAll(/"podIP":"([^"]*)"/g);
	const ips = [...found].map(([, ip = ""]) => ip);
	return [...new Set(ips)].filter((ip) => parseIP(ip) === ip);
}

function membersIn(text: string | undefined): Members | undefined {
	try {
		const content: unknown = JSON.parse(text ?? "");
		return isObject(content) ? content : undefined;
	} catch {
		return undefined;
	}
}

/** Returns true if the members say whose record it is, and this is its name. */
function isNamed(
	members: Members,
	name: string,
): members is Members & AttachmentID {
	const { network, containerID, ifname } = members;
	const parts = [network, containerID, ifname];
	if (!parts.every((part) => typeof part === "string")) return false;
	try {
		return pathOf("", members as Members & AttachmentID) === `/${name}`;
	} catch {
		// half a surrogate pair has no name
		return false;
	}
}

/** Returns the parts of a record's name, as `pathOf` joins them. */
function partsOf(name: string): AttachmentID {
	let parts = [name];
	try {
		parts = name
			.replace(/\.json$/, "")
			.split(":")
			.map(decodeURIComponent);
	} catch {
		// no name of ours
	}
	const [network = "", containerID = "", ifname = ""] = parts;
	return { network, containerID, ifname };
}
