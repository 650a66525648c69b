// `sweep`: ends TCP entries whose client retries without ever being answered,
// until it is told to stop.

import { probe } from "../conntrack/table.ts";
import { refusals } from "../flush/report.ts";
import type { Host } from "../host.ts";
import { type Log, logger } from "../log.ts";
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
	summary: "end TCP connection attempts that are stuck on stale entries",
	about: `Looks at the table every --interval, and removes TCP entries whose client sends its SYN again and again and is never answered: made before there was a rule, or leading to a pod that is gone, such an entry swallows the retries. The retry after its removal meets the rules as they are now.

An entry goes when it is in state SYN_SENT, never saw a reply, and has swallowed --threshold retries: as many samples found its timer renewed, or it was seen unanswered, in as many samples at least, for the time in which TCP sends that many: 1, 3, 7, 15 s and so on. (Newer kernels, such as 6.18, do not renew the timer for a retry; there an entry ends by itself after net.netfilter.nf_conntrack_tcp_timeout_syn_sent, 120 s. Older ones do, and it never ends.) Entries are removed one by one, by their tuples, id and zone, never by addresses alone. Nothing that saw a reply is touched.

Without --destination or --all, only entries to TCP hostPorts of recorded attachments go, and of those none that leads to the right pod already. (TCP mappings are recorded if the plugin's "protocols" has "tcp".) An entry that a sample does not show is forgotten; at most 20000 are remembered.`,
	flags: {
		destination: {
			...DESTINATION,
			many: true,
			help: "in place of hostPorts: entries to these addresses, such as 10.96.0.0/12, 192.0.2.1:443 or [fd00::/108]:443",
		},
		all: { help: "in place of hostPorts: entries to anywhere" },
		threshold: {
			...number("N", 1, 1000),
			env: "CONNECTION_RENEWAL_THRESHOLD",
			fallback: "3",
			help: "retries that an entry swallows before it goes",
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
			help: "entries removed in one sample at most; the others' turn is in the next",
		},
		dryRun: { short: "n", help: "print what would go, and change nothing" },
		dataDir: DATA_DIR_FLAG,
	},
	examples: [
		{
			to: "see what would go",
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

/** `nowhere` says of the scope that there is nothing in it. */
async function follow(
	host: Host,
	rule: Rule,
	interval: number,
	nowhere: string,
): Promise<void> {
	// also where nothing is in scope yet: what could never be swept is an error
	await probe(host);
	const log = logger(host, "info", undefined, { event: "sweep" });
	const memory: Memory = new Map();
	for (let n = 0; !host.signal(); n++) {
		const begun = host.ticks();
		// what does not work at all is an error; what fails later may pass
		const found = await sweepOnce(host, memory, rule).catch((e: unknown) => {
			if (n === 0) throw e;
			log("warn", "cannot sample", { error: String(e) });
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
