// `top`: prints who fills the table, once or again and again. It reads the table in one
// pass and constant memory, and changes nothing.

import {
	type CensusTerms,
	SAMPLED,
	takeCensus,
} from "../conntrack/census.take.ts";
import type { AddressGroup } from "../conntrack/groupcounts.ts";
import { fillOf } from "../conntrack/stats.ts";
import type { Host } from "../host.ts";
import type { IP } from "../net/ip.ts";
import { addressesOf } from "../policy/mapping.ts";
import { nameOf } from "../policy/words.ts";
import { takeSnapshot } from "../state/liveness.ts";
import { showAgain } from "./again.ts";
import { ANY_PROTO } from "./anyproto.ts";
import { command } from "./command.ts";
import { wrap } from "./help.ts";
import { readRecords } from "./records.ts";
import { cacheOf } from "./selecting.ts";
import { widthOf } from "./table.ts";
import { observationsOn } from "./top.advice.ts";
import {
	type By,
	printRankings,
	rankingsAsData,
	rankingsOf,
} from "./top.tables.ts";
import { UsageError } from "./usage.ts";
import {
	CACHE_DIR_FLAG,
	DATA_DIR_FLAG,
	FAMILY,
	INTERVAL,
	number,
	oneOf,
} from "./values.ts";

const RANKINGS: readonly By[] = ["protocol", "source", "destination", "pod"];

/** The flags in the form in which one look at the table needs them. */
interface Query extends CensusTerms {
	readonly by: readonly By[];
	readonly rows: number;
	readonly isJSON: boolean;
}

export const topCommand = command({
	name: "top",
	summary: "show who fills the table, and what stands out",
	about: `Shows how full the conntrack table is, and who fills it: the protocols and states, the sources, the destinations and the pods with the most entries. What stands out is said in words, with the command that shows more. It changes nothing.

SOURCE is the address that an entry began at, DESTINATION the address and port that it came to, before any translation. An entry counts for a pod if it began there or leads there; pods are those that are recorded or in libcni's cache.

The table is read in one pass and in constant memory. Of more than ${SAMPLED} entries, only so many are read, because reading them is most of the cost: they are a fair sample, the counts are estimates for the whole table, and top says so. A share is then wrong by 0.3 % of the table at most. With --exact or --family the table is read to its end.

The counts of what was read are exact if there are at most 6144 sources or destinations of one address family. If there are more, those with the most entries are found all the same, and top says how many entries their counts may lack.`,
	flags: {
		by: {
			...oneOf<By>("WHAT", RANKINGS),
			help: "show only this table; without it, all of them",
		},
		rows: {
			...number("N", 1, 1000),
			fallback: "10",
			help: "the number of sources, destinations and pods to show",
		},
		family: { ...FAMILY, help: "count entries of this address family only" },
		proto: {
			...ANY_PROTO,
			help: "count entries of these protocols only, given by name or number",
		},
		exact: {
			help: "count every entry of a large table, and estimate nothing",
		},
		dataDir: DATA_DIR_FLAG,
		cniCacheDir: CACHE_DIR_FLAG,
		watch: { short: "w", help: "repeat until SIGINT or SIGTERM" },
		interval: {
			...INTERVAL,
			help: "with --watch: the pause between two looks; 2s if not given",
		},
		output: {
			...oneOf("FORMAT", ["table", "json"]),
			short: "o",
			fallback: "table",
			help: "the output format; json is one document per line",
		},
	},
	examples: [
		{ to: "the table is full: see who fills it", line: "conntrack-flush top" },
		{
			to: "follow the sources of UDP traffic",
			line: "conntrack-flush top --by source --proto udp --watch",
		},
		{
			to: "give the busiest destination to a program",
			line: "conntrack-flush top --by destination -o json | jq '.destinations[0]'",
		},
	],
	async run(
		host,
		{ by, exact, watch, interval, output, dataDir, cniCacheDir, ...flags },
	) {
		if (interval !== undefined && !watch)
			throw new UsageError("--interval is for --watch");
		const isJSON = output === "json";
		const look = (): Promise<void> => {
			const groups = podsOf(host, dataDir, cniCacheDir);
			return show(host, {
				...flags,
				isExact: exact,
				protos: flags.proto.length > 0 ? flags.proto.flat() : undefined,
				groups,
				by: by === undefined ? RANKINGS : [by],
				isJSON,
			});
		};
		if (watch) await showAgain(host, interval, !isJSON, look);
		else await look();
		return 0;
	},
});

/** Returns the pods that are recorded or cached, with their addresses. Throws SysError if the directory of records cannot be read. */
function podsOf(
	host: Host,
	dataDir: string,
	cniCacheDir: string,
): AddressGroup[] {
	readRecords(host, dataDir);
	const context = { host, dataDir, log: () => {}, event: "top" };
	const { live, cached } = takeSnapshot(context, cacheOf(cniCacheDir, []));
	const pods = new Map<string, IP[]>();
	for (const [attachment, ips] of [
		...live.map((a) => [a, addressesOf(a)] as const),
		...cached.map((c) => [c, c.ips] as const),
	]) {
		// a pod with several networks is one pod
		const name = nameOf(attachment);
		pods.set(name, [...(pods.get(name) ?? []), ...ips]);
	}
	return [...pods].map(([name, ips]) => ({ name, ips }));
}

/** Looks at the table once. Throws NetlinkError, SysError or DeadlineError. */
async function show(host: Host, query: Query): Promise<void> {
	const { by, rows, isJSON, family, protos } = query;
	const { fill, census } = await takeCensus(host, query);
	const found = rankingsOf(census, rows);
	const { entries, max } = fill;
	const { undecodable, read, share } = census;
	const isSample = share < 1;
	if (undecodable > 0)
		host.write(2, `${undecodable} entries could not be decoded\n`);
	if (isJSON) {
		const counted = found.entries;
		const data = {
			entries,
			...(max > 0 && { max }),
			counted,
			...(isSample && { sampled: read }),
			...rankingsAsData(found, by),
		};
		host.write(1, `${JSON.stringify(data)}\n`);
		return;
	}
	host.write(1, `entries  ${fillOf(fill)}\n`);
	if (isSample)
		host.write(
			1,
			`read     ${read} of them: the counts are estimates, see --exact\n`,
		);
	if (family !== undefined || protos !== undefined)
		host.write(1, `counted  ${found.entries} of them\n`);
	printRankings(host, found, by);
	for (const { words, command } of observationsOn(fill, found)) {
		host.write(1, `\n${wrap(words, "", widthOf(host))}\n`);
		if (command !== undefined) host.write(1, `  ${command}\n`);
	}
}
