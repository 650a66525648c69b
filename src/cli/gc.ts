// `gc`: the CNI verb GC for runtimes that never call it, such as containerd. The
// list of valid attachments is text, so that a shell can make it.

import { collectGarbage } from "../flush/gc.ts";
import type { Host } from "../host.ts";
import { logger, wordsOf } from "../log.ts";
import { command, type List } from "./command.ts";
import { readInput } from "./input.ts";
import { readRecords } from "./records.ts";
import { UsageError } from "./usage.ts";
import { DATA_DIR_FLAG, DURATION, text } from "./values.ts";

const network: List<string> = {
	...text("NAME"),
	many: true,
	help: "a network whose attachments FILE names; may come several times; without it, every network",
};

export const gcCommand = command({
	name: "gc",
	summary: "forget attachments that are gone, and what they left behind",
	about: `Forgets recorded attachments that FILE does not name, and removes what they left in the table.

A line of FILE is a container's ID, or its ID and an interface's name. An empty list is refused: more likely it is a command that failed than a node without pods.

FILE is taken for complete: without --network, for all networks of this node, of whichever runtime. A runtime lists a pod only once it has started, so what was recorded shortly before the list was made, or after, is left alone.`,
	flags: {
		valid: {
			...text("FILE"),
			help: "the attachments that are still there; - reads standard input",
		},
		network,
		olderThan: {
			...DURATION,
			fallback: "5m",
			help: "leave alone what was recorded more recently than so long before the list",
		},
		dataDir: DATA_DIR_FLAG,
	},
	examples: [
		{
			to: "after containerd, which never calls GC, has lost pods",
			line: "crictl pods -q --no-trunc | conntrack-flush gc --valid - --network cbr0",
		},
	],
	async run(host, { valid, network: networks, olderThan, dataDir }) {
		if (valid === undefined)
			throw new UsageError("gc needs --valid FILE, or -");
		// first: what is recorded from here on may be missing in the list
		const before = listedAt(host, valid) - olderThan;
		const among = readRecords(host, dataDir).filter(
			(a) =>
				a.added <= before &&
				(networks.length === 0 || networks.includes(a.network)),
		);
		const isValid = readList(valid, readInput(host, valid));
		const log = logger(host, "info", undefined, { event: "gc" });
		const site = { host, dataDir, log, event: "gc" };
		const { dropped, errors } = await collectGarbage(site, isValid, among);
		for (const e of errors)
			log("error", "cannot collect", { error: wordsOf(e) });
		host.write(1, `dropped ${dropped}\n`);
		return errors.length > 0 ? 1 : 0;
	},
});

/** When the list was made, on the monotonic clock. */
function listedAt(host: Host, valid: string): number {
	if (valid === "-") return host.ticks();
	const age = host.now() - host.full().stat(valid).mtimeMs;
	return host.ticks() - Math.max(0, age);
}

/** A line is a container's ID, or its ID and an interface's name. */
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
