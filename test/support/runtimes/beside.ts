// Healthy flows beside a published port that changes its container: each is made by real
// packets and then left silent. If its entry keeps its id and its timer only runs down,
// nobody has touched it.

import { type Entry, readTable } from "../conntrack.ts";
import { must } from "../exec.ts";
import { cable, createNamespace } from "../netns.ts";
import { equip, HOST4 } from "../node.ts";
import type { Client } from "../station.protocol.ts";
import { openStation, type Station } from "../station.ts";
import { SERVER4 } from "../topology.ts";
import { CONTAINER_PORT, MAPPINGS, type Node } from "./node.ts";
import type { Engine } from "./runtime.ts";

const [{ hostPort }] = MAPPINGS as readonly [(typeof MAPPINGS)[number]];
/** The port that the container beside publishes. */
const BESIDE_PORT = hostPort + 1;
const LISTENER_PORT = 9000;
/** A machine that is reached through the node. */
const SITE4 = "192.0.2.9";

export interface Beside {
	/** The flows whose entry is gone or was made anew, with what is there instead. */
	broken(): Promise<string[]>;
}

interface Flow {
	readonly name: string;
	/** Selects its entry. */
	is(entry: Entry): boolean;
}

/** Makes the flows. A container of the engine that stays has two of them. */
export async function startBeside(node: Node, engine: Engine): Promise<Beside> {
	const { topology, machine } = node;
	const site = await createNamespace("site");
	await cable([topology.node, "site0"], [site, "eth0"]);
	await equip(topology.node, { addresses: { site0: ["192.0.2.1/24"] } });
	await equip(site, {
		addresses: { eth0: [`${SITE4}/24`] },
		gateways: ["192.0.2.1"],
	});
	// Docker lets nothing through that is not its own
	for (const way of ["-i", "-o"])
		await machine.must(
			`iptables -w -I FORWARD ${way} site0 -j ACCEPT`.split(" "),
		);
	const [world, host, server] = (await Promise.all(
		[topology.world, topology.node, site].map((ns) => openStation(ns)),
	)) as [Station, Station, Station];
	const listen = (station: Station, address: string, port: number) =>
		station.listen({
			name: `${address}:${port}`,
			...{ host: address, port, answers: "at once" },
		});
	await listen(host, HOST4, LISTENER_PORT);
	await listen(world, SERVER4, hostPort);
	await listen(server, SITE4, hostPort);
	const pod = await engine.run({ name: "beside" }, [
		{ hostPort: BESIDE_PORT, containerPort: CONTAINER_PORT, protocol: "udp" },
	]);

	const from = (
		n: number,
		to: string,
		port: number,
	): Omit<Client, "everyMs"> => ({
		id: 1_000_000 + n,
		from: { port: 30_000 + n },
		to: { host: to, port },
		asks: true,
	});
	await world.once(from(0, HOST4, BESIDE_PORT));
	await world.once(from(1, HOST4, LISTENER_PORT));
	await world.once(from(2, SITE4, hostPort));
	await must(
		pod.inside([
			"bash",
			"-c",
			`echo -n "#client:1000003,seq:1,ask:1" >/dev/udp/${SERVER4}/${hostPort}`,
		]),
	);
	const leads = (n: number, to: string) => (e: Entry) =>
		e.orig.sport === 30_000 + n && e.reply.src === to;
	const flows: readonly Flow[] = [
		{ name: "another container's published port", is: leads(0, pod.address) },
		{ name: "a listener of the node", is: leads(1, HOST4) },
		{
			name: "a forwarded flow to the port's number on another machine",
			is: leads(2, SITE4),
		},
		{
			name: "a container's own flow to the port's number outside",
			is: ({ orig }) => orig.src === pod.address && orig.dst === SERVER4,
		},
	];

	const find = async (): Promise<Map<string, Entry | undefined>> => {
		const table = await readTable(topology.node);
		return new Map(flows.map(({ name, is }) => [name, table.find(is)]));
	};
	const first = await find();
	for (const [name, entry] of first)
		if (entry === undefined || entry.text.includes("UNREPLIED"))
			throw new Error(`cannot set up "${name}": ${entry?.text ?? "no entry"}`);
	let last = first;
	return {
		async broken() {
			const current = await find();
			const out = [...current].flatMap(([name, entry]) => {
				const isUntouched =
					entry?.id === first.get(name)?.id &&
					(entry?.timeout ?? Number.POSITIVE_INFINITY) <=
						(last.get(name)?.timeout ?? 0);
				return isUntouched ? [] : [`${name}: ${entry?.text ?? "gone"}`];
			});
			last = current;
			return out;
		},
	};
}
