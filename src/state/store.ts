// The records of this node's attachments: one small JSON file each, written on ADD
// and deleted after DEL. A record serves a DEL that comes without its prevResult, and
// tells which mappings other pods have. The records lie under /run and end at boot,
// as conntrack does. A file that is missing, cut or foreign is never fatal.

import { type Host, isNotFound } from "../host.ts";
import { familyOf, parseIP } from "../net/ip.ts";
import { isPort } from "../net/proto.ts";
import type { Deadline } from "../netlink/deadline.ts";
import type {
	Attachment,
	AttachmentID,
	PodTarget,
	PortRow,
} from "../policy/mapping.ts";
import { inRows, portsIn, singlesOf } from "../policy/portrow.ts";
import { MAX_RECORD, pathOf, readRecord } from "./path.ts";

/** Raised when the file's shape changes. A file of another version is foreign (foreign.ts). */
export const RECORD_VERSION = 1;

/** Up to so many ports are recorded one by one: versions that know no rows then see them all. */
const MOST_SINGLES = 256;

/**
 * The content of a file. Two of its names are older than the words of the code, and stay:
 * after an upgrade the plugin reads the records of the version before.
 */
interface RecordFile extends Omit<Attachment, "podTargets" | "unfinished"> {
	readonly version: typeof RECORD_VERSION;
	/** `podTargets` */
	readonly pods: readonly RecordedTarget[];
	/** `unfinished` */
	readonly gone?: boolean | undefined;
}

interface RecordedTarget extends PodTarget {
	/**
	 * It is there for versions that know no rows and read of each only its first port. So
	 * they still know whose the address is, and their DEL removes what leads to it.
	 */
	readonly ofRows?: boolean;
}

/**
 * Writes the attachment's record in place of an older one. Returns the permission bits of
 * the directory. Throws SysError, and RangeError if nobody could read the record.
 */
export function writeRecord(
	host: Host,
	dataDir: string,
	a: Attachment,
): number {
	const mode = host.mkdir(dataDir, 0o700);
	const path = pathOf(dataDir, a);
	const text = JSON.stringify(recordOf(a));
	if (text.length > MAX_RECORD)
		throw new RangeError(`the record would have ${text.length} bytes`);
	// readers never see half a file; the name is the attachment's own, so no two writers meet
	try {
		host.writeFile(`${path}.tmp`, text, 0o600);
		host.rename(`${path}.tmp`, path);
		return mode;
	} catch (e) {
		discard(host, `${path}.tmp`);
		throw e;
	}
}

/** Returns the attachment as the content of a record. */
export function recordOf(a: Attachment): RecordFile {
	const { podTargets, unfinished: gone, ...rest } = a;
	const mappings =
		portsIn(a.mappings) > MOST_SINGLES ? a.mappings : singlesOf(a.mappings);
	const pods = [...podTargets, ...targetsOfRows(mappings)];
	return { version: RECORD_VERSION, ...rest, mappings, pods, gone };
}

function targetsOfRows(mappings: readonly PortRow[]): RecordedTarget[] {
	const found = new Map<string, RecordedTarget>();
	for (const { family, proto, podIP, count } of mappings)
		if (count !== undefined)
			found.set(`${proto} ${podIP}`, { family, proto, podIP, ofRows: true });
	return [...found.values()];
}

/** Returns the attachment that is the content of a record, or undefined if it is none. */
export function attachmentIn(content: unknown): Attachment | undefined {
	if (!isRecordFile(content)) return undefined;
	const { version: _, pods, gone, mappings, ...rest } = content;
	return {
		...rest,
		// versions before this one wrote no rows
		mappings: inRows(mappings),
		podTargets: pods.filter(({ ofRows }) => !ofRows),
		...(gone && { unfinished: true }),
	};
}

/** Returns the recorded attachment, or undefined if no record of it can be read. Throws SysError unless the file is absent. */
export function findRecord(
	host: Host,
	dataDir: string,
	id: AttachmentID,
): Attachment | undefined {
	const path = pathOf(dataDir, id);
	const text = readRecord(host, path);
	return text === undefined ? undefined : recordAt(dataDir, path, text);
}

/**
 * Returns the recorded attachment of the same interface in another network, or
 * undefined. An interface is in one network, so that one was renamed, or replaced by
 * this one, since ADD. Throws SysError if the directory cannot be read.
 */
export function findRenamed(
	host: Host,
	dataDir: string,
	id: AttachmentID,
): Attachment | undefined {
	const [, ofInterface = ""] = pathOf("", { ...id, network: "" }).split("/");
	const name = recordNames(host, dataDir).find((n) => n.endsWith(ofInterface));
	if (name === undefined) return undefined;
	const path = `${dataDir}/${name}`;
	return recordAt(dataDir, path, readRecord(host, path) ?? "");
}

/** Returns true for a name that `pathOf` may have made. */
export function isRecordName(name: string): boolean {
	return /^[^:]+:[^:]+:[^:]+\.json$/.test(name);
}

/** Returns the files' names, which change when a record comes or goes. Throws SysError if the directory cannot be read. */
export function recordNames(host: Host, dataDir: string): string[] {
	try {
		return host.readDir(dataDir).filter((name) => name.endsWith(".json"));
	} catch (e) {
		if (isNotFound(e)) return [];
		throw e;
	}
}

export interface ReadingOptions {
	/** Is called for each file that is no record or cannot be read: its name, and its text if it has one. */
	readonly onUnreadable?: (name: string, text: string | undefined) => void;
	/** Limits the time. Throws DeadlineError. */
	readonly deadline?: Deadline | undefined;
	/** Of the others nothing is held in memory. */
	readonly keeps?: ((a: Attachment) => boolean) | undefined;
}

/**
 * Returns every record, unfinished ones too; those decide about no entry. With
 * `words` only the records that contain one of them are held in memory, because a
 * node may have thousands. Files that are no records are passed over. Throws SysError
 * if the directory cannot be read.
 */
export function everyRecord(
	host: Host,
	dataDir: string,
	words: readonly string[] = [""],
	{ onUnreadable, deadline, keeps }: ReadingOptions = {},
): Attachment[] {
	const found: Attachment[] = [];
	for (const name of recordNames(host, dataDir)) {
		deadline?.left();
		const path = `${dataDir}/${name}`;
		let text: string | undefined;
		let a: Attachment | undefined;
		try {
			text = host.readFile(path, MAX_RECORD);
			const has = (word: string): boolean => text?.includes(word) === true;
			// a text without any address was cut
			if (!words.some(has) && has('"podIP"')) continue;
			a = recordAt(dataDir, path, text);
		} catch (e) {
			// it was deleted in between
			if (isNotFound(e)) continue;
			// a record that cannot be read does not hide the others
		}
		if (!a) onUnreadable?.(name, text);
		else if (!keeps || keeps(a)) found.push(a);
	}
	return found;
}

/** Deletes the attachment's record, and what an interrupted write of it left. Throws SysError unless the file is absent. */
export function deleteRecord(
	host: Host,
	dataDir: string,
	id: AttachmentID,
): void {
	const path = pathOf(dataDir, id);
	discard(host, `${path}.tmp`);
	try {
		host.unlink(path);
	} catch (e) {
		if (!isNotFound(e)) throw e;
	}
}

/** Removes a file that only a failure or a kill leaves behind. */
function discard(host: Host, path: string): void {
	try {
		host.unlink(path);
	} catch {
		// it is absent, or the failure that left it goes on
	}
}

/** Returns the attachment that the text records, if it is a record and belongs at this path. */
export function recordAt(
	dataDir: string,
	path: string,
	text: string,
): Attachment | undefined {
	try {
		const found = attachmentIn(JSON.parse(text));
		return found && pathOf(dataDir, found) === path ? found : undefined;
	} catch (e) {
		// the text is cut, or its names could not be a record's
		if (e instanceof SyntaxError || e instanceof URIError) return undefined;
		throw e;
	}
}

function isRecordFile(x: unknown): x is RecordFile {
	if (typeof x !== "object" || x === null) return false;
	const a = x as Partial<RecordFile>;
	return (
		a.version === RECORD_VERSION &&
		typeof a.network === "string" &&
		typeof a.containerID === "string" &&
		typeof a.ifname === "string" &&
		typeof a.added === "number" &&
		(a.gone === undefined || typeof a.gone === "boolean") &&
		(a.deferredAt === undefined || typeof a.deferredAt === "number") &&
		(a.netns === undefined || typeof a.netns === "string") &&
		(a.vague === undefined || typeof a.vague === "boolean") &&
		Array.isArray(a.mappings) &&
		a.mappings.every(isPortRow) &&
		Array.isArray(a.pods) &&
		a.pods.every(isPodTarget)
	);
}

function isPortRow(x: unknown): x is PortRow {
	const m = x as Partial<PortRow> | null;
	return (
		isPodTarget(m) &&
		isPort(m.hostPort) &&
		isPort(m.containerPort) &&
		(m.hostIP === null || typeof m.hostIP === "string") &&
		(m.count === undefined ||
			(isPort(m.count) &&
				isPort(m.hostPort + m.count - 1) &&
				isPort(m.containerPort + m.count - 1)))
	);
}

function isPodTarget<T>(x: T): x is T & PodTarget {
	const p = x as Partial<PodTarget> | null;
	return (
		typeof p?.family === "number" &&
		typeof p.proto === "number" &&
		typeof p.podIP === "string" &&
		parseIP(p.podIP) === p.podIP &&
		familyOf(p.podIP) === p.family
	);
}
