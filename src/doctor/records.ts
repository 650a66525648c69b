// The check of the records of attachments: can they be read, and are their pods alive?
// Later checks compare with the pods of these records, and are wrong about a pod whose
// record cannot be read. It deletes no record.

import type { Host } from "../host.ts";
import { confNames } from "../install/conflist.ts";
import { keysOf } from "../install/network.ts";
import {
	allDirectories,
	namesIn,
	textOf,
	type Where,
} from "../install/paths.ts";
import { wordsOf } from "../log.ts";
import { type Attachment, attachmentKey } from "../policy/mapping.ts";
import { takeInventory } from "../state/inventory.ts";
import { leftBehind } from "../state/left.ts";
import { takeSnapshot } from "../state/liveness.ts";
import { type Finding, warn } from "./finding.ts";

const CHECK = "records";

/**
 * Returns what is recorded of pods that may be alive, or undefined if the directory
 * cannot be read, and what is wrong with the records.
 */
export function checkRecords(
	host: Host,
	where: Where,
): {
	readonly found: readonly Attachment[] | undefined;
	readonly findings: Finding[];
} {
	const dataDir = where.root + where.dataDir;
	const cache = { dir: where.root + where.cacheDir, protocols: [] };
	const context = { host, dataDir, log: () => {}, event: "doctor" };
	try {
		const { attachments, foreign, unreadable } = takeInventory(host, dataDir);
		const { dead, cached } = takeSnapshot(context, cache);
		const ended = new Set(dead.map(attachmentKey));
		const isDead = (a: Attachment): boolean => ended.has(attachmentKey(a));
		const recorded = [...attachments, ...foreign];
		const alive = recorded.filter((a) => !isDead(a));
		const findings = [
			...judgeForeign(dataDir, foreign.length),
			...(unreadable === 0
				? []
				: [
						warn(
							CHECK,
							`${unreadable} in ${dataDir} cannot be read, and their pods are not known`,
							"remove what is no record of ours; a pod's next ADD makes its record anew",
						),
					]),
			...judgeDead(recorded.filter(isDead)),
			...judgeLeft(leftBehind(host, dataDir).length),
			...judgeUnknown(alive, cached, configuredNetworks(host, where)),
		];
		return { found: alive, findings };
	} catch (e) {
		const advice = "say where attachments are recorded: --data-dir";
		return { found: undefined, findings: [warn(CHECK, wordsOf(e), advice)] };
	}
}

/** Judges the records that another version of the plugin wrote: after an upgrade that was taken back, or beside a copy of it that is older. */
function judgeForeign(dataDir: string, foreign: number): Finding[] {
	if (foreign === 0) return [];
	return [
		warn(
			CHECK,
			`${foreign} in ${dataDir} ${foreign === 1 ? "is" : "are"} of another version of the plugin, and kept: their ports are not known`,
			"delete none: the DEL of such a pod removes all that leads to its addresses, and a pod's next ADD makes its record anew",
		),
	];
}

/** Judges the records that `reconcile` collects. */
function judgeDead(dead: readonly Attachment[]): Finding[] {
	if (dead.length === 0) return [];
	return [
		warn(
			CHECK,
			`${dead.length} of pods that are gone, of ${inWords(networksOf(dead))}`,
			"delete them, and the entries that lead to these pods, with: conntrack-flush reconcile",
		),
	];
}

/** Judges what ADDs and DELs could not finish in their time. Without an agent, nobody does it by himself. */
function judgeLeft(left: number): Finding[] {
	if (left === 0) return [];
	return [
		warn(
			CHECK,
			`${left} ADDs or DELs gave up, and may have left entries`,
			"remove them now, with: conntrack-flush reconcile",
		),
	];
}

/**
 * Judges the records that nothing collects: they are older than the path of the network
 * namespace in a record, and their network was renamed or removed since.
 */
function judgeUnknown(
	recorded: readonly Attachment[],
	cached: readonly Attachment[],
	configured: ReadonlySet<unknown> | undefined,
): Finding[] {
	if (configured === undefined) return [];
	const inUse = new Set(networksOf(cached));
	const unknown = recorded.filter(
		({ netns, network }) =>
			netns === undefined && !configured.has(network) && !inUse.has(network),
	);
	if (unknown.length === 0) return [];
	const networks = networksOf(unknown);
	return [
		warn(
			CHECK,
			`${unknown.length} of ${inWords(networks)}, which no configuration names and no running pod has`,
			`crictl pods -q --no-trunc | conntrack-flush gc --valid - ${networks.map((n) => `--network ${n}`).join(" ")}`,
		),
	];
}

/** Returns the names of the networks that are configured, or undefined if that cannot be told. */
function configuredNetworks(
	host: Host,
	where: Where,
): ReadonlySet<unknown> | undefined {
	try {
		const { confDirs } = allDirectories(host, where);
		if (confDirs.length === 0) return undefined;
		const paths = confDirs.flatMap((dir) =>
			confNames(namesIn(host, dir) ?? []).map((name) => `${dir}/${name}`),
		);
		return new Set(paths.map((path) => keysOf(textOf(host, path) ?? "").name));
	} catch {
		return undefined;
	}
}

function networksOf(attachments: readonly Attachment[]): string[] {
	return [...new Set(attachments.map(({ network }) => network))].sort();
}

function inWords(networks: readonly string[]): string {
	return `${networks.length === 1 ? "network" : "networks"} ${networks.join(", ")}`;
}
