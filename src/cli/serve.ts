// `serve`: publishes the page and the metrics of a node that has no agent, until a signal
// comes. It changes nothing.

import { version } from "../../package.json";
import { type FullHost, isSysError } from "../host.ts";
import { logger } from "../log.ts";
import { LONGEST_MS, publisher } from "../metrics/publish.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { painter } from "../page/painter.ts";
import { command } from "./command.ts";
import { repeat } from "./loop.ts";
import { interval, LISTEN, PLACES, whereOf } from "./places.ts";
import { UsageError } from "./usage.ts";

const PUBLISH_MS = 5000;
const COUNT_MS = 30_000;
/** Nobody but the agent looks whether the plugin is in place. */
const UNKNOWN = { installed: undefined, configured: undefined, why: undefined };

export const serveCommand = command({
	name: "serve",
	summary: "publish a page about this node, and its metrics",
	about: `Publishes a page about this node's hostPorts: who has each, and how many of its entries are live, stale and bypassing; how full the table is, what the kernel counts, and what doctor says. Beside the page at / there are /metrics, /healthz and /readyz. It prints the page's address, runs until SIGINT or SIGTERM, and changes nothing.

The agent (install --watch --metrics-address) publishes the same page, with what was removed: the plugin hands its counts to the agent alone. The page names pods, and no client without --show-clients.`,
	flags: {
		listen: {
			...LISTEN,
			fallback: "127.0.0.1:9470",
			help: "the address to serve at",
		},
		interval: {
			...interval(1000, false),
			help: "the pause between two counts of the entries; 30s if not given, longer where a count takes long",
		},
		once: {
			help: "look once, and keep publishing what was seen then",
		},
		showClients: {
			help: "name some of the clients with stale entries on the page",
		},
		...PLACES,
	},
	examples: [
		{ to: "look at this node in a browser", line: "conntrack-flush serve" },
		{
			to: "look at a node from elsewhere, through ssh",
			line: "ssh -L 9470:127.0.0.1:9470 NODE conntrack-flush serve",
		},
	],
	async run(system, { listen, interval: pause, once, showClients, ...places }) {
		if (once && pause !== undefined)
			throw new UsageError("--interval is not for --once, which looks once");
		const host = system.full();
		const where = whereOf(places, undefined);
		const everyMs = once ? undefined : (pause ?? COUNT_MS);
		const log = logger(host, "info", undefined, { event: "serve" });
		const p = publisher(
			host,
			{
				dataDir: where.root + where.dataDir,
				version,
				address: listen,
				textfile: undefined,
				collects: false,
				validMs: once ? LONGEST_MS : undefined,
			},
			log,
		);
		await openAt(host, listen, p.open);
		const paint = painter(host, p, {
			version,
			where,
			runtime: places.runtimeVersion,
			protocols: () => [IPPROTO_UDP],
			showClients,
			everyMs,
			countsRemovals: false,
			// as `list`, it does not wait: that would make a file
			awaitTurn: () => {},
		});
		let hasLooked = false;
		await repeat(host, [
			{
				everyMs: Math.min(PUBLISH_MS, pause ?? PUBLISH_MS),
				async run() {
					if (once && hasLooked) return;
					await p.run(UNKNOWN);
					await paint();
					hasLooked = true;
				},
			},
		]);
		p.close();
		return 0;
	},
});

/** Begins to serve, and prints where. Throws an Error that names the address. */
async function openAt(
	host: FullHost,
	address: string,
	open: () => Promise<void>,
): Promise<void> {
	try {
		await open();
	} catch (e) {
		if (!isSysError(e)) throw e;
		const why =
			e.code === "EADDRINUSE"
				? "it is in use, perhaps by the agent; choose another with --listen"
				: e.code;
		throw new Error(`cannot serve at ${address}: ${why}`, { cause: e });
	}
	host.write(1, `http://${address}/\n`);
}
