// A node on which the command line is tried: real bridge and portmap, our plugin
// behind them, clients outside that send a datagram when they are told to.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Attachment, createChain } from "../support/chain.ts";
import { conflist, withoutOwnFlush } from "../support/conflist.ts";
import { type Ran, run } from "../support/exec.ts";
import type { Namespace } from "../support/netns.ts";
import { createNamespace } from "../support/netns.ts";
import {
	CNI_BIN,
	checkRequirements,
	OUR_BIN,
} from "../support/requirements.ts";
import { createSite, HOST4, type Site } from "../support/site.ts";
import { openStation, type Station } from "../support/station.ts";

export const HOST_PORT = 8125;
export const CONTAINER_PORT = 5353;

export interface Stage {
	readonly site: Site;
	/** A pod under this name, with the hostPort unless `ports` is empty. */
	start(name: string, ports?: Attachment["portMappings"]): Promise<Pod>;
	/** Runs a line of bash on the node, as its administrator does. */
	type(line: string): Promise<Ran>;
	/** A datagram from outside, from this source port; it waits for no answer. */
	send(port: number, host?: string): Promise<void>;
}

export interface Pod {
	readonly station: Station;
	/** What remains is what the plugin leaves, which may do nothing here: see `blind`. */
	stop(): Promise<void>;
}

export const MAPPING = {
	hostPort: HOST_PORT,
	containerPort: CONTAINER_PORT,
	protocol: "udp",
};

/**
 * portmap does not flush by itself, and our plugin lacks CAP_NET_ADMIN: it records
 * attachments, but removes nothing. So what a node without it collects is there
 * for the command line.
 */
export async function createStage(): Promise<Stage> {
	checkRequirements();
	const site = await createSite();
	const world = await openStation(site.world);
	const list = conflist(site, { arrangement: "after" });
	const chain = createChain(site.node, list, {
		binDirs: [CNI_BIN, OUR_BIN],
		edit: withoutOwnFlush,
		wrap: {
			"conntrack-flush": [
				"setpriv",
				"--bounding-set=-net_admin",
				"--inh-caps=-net_admin",
			],
		},
	});
	const state = join(site.dir, "state");
	mkdirSync(state, { recursive: true });
	mkdirSync(join(site.dir, "net.d"));
	writeFileSync(
		join(site.dir, "net.d", "10-podnet.conflist"),
		JSON.stringify(list),
	);
	let pods = 0;
	let sent = 0;
	return {
		site,
		async start(name, portMappings = [MAPPING]) {
			const netns = await createNamespace("pod");
			const station = await listen(netns);
			const attachment: Attachment = {
				// the same in every run
				containerID: `${++pods}`.repeat(12),
				netns,
				podName: name,
				portMappings,
			};
			await chain.add(attachment);
			return {
				station,
				async stop() {
					await chain.del(attachment);
					station.end();
				},
			};
		},
		type: (line) =>
			run(
				site.node.inside([
					"unshare",
					"-m",
					"bash",
					"--norc",
					"-c",
					SHELL,
					state,
				]),
				{
					input: line,
					env: {
						PATH: `${OUR_BIN}:${process.env.PATH}`,
					},
				},
			),
		send: (port, host = HOST4) =>
			world.once({
				id: ++sent,
				from: { port },
				to: { host, port: HOST_PORT },
				asks: false,
			}),
	};
}

/** Puts the records where they are looked for without a flag, the configuration under /run/net.d, and obeys standard input. */
const SHELL = `
mount -t tmpfs none /run && mkdir /run/cni && ln -s "$0" /run/cni/conntrack-flush
cd "$0/.."
ln -s "$PWD/net.d" /run/net.d
line=$(cat)
exec 2>&1 </dev/null
eval "$line"
`;

async function listen(netns: Namespace): Promise<Station> {
	const station = await openStation(netns);
	await station.listen({
		name: "pod",
		host: "::",
		port: CONTAINER_PORT,
		answers: "at once",
	});
	return station;
}
