// The node of the soak: hostPorts of both families and protocols, clients that
// never stop, and the DNAT rules that come and go with the pods.

import { must } from "../support/exec.ts";
import { cable, createNamespace, type Namespace } from "../support/netns.ts";
import {
	equip,
	GATEWAY,
	HOST4,
	HOST6,
	temporaryDirectory,
	UPLINK,
} from "../support/node.ts";
import { openStation } from "../support/station.ts";

type Family = 4 | 6;
type Proto = "udp" | "tcp";

/** A hostPort, and what kind of pod uses it. */
export interface Slot {
	readonly port: number;
	readonly protocols: readonly Proto[];
	readonly families: readonly Family[];
	/** The single arrangement, in which DEL retires, rather than the split one. */
	readonly retires: boolean;
}

export interface Pod {
	readonly id: string;
	/** Host part of its addresses. */
	readonly address: number;
	readonly slot: Slot;
}

const KINDS: readonly Pick<Slot, "protocols" | "families">[] = [
	{ protocols: ["udp"], families: [4] },
	{ protocols: ["udp"], families: [4, 6] },
	{ protocols: ["udp"], families: [6] },
	{ protocols: ["tcp"], families: [4, 6] },
	{ protocols: ["udp", "tcp"], families: [4, 6] },
];
export const SLOTS: readonly Slot[] = KINDS.flatMap((kind, n) => [
	{ ...kind, port: 8125 + 2 * n, retires: false },
	{ ...kind, port: 8126 + 2 * n, retires: true },
]);

export const HOST = { 4: HOST4, 6: HOST6 } as const;
export const CONTAINER_PORT = 5353;
/** Clients of each port, family and protocol. */
const CLIENTS = { udp: 10, tcp: 4 } as const;
const EVERY_MS = 50;
/** Pods live in one namespace: only their addresses matter to conntrack. */
const ADDRESSES = Array.from({ length: 40 }, (_, n) => 100 + n);

export interface Node {
	readonly ns: Namespace;
	readonly dataDir: string;
	/** The number of entries that must always be there. */
	bystanders: number;
	addressesExcept(pods: readonly Pod[]): number[];
	/** Makes or removes the rules of a pod. */
	rule(change: "-A" | "-D", pod: Pod): Promise<void>;
	/** Ends the traffic; returns how many datagrams there were. */
	stop(): Promise<number>;
}

/** The addresses of a pod. */
export function ipsOf({ address, slot }: Pod): string[] {
	return slot.families.map((family) => ipOf(address, family));
}

export function ipOf(address: number, family: Family): string {
	return family === 4 ? `10.88.0.${address}` : `fd88::${address}`;
}

export async function createNode(): Promise<Node> {
	const ns = await createNamespace("soaknode");
	const world = await createNamespace("soakworld");
	const pods = await createNamespace("soakpods");
	await cable([ns, "uplink"], [world, "eth0"]);
	await cable([ns, "cni0"], [pods, "eth0"]);
	await equip(ns, {
		addresses: { uplink: UPLINK, cni0: GATEWAY },
		forwards: true,
	});
	await equip(world, {
		addresses: { eth0: ["203.0.113.2/24", "fd03::2/64"] },
	});
	await equip(pods, {
		addresses: {
			eth0: ADDRESSES.flatMap((a) => [`${ipOf(a, 4)}/16`, `${ipOf(a, 6)}/64`]),
		},
		gateways: ["10.88.0.1", "fd88::1"],
	});
	const listeners = await openStation(pods);
	await listeners.tcpListen("::", CONTAINER_PORT);
	const clients = await openStation(world);
	const flows = (proto: Proto) =>
		SLOTS.filter((slot) => slot.protocols.includes(proto)).flatMap((slot) =>
			slot.families.flatMap((family) =>
				Array.from({ length: CLIENTS[proto] }, () => ({
					to: { host: HOST[family], port: slot.port },
					everyMs: EVERY_MS,
				})),
			),
		);
	await clients.send(
		flows("udp").map((flow, id) => ({
			...flow,
			id,
			from: { port: 20_000 + id },
			asks: false,
		})),
	);
	await clients.tcpTalk(flows("tcp"));
	return {
		ns,
		dataDir: temporaryDirectory("soak"),
		bystanders: 0,
		addressesExcept: (live) =>
			ADDRESSES.filter((a) => !live.some(({ address }) => address === a)),
		async rule(change, { address, slot }) {
			for (const family of slot.families)
				for (const proto of slot.protocols) {
					const target = ipOf(address, family);
					await must(
						ns.inside([
							family === 4 ? "iptables" : "ip6tables",
							...`-w -t nat ${change} PREROUTING -p ${proto}`.split(" "),
							...["-m", "addrtype", "--dst-type", "LOCAL"],
							...`--dport ${slot.port} -j DNAT --to-destination`.split(" "),
							`${family === 4 ? target : `[${target}]`}:${CONTAINER_PORT}`,
						]),
					);
				}
		},
		async stop() {
			const sent = (await clients.stop()).reduce((n, s) => n + s.sent, 0);
			clients.end();
			listeners.end();
			return sent;
		},
	};
}
