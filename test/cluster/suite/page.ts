// docs/clusters.md: what was run, what came of it, and what a person sees meanwhile. The
// full run writes it; the run of every day compares its column, without the times.

import { release } from "node:os";
import { join } from "node:path";
import { version } from "../../support/runtimes/tools.ts";
import { CONFIGURATIONS, type Configuration } from "./configurations.ts";
import type { Outcome } from "./outcome.ts";
import type { Screen } from "./screens.ts";

export const DOCUMENT = join(import.meta.dirname, "../../../docs/clusters.md");

/** What is shown on each cluster beside the events: the tests have these for their names. */
export const SHOWN = {
	waits:
		"the agent is there before the network, says what it waits for, and goes on when the network comes",
	calls:
		"containerd calls ADD and DEL, by version 1.1.0 STATUS too, and neither CHECK nor GC",
	out: "it is taken out as documented, and nothing is left on the nodes",
	release:
		"helm installs it from the files of a release: senders reach the pod that follows a deleted one, `kubectl conntrack-flush` asks each node, and nothing is left",
	without:
		"without it, no sender reaches a pod that moves to its node's network",
} as const;

/** What came of a configuration. */
export interface Result {
	readonly configuration: Configuration;
	/** The version as the API server says it. */
	readonly kubernetes: string;
	/** The name of each row, and what came of it. */
	readonly rows: Map<string, string>;
	/** The classes of healthy flows. */
	readonly flows: readonly string[];
	readonly screens: readonly Screen[];
}

/** Returns a cell of the table. */
export function cellOf(outcome: Outcome): string {
	const { senders, recovered, beyond, healthy, kept } = outcome;
	const flows = `${kept}/${healthy}`;
	if (senders === 0) return flows;
	const sorted = [...beyond].sort((a, b) => a - b);
	const ms = (at: number): string => (sorted.at(at) ?? 0).toFixed();
	const median = ms(Math.floor((sorted.length - 1) / 2));
	return `${recovered}/${senders}, ${median} and ${ms(-1)} ms, ${flows}`;
}

export function withoutTimes(cell: string): string {
	return cell.replace(/ \d+ and \d+ ms,/, "");
}

/** Returns what the page says of the rows of a configuration. */
export function documented(
	page: string,
	configuration: Configuration,
): Map<string, string> {
	const rows = page
		.split("\n")
		.filter((line) => line.startsWith("| "))
		.map((line) => line.split("|").map((cell) => cell.trim()))
		.map(([, ...cells]) => cells);
	const letter = letterOf(configuration);
	// in the table before, the letters are the names of rows
	const head = rows.findIndex((cells) => cells.indexOf(letter) > 0);
	const column = rows[head]?.indexOf(letter) ?? 0;
	return new Map(
		rows.slice(head + 2).map((row) => [row[0] ?? "", row[column] ?? ""]),
	);
}

const INTRODUCTION = `What was run in clusters, as \`make cluster-test\` has written it: two nodes in namespaces of
one machine, each with containerd, a kubelet and kube-proxy of its own, and the agent as
[deploy/](../deploy/README.md) installs it. \`make cluster\` starts such a cluster and leaves it
to you. CI runs a part of the rows on the first cluster.`;

const EVENTS = `Clients outside the cluster send to each address of each node without pause, eight for an
address, each from one source port. A control beside them takes a new port for each
datagram, so it shows when the hostPort is back. A cell says how many senders reached the
new pod, of how many; the median and the longest time by which they were later than the
control; and how many healthy flows were never touched, of how many. Where pods stay,
their senders' flows are healthy flows, and nobody has to find anything. An empty cell is a
row that does not happen there: runtimes call STATUS by version 1.1.0 alone, and a drop-in
is the single arrangement, in which clients may stay lost after a pod was deleted by force:
the README's limits say until when.`;

const FLOWS = `These flows are nobody's stale business, and most of them have the number of a hostPort. Each
is begun by real packets and then left silent, so that nothing can bring its entry back. Its
entry must stay the same, with a timer that only runs down, through every row. The
exceptions:

- Where portmap writes nftables rules, its own flush on ADD removes UDP entries by the number
  of the port alone. Flows to such a port are not counted on a node that has a new pod, and
  begin again. Where portmap writes iptables rules, a wrapper keeps it from that flush. So
  what helps there is conntrack-flush alone.
- A node that loses its power loses its table. Its flows begin again.
- A Service on the node's own address with the number of a hostPort has the port only where
  both kube-proxy and portmap write iptables rules (A). Otherwise portmap's chain comes
  first, and there is no such flow.`;

export function document(results: readonly Result[]): string {
	const [first] = results;
	if (first === undefined) throw new Error("nothing was run");
	const names = [...new Set(results.flatMap(({ rows }) => [...rows.keys()]))];
	return `${[
		"# Clusters",
		INTRODUCTION,
		table(
			["", "version"],
			[
				["Kubernetes", first.kubernetes.replace("v", "")],
				["containerd", version("CONTAINERD")],
				["runc", version("DEBIAN_RUNC")],
				["CNI plugins", version("PLUGINS")],
				["Linux", release().replace(/-.*/, "")],
			],
		),
		table(
			["", "kube-proxy", "portmap", "addresses", "CNI", "the plugin's place"],
			results.map(({ configuration: c }) => [
				letterOf(c),
				c.proxyMode,
				c.portmapBackend,
				c.stack === "dual" ? "IPv4 and IPv6" : "IPv4",
				c.cniVersion,
				c.mode === "edit" ? "in the conflist" : "a drop-in",
			]),
		),
		"## Events",
		EVENTS,
		table(
			["", ...results.map(({ configuration }) => letterOf(configuration))],
			names.map((name) => [
				name,
				...results.map(({ rows }) => rows.get(name) ?? ""),
			]),
		),
		"On each of these clusters it is also shown that",
		Object.values(SHOWN)
			.map((what) => `- ${what}`)
			.join("\n"),
		"## Healthy flows",
		FLOWS,
		"The flows of a node:",
		first.flows.map((name) => `- ${name}`).join("\n"),
		"## What a person sees",
		...first.screens.flatMap(({ when, command, output }, i, all) => [
			...(all[i - 1]?.when === when ? [] : [`### ${when}`]),
			`\`\`\`console\n$ ${command}\n${output}\n\`\`\``,
		]),
	].join("\n\n")}\n`;
}

function letterOf(configuration: Configuration): string {
	return "ABCD"[CONFIGURATIONS.indexOf(configuration)] ?? "";
}

function table(
	head: readonly string[],
	rows: readonly (readonly string[])[],
): string {
	return [head, head.map(() => "---"), ...rows]
		.map((row) => `| ${row.join(" | ")} |`.replaceAll("  ", " "))
		.join("\n");
}
