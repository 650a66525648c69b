// One race (test/support/races.ts) on this kernel: two pods that the real bridge plugin has
// attached, two servers that the node routes to, and what was lost and counted.

import { resolve } from "node:path";
import { createChain, type Json } from "../support/chain.ts";
import { compileStatic } from "../support/compile.ts";
import { must, start } from "../support/exec.ts";
import { cable, createNamespace, type Namespace } from "../support/netns.ts";
import { equip, temporaryDirectory } from "../support/node.ts";
import {
	COUNTED,
	type Counts,
	DNS_PORT,
	type Race,
	rulesOf,
	SERVERS,
	sendingOf,
	unmet,
} from "../support/races.ts";
import { CNI_BIN, OUR_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";

export const EXECUTABLE = `${OUR_BIN}/conntrack-flush`;
/** The interface that leads to the first server, and the one to the second. */
const TO_SERVERS = ["dns-a", "dns-b"] as const;

export interface Met {
	readonly counts: Counts;
	/** The node, as it is after the race. */
	readonly node: Namespace;
}

/** Returns the path of the program that sends and answers. */
export function compilePairs(): Promise<string> {
	const source = resolve(import.meta.dirname, "../support/pairs.c");
	return compileStatic(`${OUR_BIN}/pairs`, [source]);
}

/** Lets the packets of a race meet, on a node of its own. */
export async function meet(race: Race, pairs: string): Promise<Met> {
	const met = await meetOnce(race, pairs);
	if (!race.isByChance || unmet(race, met.counts).length === 0) return met;
	undoAll();
	return meetOnce(race, pairs);
}

async function meetOnce(race: Race, pairs: string): Promise<Met> {
	const node = await createNamespace("node");
	await equip(node, { addresses: {}, forwards: true });
	for (const [i, name] of TO_SERVERS.entries()) {
		const server = await createNamespace(name);
		await cable([node, name], [server, "eth0"]);
		const address = SERVERS[i] ?? "";
		const gateway = address.replace(/\d+$/, "1");
		await equip(node, { addresses: { [name]: [`${gateway}/24`] } });
		await equip(server, {
			addresses: { eth0: [`${address}/24`] },
			gateways: [gateway],
		});
		const words = ["serve", address, `${DNS_PORT}`, `${race.delayMs}`];
		start(server.inside([pairs, ...words]));
	}
	await must(node.inside(["nft", "-f", "-"]), {
		input: rulesOf(race, TO_SERVERS[0]),
	});
	const dataDir = temporaryDirectory("races");
	const pods = [
		await attach(node, "pod-a", dataDir, race),
		await attach(node, "pod-b", dataDir, race),
	] as const;
	const [a, b] = pods.map(({ pod }) => pod.name) as [string, string];
	const said = await must([pairs, ...sendingOf(race, [a, b])], {
		timeoutMs: 100_000,
	});
	const { sent = 0, answered = 0 } = numbersOf(said);
	const { counters } = JSON.parse(
		await must(node.inside([EXECUTABLE, "stats", "-o", "json"])),
	);
	const all = { ...counters, lost: sent - answered };
	const counts = Object.fromEntries(
		COUNTED.map((name) => [name, all[name] ?? 0]),
	) as unknown as Counts;
	return { counts, node };
}

/** Attaches a pod as a runtime does, with this plugin and its key if each flow is to have one CPU. */
export async function attach(
	node: Namespace,
	name: string,
	dataDir: string,
	{ oneCPU }: Pick<Race, "oneCPU">,
): Promise<Attached> {
	const pod = await createNamespace(name);
	const bridge = {
		type: "bridge",
		bridge: "cni0",
		isDefaultGateway: true,
		ipam: { type: "host-local", subnet: "10.88.0.0/16", dataDir },
	};
	const own = {
		type: "conntrack-flush",
		oneCPUPerFlow: true,
		dataDir: `${dataDir}/records`,
	};
	const plugins = oneCPU ? [bridge, own] : [bridge];
	const list = { cniVersion: "1.0.0", name: "podnet", plugins };
	const chain = createChain(node, list, { binDirs: [OUR_BIN, CNI_BIN] });
	const attachment = {
		containerID: name,
		netns: pod,
		podName: name,
		portMappings: [],
	};
	await chain.add(attachment);
	return { pod, result: chain.result(attachment) };
}

/** A pod that is attached. */
export interface Attached {
	readonly pod: Namespace;
	/** The result of its chain. */
	readonly result: Json;
}

/** Reads `sent=6000 answered=5999`. */
function numbersOf(said: string): Readonly<Record<string, number>> {
	const pairs = [...said.matchAll(/(\w+)=(\d+)/g)];
	return Object.fromEntries(pairs.map(([, name, n]) => [name, Number(n)]));
}
