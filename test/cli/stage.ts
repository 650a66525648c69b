// A node for the command line: the real bridge and portmap, our plugin behind them, and
// clients outside that send a datagram when they are told to.

import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Attachment, createChain } from "../support/chain.ts";
import { conflist, withoutOwnFlush } from "../support/conflist.ts";
import { type Ran, run, start } from "../support/exec.ts";
import type { Namespace } from "../support/netns.ts";
import { createNamespace } from "../support/netns.ts";
import { HOST4 } from "../support/node.ts";
import {
	CNI_BIN,
	checkRequirements,
	OUR_BIN,
} from "../support/requirements.ts";
import { openStation, type Station } from "../support/station.ts";
import { createTopology } from "../support/topology.ts";

export const HOST_PORT = 8125;
export const CONTAINER_PORT = 5353;

/** Who types on a machine. */
export interface Typist {
	/** Runs a line of bash on the node, as its administrator does. */
	type(line: string): Promise<Ran>;
}

export interface Stage extends Typist {
	readonly node: Namespace;
	/** Starts a pod of this name. It has the hostPort if `ports` is left out. */
	start(name: string, ports?: Attachment["portMappings"]): Promise<Pod>;
	/** Runs a line as `type` does, and leaves it running. */
	stay(line: string): ChildProcess;
	/** Sends a datagram from outside, from this source port, and waits for no answer. */
	send(port: number, host?: string, hostPort?: number): Promise<void>;
}

export interface Pod {
	readonly station: Station;
	/** Deletes the pod. Its entries stay, because the plugin may not remove them here. */
	stop(): Promise<void>;
}

export const MAPPING = {
	hostPort: HOST_PORT,
	containerPort: CONTAINER_PORT,
	protocol: "udp",
};

/**
 * Creates the node. portmap does not flush by itself, and our plugin lacks CAP_NET_ADMIN:
 * it records attachments, but removes nothing. So the command line finds the stale
 * entries of a node without the plugin.
 */
export async function createStage(): Promise<Stage> {
	checkRequirements();
	const topology = await createTopology();
	const world = await openStation(topology.world);
	const list = conflist(topology, { arrangement: "single" });
	const chain = createChain(topology.node, list, {
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
	const state = join(topology.dir, "state");
	mkdirSync(state, { recursive: true });
	mkdirSync(join(topology.dir, "net.d"));
	writeFileSync(
		join(topology.dir, "net.d", "10-podnet.conflist"),
		JSON.stringify(list),
	);
	const shell = topology.node.inside([
		"unshare",
		"-m",
		"bash",
		"--norc",
		"-c",
		SHELL,
		state,
	]);
	const env = { PATH: `${OUR_BIN}:${process.env.PATH}` };
	let pods = 0;
	let sent = 0;
	return {
		node: topology.node,
		async start(name, portMappings = [MAPPING]) {
			const netns = await createNamespace("pod");
			const station = await listen(netns);
			const attachment: Attachment = {
				// the page shows the ID, so it is the same in every run
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
		type: (line) => run(shell, { input: line, env }),
		stay(line) {
			const child = start(shell, { stdio: "pipe", env });
			child.stdin?.end(line);
			return child;
		},
		async send(port, host = HOST4, hostPort = HOST_PORT) {
			await world.once({
				id: ++sent,
				from: { port },
				to: { host, port: hostPort },
				asks: false,
			});
			// closes the socket, so that the port may send again
			await world.answered();
		},
	};
}

/** Puts the records into the default directory and the configuration into /run/net.d, and runs the line from standard input. */
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
