// `sweep`: removes TCP entries whose client retries and is never answered, in a loop until
// a signal comes. The rule is in src/sweep; this file reads the flags and prints.

import { probe } from "../conntrack/table.ts";
import { refusals } from "../flush/report.ts";
import type { Host } from "../host.ts";
import { type Log, logger, wordsOf } from "../log.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import {
	type Destination,
	everything,
	mapped,
	parseDestination,
	towards,
} from "../sweep/scope.ts";
import {
	type Memory,
	type Rule,
	type SweepPass,
	sweepOnce,
} from "../sweep/sweep.ts";
import { command, type Option } from "./command.ts";
import { readRecords } from "./records.ts";
import { UsageError } from "./usage.ts";
import { DATA_DIR_FLAG, INTERVAL, number } from "./values.ts";

const DESTINATION: Pick<Option<Destination>, "value" | "parse"> = {
	value: "CIDR[:PORT]",
	parse(t, flag) {
		const found = parseDestination(t);
		if (found === undefined)
			throw new UsageError(
				`${flag}: not an address, a CIDR, or one with a port: ${t}`,
			);
		return found;
	},
};

export const sweepCommand = command({
	name: "sweep",
	summary: "remove TCP entries whose clients retry and are never answered",
	about: `Reads the table every --interval, and removes TCP entries whose client sends its SYN again and again and is never answered. Such an entry was made before there was a rule, or it leads to a pod that no longer exists, and it swallows the retries. The first retry after its removal meets the current rules.

An entry is removed if it is in state SYN_SENT, never saw a reply, and has swallowed N retries (--threshold). That is the case if N samples found its timer renewed, or if at least N samples saw it unanswered, over the time in which TCP sends N retries: 1, 3, 7, 15 s and so on. (Older kernels renew the timer for each retry, so the entry never expires. Newer kernels, such as 6.18, do not; there it expires after net.netfilter.nf_conntrack_tcp_timeout_syn_sent, which is 120 s.) Entries are removed one by one, by their tuples, id and zone, never by addresses alone. An entry that saw a reply is never touched.

Without --destination or --all, it removes only entries to TCP hostPorts of recorded attachments, and only if they do not already lead to the right pod. (TCP mappings are recorded if the plugin's "protocols" contains "tcp".) An entry that is missing in a sample is forgotten. At most 20000 entries are remembered.`,
	flags: {
		destination: {
			...DESTINATION,
			many: true,
			help: "instead of hostPorts: entries to these addresses, such as 10.96.0.0/12, 192.0.2.1:443 or [fd00::/108]:443",
		},
		all: { help: "instead of hostPorts: entries to any address" },
		threshold: {
			...number("N", 1, 1000),
			env: "CONNECTION_RENEWAL_THRESHOLD",
			fallback: "3",
			help: "the number of retries that an entry swallows before it is removed",
		},
		interval: {
			...INTERVAL,
			env: "CONNTRACK_TABLE_DUMP_FREQUENCY",
			fallback: "1s",
			help: "the time between two samples",
		},
		cap: {
			...number("N", 1, 1_000_000),
			fallback: "1000",
			help: "the most entries to remove in one sample; the others follow in the next",
		},
		dryRun: { short: "n", help: "change nothing; print what would be removed" },
		dataDir: DATA_DIR_FLAG,
	},
	examples: [
		{
			to: "see what would be removed",
			line: "conntrack-flush sweep --dry-run --all",
		},
		{
			to: "keep the Services of a cluster reachable, as conntrack-cleaner does",
			line: "conntrack-flush sweep --destination 10.96.0.0/12",
		},
	],
	async run(host, values) {
		const { destination, all, dataDir, interval } = values;
		if (all && destination.length > 0)
			throw new UsageError("--all and --destination exclude each other");
		const scope = all
			? everything
			: destination.length > 0
				? towards(destination)
				: mapped(dataDir);
		if (!all && destination.length === 0) readRecords(host, dataDir);
		const nowhere = `no TCP hostPort is recorded in ${dataDir}`;
		await follow(host, { ...values, scope }, interval, nowhere);
		return 0;
	},
});

/** Sweeps until a signal comes. `nowhere` is the message for a scope with nothing in it. */
async function follow(
	host: Host,
	rule: Rule,
	interval: number,
	nowhere: string,
): Promise<void> {
	// asked even if nothing is in scope yet: without the right to sweep it fails now
	await probe(host);
	const log = logger(host, "info", undefined, { event: "sweep" });
	const memory: Memory = new Map();
	for (let n = 0; !host.signal(); n++) {
		const begun = host.ticks();
		// a failure of the first sample is an error; a later one may be temporary
		const found = await sweepOnce(host, memory, rule).catch((e: unknown) => {
			if (n === 0) throw e;
			log("warn", "cannot sample", { error: wordsOf(e) });
		});
		if (n === 0 && found?.hasScope === false)
			host.write(2, `${nowhere}; try --destination or --all\n`);
		if (found) print(host, rule, found, log);
		await host.sleep(Math.max(0, interval - (host.ticks() - begun)));
	}
}

function print(
	host: Host,
	{ dryRun }: Rule,
	{ swept, outcome, overlooked }: SweepPass,
	log: Log,
): void {
	for (const { entry, renewals, ms } of swept) {
		const { orig, reply } = entry;
		const seconds = (ms / 1000).toFixed(1);
		const way =
			reply.src === orig.dst && reply.sport === orig.dport
				? "no DNAT"
				: `sent to ${formatEndpoint(reply.src, reply.sport)}`;
		const times =
			renewals > 0
				? `renewed ${renewals} times in ${seconds} s`
				: `unanswered for ${seconds} s`;
		host.write(
			1,
			`${dryRun ? "would remove" : "removed"} tcp ${formatEndpoint(orig.src, orig.sport)} > ${formatEndpoint(orig.dst, orig.dport)}, ${way}, ${times}\n`,
		);
	}
	if (outcome.expired > 0)
		log("info", "some ended before they were removed", {
			gone: outcome.expired,
		});
	if (outcome.failed.size > 0)
		log("warn", "cannot remove", { refused: refusals(outcome.failed) });
	if (overlooked > 0) log("warn", "too many to remember", { overlooked });
}
