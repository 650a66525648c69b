// `list`: prints the entries of hostPorts and the verdict about each, once or again and
// again. It changes nothing.

import type { IP } from "../net/ip.ts";
import { showAgain } from "./again.ts";
import { ANY_PROTO, mappedOf, othersOf } from "./anyproto.ts";
import { command } from "./command.ts";
import { type Query, show } from "./listing.ts";
import { OPERANDS, readOperands } from "./operands.ts";
import { addressesForList, lazy, type Pods, readPods } from "./pods.ts";
import { FORMAT } from "./rows.ts";
import {
	ALL_PROTOS,
	cacheOf,
	HOST_IP,
	HOST_PORT,
	PLACE_IN_WORDS,
	SELECT,
	selectionOf,
	WHERE,
} from "./selecting.ts";
import { UsageError } from "./usage.ts";
import { INTERVAL } from "./values.ts";

export const listCommand = command({
	name: "list",
	summary: "show the entries of hostPorts, which of them are stale, and why",
	about: `Shows the entries of the hostPorts of this node's attachments, which are recorded or in libcni's cache. With --host-port, --from, --to, --leads-to, --answered-at or --pod it shows the entries that "flush" would remove with the same flags and --proto all, recorded or not; a port or a pod may stand without its flag. With --all it shows every entry that matches, those of ICMP and of other protocols and connections without NAT too. The other flags narrow the selection. It changes nothing.

${PLACE_IN_WORDS}

VERDICT is live if the entry leads to the pod that its hostPort is mapped to. It is stale if the entry keeps traffic from that pod. It is other if the entry belongs to no recorded hostPort.

The table is printed while it is read, in constant memory. The format json is an array, and jsonl is one object per line. wide, json and jsonl also show what the kernel knows: where the answers go if the source is translated, the state, the seconds left, the mark and the zone. A zone of one direction alone is "orig 9" or "reply 9"; --zone 9 finds it too, and --zone 0 finds the entries that name none.`,
	operands: OPERANDS,
	flags: {
		hostPort: HOST_PORT,
		hostIP: HOST_IP,
		...WHERE,
		proto: ANY_PROTO,
		...SELECT,
		all: { help: "show every entry, even if it belongs to no hostPort" },
		output: {
			...FORMAT,
			short: "o",
			fallback: "table",
			help: "the output format",
		},
		watch: {
			short: "w",
			help: "repeat until SIGINT or SIGTERM",
		},
		interval: {
			...INTERVAL,
			help: "with --watch: the pause between two listings; 2s if not given",
		},
	},
	examples: [
		{
			to: "see what keeps traffic from this node's pods, and why",
			line: "conntrack-flush list --stale",
		},
		{
			to: "see who sends to hostPort 8125, and where the traffic goes",
			line: "conntrack-flush list 8125 --proto udp -o wide",
		},
		{
			to: "see what one client sends, and where it goes",
			line: "conntrack-flush list --from 192.0.2.7",
		},
		{
			to: "give the reasons to a program",
			line: "conntrack-flush list --stale -o jsonl | jq -r .why",
		},
	],
	async run(
		host,
		{ output: format, watch, interval, all, proto, ...flags },
		operands,
	) {
		if (interval !== undefined && !watch)
			throw new UsageError("--interval is for --watch");
		const { stale, dataDir } = flags;
		const mapped = mappedOf(proto);
		const cache = cacheOf(flags.cniCacheDir, mapped);
		const context = { host, dataDir, log: () => {}, event: "list" };
		const pods = lazy(() => readPods(context, cache));
		const said = readOperands(host, operands, flags, pods);
		/** The addresses of the pod, also those that it had before a listing. */
		const podIPs = new Set<IP>();
		const addAddresses = (word: string, now: Pods): void => {
			const pod = now.find(word, "--pod: not a pod");
			const { ips, notes } = addressesForList(pod, now);
			for (const note of podIPs.size === 0 ? notes : [])
				host.write(2, `${note}\n`);
			for (const ip of ips) podIPs.add(ip);
		};
		if (said.pod !== undefined) addAddresses(said.pod, pods());
		const queryNow = (): Query => {
			const selection = selectionOf(
				{ ...flags, ...said, proto: mapped },
				said.pod === undefined ? undefined : [...podIPs],
				ALL_PROTOS,
			);
			return {
				selection,
				others: othersOf(selection, proto, { all, stale }),
				...{ all, stale, dataDir, cache },
			};
		};
		if (!watch) {
			await show(host, queryNow(), format);
			return 0;
		}
		const isText = format === "table" || format === "wide";
		await showAgain(host, interval, isText, async () => {
			// it may have been replaced, with another address
			if (said.pod !== undefined) {
				const now = readPods(context, cache);
				if (now.knows(said.pod)) addAddresses(said.pod, now);
			}
			await show(host, queryNow(), format);
		});
		return 0;
	},
});
