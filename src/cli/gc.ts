// `gc`: does the work of the CNI verb GC for runtimes that never call it, such as
// containerd. The list of valid attachments is plain text, so that a shell can make it.

import { collectGarbage } from "../flush/gc.ts";
import type { Host } from "../host.ts";
import { logger, wordsOf } from "../log.ts";
import { cachedAttachments } from "../state/cached.ts";
import { command, type List } from "./command.ts";
import { readInput } from "./input.ts";
import { readRecords } from "./records.ts";
import { UsageError } from "./usage.ts";
import { CACHE_DIR_FLAG, DATA_DIR_FLAG, DURATION, text } from "./values.ts";

const network: List<string> = {
	...text("NAME"),
	many: true,
	help: "a network whose attachments FILE lists; without it, every network",
};

export const gcCommand = command({
	name: "gc",
	summary: "delete the records of ended attachments, and remove their entries",
	about: `Deletes the records of attachments that FILE does not list, and removes the entries that these attachments left in the table.

A line of FILE is a container ID, or a container ID and the name of an interface. An empty list is refused, because it is more likely the output of a failed command than a node without pods.

FILE must be complete. Without --network it must list the attachments of all networks of this node, of all its runtimes. A runtime lists a pod only after the pod has started. Therefore a record is left alone if it was written shortly before the list was made (see --older-than), or after that.`,
	flags: {
		valid: {
			...text("FILE"),
			help: "the list of attachments that still exist; - is standard input",
		},
		network,
		olderThan: {
			...DURATION,
			fallback: "5m",
			help: "leave alone a record that was younger than this when the list was made",
		},
		dataDir: DATA_DIR_FLAG,
		cniCacheDir: CACHE_DIR_FLAG,
	},
	examples: [
		{
			to: "clean up after lost pods of containerd, which never calls GC",
			line: "crictl pods -q --no-trunc | conntrack-flush gc --valid - --network cbr0",
		},
	],
	async run(
		host,
		{ valid, network: networks, olderThan, dataDir, cniCacheDir },
	) {
		if (valid === undefined)
			throw new UsageError("gc needs --valid FILE, or -");
		// read before the list: an attachment that is recorded later may be missing in it
		const before = listedAt(host, valid) - olderThan;
		const among = readRecords(host, dataDir).filter(
			(a) =>
				a.added <= before &&
				(networks.length === 0 || networks.includes(a.network)),
		);
		const isValid = readList(valid, readInput(host, valid));
		const log = logger(host, "info", undefined, { event: "gc" });
		const context = { host, dataDir, log, event: "gc" };
		const { dropped, errors } = await collectGarbage(
			context,
			isValid,
			among,
			// those that FILE does not list may have come after it was made
			() => cachedAttachments(host, cniCacheDir),
		);
		for (const e of errors)
			log("error", "cannot collect", { error: wordsOf(e) });
		host.write(1, `dropped ${dropped}\n`);
		return errors.length > 0 ? 1 : 0;
	},
});

/** Returns when the list was made, in ms of the monotonic clock. */
function listedAt(host: Host, valid: string): number {
	if (valid === "-") return host.ticks();
	const age = host.now() - host.full().stat(valid).mtimeMs;
	return host.ticks() - Math.max(0, age);
}

/** Returns a test for the attachments that the list names. Throws UsageError if a line has more than two words, or no line has any. */
function readList(
	name: string,
	list: string,
): (a: { containerID: string; ifname: string }) => boolean {
	const lines = new Set<string>();
	for (const line of list.split("\n")) {
		const words = line.trim().split(/\s+/);
		if (words[0] === "") continue;
		if (words.length > 2)
			throw new UsageError(
				`${name}: not an ID, or an ID and an interface: ${line}`,
			);
		lines.add(words.join(" "));
	}
	if (lines.size === 0) throw new UsageError(`${name} names no attachment`);
	return ({ containerID, ifname }) =>
		lines.has(containerID) || lines.has(`${containerID} ${ifname}`);
}
