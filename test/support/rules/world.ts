// A node on which rules decide where flows go: two ways out and a bridge, and a program
// that makes the first packets of flows on all of them. There are no pods and no
// clients: a packet's way ends when the kernel has confirmed its entry.

import { join } from "node:path";
import { createInterface } from "node:readline";
import { flushTable, readTable } from "../conntrack.ts";
import { must, run, start } from "../exec.ts";
import { createNamespace, ip, type Namespace, sysctl } from "../netns.ts";
import { equip, temporaryDirectory } from "../node.ts";
import { load, type Rules } from "./written.ts";

/** The node's own addresses by interface. Clients of up0 may arrive on up1 too. */
const ADDRESSES = {
	up0: [
		"203.0.113.1/24",
		"203.0.113.10/24",
		"fd03::1/64",
		"fd03::10/64",
	] as const,
	up1: ["192.0.2.1/24", "fd02::1/64"] as const,
	br0: ["10.88.0.1/16", "fd88::1/64"] as const,
};

export type Interface = keyof typeof ADDRESSES;

/** Everything that the kernel takes for the node's own. */
export const OWN: readonly string[] = [
	...Object.values(ADDRESSES)
		.flat()
		.map((address) => address.split("/")[0] ?? ""),
	"127.0.0.1",
	"::1",
];

/** The first packet of a flow. */
export interface Shot {
	/** The interface that it arrives on; "local" if the node sends it. */
	readonly via: Interface | "local";
	readonly proto: number;
	readonly src: string;
	/** Tells the shots of a round apart. */
	readonly sport: number;
	readonly dst: string;
	readonly dport: number;
}

/** The target to which the kernel sent a flow. */
export interface Led {
	readonly address: string;
	readonly port: number;
}

export interface World {
	readonly node: Namespace;
	/** Puts these rules in the place of all others. */
	load(rules: Rules): Promise<void>;
	/** Empties the table, makes the flows anew, and returns where each went, by its source port; a flow that was dropped is missing. */
	decide(shots: readonly Shot[]): Promise<ReadonlyMap<number, Led>>;
	end(): void;
}

/** Makes a node; its namespace and its program stay until `end`. */
export async function createWorld(): Promise<World> {
	const injector = join(temporaryDirectory("rules"), "injector");
	await must([
		...["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", injector],
		join(import.meta.dirname, "injector.c"),
	]);
	const node = await createNamespace("node");
	const child = start(node.inside([injector]), {
		stdio: ["pipe", "pipe", "inherit"],
	});
	const { stdin, stdout } = child;
	if (!stdin || !stdout) throw new Error("the injector has no pipes");
	const lines = createInterface({ input: stdout });
	const answer = (): Promise<void> =>
		new Promise((resolve, reject) => {
			const ended = (): void => reject(new Error("the injector ended"));
			child.once("exit", ended);
			lines.once("line", () => {
				child.off("exit", ended);
				resolve();
			});
		});
	await answer();
	await ip(node, [
		"link add br0 address 02:00:00:00:00:01 type bridge",
		"link set tap0 master br0",
		...["tap0", "br0", "up0", "up1"].map((name) => `link set ${name} up`),
	]);
	await equip(node, {
		addresses: ADDRESSES,
		forwards: true,
		keepsEntries: true,
	});
	await ip(node, [
		"route add default dev up0",
		"route add ::/0 dev up0",
		"route add 10.89.0.0/16 dev up1",
		"route add fd89::/64 dev up1",
	]);
	const everywhere = ["all", "default", "up0", "up1", "br0", "lo"];
	await sysctl(node, {
		"net.netfilter.nf_conntrack_checksum": 0,
		...Object.fromEntries(
			everywhere.flatMap((name) => [
				[`net.ipv4.conf.${name}.rp_filter`, 0],
				[`net.ipv4.conf.${name}.route_localnet`, 1],
				[`net.ipv4.conf.${name}.send_redirects`, 0],
			]),
		),
	});
	// the rules for routed traffic would not see what stays on the bridge
	await run(
		node.inside([
			...["sysctl", "-eqw"],
			"net.bridge.bridge-nf-call-iptables=0",
			"net.bridge.bridge-nf-call-ip6tables=0",
		]),
	);
	return {
		node,
		load: (rules) => load(node, rules),
		async decide(shots) {
			await flushTable(node);
			const text = shots.map(
				({ via, proto, src, sport, dst, dport }) =>
					`${via} ${proto} ${src} ${sport} ${dst} ${dport}\n`,
			);
			const done = answer();
			stdin.write(`${text.join("")}end\n`);
			await done;
			const led = new Map<number, Led>();
			for (const { orig, reply } of await readTable(node))
				led.set(orig.sport, { address: reply.src, port: reply.sport });
			return led;
		},
		end() {
			child.kill("SIGKILL");
			node.remove();
		},
	};
}
