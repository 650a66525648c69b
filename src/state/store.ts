// What this node's attachments have mapped: one small JSON file each, written
// on ADD, dropped after DEL. It serves a DEL that comes without its prevResult,
// and tells which mappings of other pods are alive. It lives in /run and ends
// at boot, as conntrack does. Missing, cut or foreign files are never fatal.

import { type Host, isAbsent } from "../host.ts";
import { familyOf, type IP, parseIP } from "../net/ip.ts";
import type { Mapping, PodTraffic } from "../policy/stale.ts";
import { pathOf, readRecord } from "./path.ts";

/** What the CNI spec calls an attachment: a network's interface in a container. */
export interface AttachmentID {
	readonly network: string;
	readonly containerID: string;
	readonly ifname: string;
}

export interface Attachment extends AttachmentID {
	/** `namespace/name`, if the runtime said. */
	readonly pod: string | undefined;
	/** When, on the monotonic clock: records do not outlive a boot, and the wall clock may jump. */
	readonly added: number;
	readonly mappings: readonly Mapping[];
	/** The pod's traffic as a whole, where that is what is to be looked after. */
	readonly pods: readonly PodTraffic[];
	/** Its DEL has come, but could not remove all that leads to it: whoever can is to finish that. */
	readonly gone?: boolean;
}

/** Raised when the file's shape changes; a file of another version is foreign. */
const VERSION = 1;

/** Records the attachment, in place of an older one. Returns the permission bits of the directory. Throws SysError. */
export function record(host: Host, dataDir: string, a: Attachment): number {
	const mode = host.mkdir(dataDir, 0o700);
	const path = pathOf(dataDir, a);
	const text = JSON.stringify({ version: VERSION, ...a });
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

/** The recorded attachment; undefined if there is none that can be read. Throws SysError for what is not simply absent. */
export function find(
	host: Host,
	dataDir: string,
	id: AttachmentID,
): Attachment | undefined {
	const path = pathOf(dataDir, id);
	const text = readRecord(host, path);
	return text === undefined ? undefined : parse(dataDir, path, text);
}

/** The names of the records; those that come and go show here. Throws SysError if the directory cannot be read. */
export function names(host: Host, dataDir: string): string[] {
	try {
		return host.readDir(dataDir).filter((name) => name.endsWith(".json"));
	} catch (e) {
		if (isAbsent(e)) return [];
		throw e;
	}
}

/**
 * The recorded attachments that are there, or those of them in whose records one of
 * `words` stands. Throws SysError if the directory cannot be read.
 */
export function all(
	host: Host,
	dataDir: string,
	words?: readonly string[],
): Attachment[] {
	return everyRecord(host, dataDir, words).filter((a) => !a.gone);
}

/**
 * Those too that are gone and left something behind; they have no say in anything.
 * With `words` no more than that is held: a node may have thousands. Files that are
 * none are passed over.
 */
export function everyRecord(
	host: Host,
	dataDir: string,
	words: readonly string[] = [""],
): Attachment[] {
	const found: Attachment[] = [];
	for (const name of names(host, dataDir)) {
		try {
			const path = `${dataDir}/${name}`;
			const text = readRecord(host, path) ?? "";
			if (!words.some((word) => text.includes(word))) continue;
			const a = parse(dataDir, path, text);
			if (a) found.push(a);
		} catch {
			// one that cannot be read does not hide the others
		}
	}
	return found;
}

/** Forgets the attachment, also one that was never finished. Throws SysError for what is not simply absent. */
export function drop(host: Host, dataDir: string, id: AttachmentID): void {
	const path = pathOf(dataDir, id);
	discard(host, `${path}.tmp`);
	try {
		host.unlink(path);
	} catch (e) {
		if (!isAbsent(e)) throw e;
	}
}

export function isSame(a: AttachmentID, b: AttachmentID): boolean {
	return (
		a.network === b.network &&
		a.containerID === b.containerID &&
		a.ifname === b.ifname
	);
}

/**
 * Whether an attachment of `others` has all of this mapping: then its pod got the
 * address after the one that `m` was made for had left.
 */
export function isInherited(
	others: readonly Attachment[],
	m: Mapping,
): boolean {
	return others.some((a) =>
		a.mappings.some(
			(o) =>
				o.podIP === m.podIP &&
				o.proto === m.proto &&
				o.hostPort === m.hostPort &&
				o.containerPort === m.containerPort &&
				(o.hostIP === null || o.hostIP === m.hostIP),
		),
	);
}

/** Whether an attachment of `others` has this address. */
export function isAssigned(others: readonly Attachment[], podIP: IP): boolean {
	return others.some((a) => addressesOf(a).includes(podIP));
}

/** The pod's addresses, as often as something is about them. */
export function addressesOf({
	mappings,
	pods,
}: Pick<Attachment, "mappings" | "pods">): IP[] {
	return [...mappings, ...pods].map(({ podIP }) => podIP);
}

/** Removes what only a failure or a kill leaves behind. */
function discard(host: Host, path: string): void {
	try {
		host.unlink(path);
	} catch {
		// it is not there, or the failure that left it goes on
	}
}

/** The record in the text, if it is one and belongs at this path. */
function parse(
	dataDir: string,
	path: string,
	text: string,
): Attachment | undefined {
	try {
		const found: unknown = JSON.parse(text);
		return isAttachment(found) && pathOf(dataDir, found) === path
			? found
			: undefined;
	} catch (e) {
		// cut, or names that no record of ours has
		if (e instanceof SyntaxError || e instanceof URIError) return undefined;
		throw e;
	}
}

function isAttachment(x: unknown): x is Attachment {
	if (typeof x !== "object" || x === null) return false;
	const a = x as Partial<Attachment> & { version?: unknown };
	return (
		a.version === VERSION &&
		typeof a.network === "string" &&
		typeof a.containerID === "string" &&
		typeof a.ifname === "string" &&
		typeof a.added === "number" &&
		(a.gone === undefined || typeof a.gone === "boolean") &&
		Array.isArray(a.mappings) &&
		a.mappings.every(isMapping) &&
		Array.isArray(a.pods) &&
		a.pods.every(isPodTraffic)
	);
}

function isMapping(x: unknown): x is Mapping {
	const m = x as Partial<Mapping> | null;
	return (
		isPodTraffic(m) &&
		isPort(m.hostPort) &&
		isPort(m.containerPort) &&
		(m.hostIP === null || typeof m.hostIP === "string")
	);
}

function isPodTraffic<T>(x: T): x is T & PodTraffic {
	const p = x as Partial<PodTraffic> | null;
	return (
		typeof p?.family === "number" &&
		typeof p.proto === "number" &&
		typeof p.podIP === "string" &&
		parseIP(p.podIP) === p.podIP &&
		familyOf(p.podIP) === p.family
	);
}

function isPort(x: unknown): boolean {
	return typeof x === "number" && Number.isInteger(x) && x > 0 && x <= 65535;
}
