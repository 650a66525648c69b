// A flowtable forwards what it knows past all rules, and keeps the entry's time
// from running out: a client, two pods, and packets that cross the machine.

import { CONTAINER_PORT, HOST, HOST_PORT, HOST6 } from "../scene.ts";
import type { Case } from "../script.ts";
import { cni, PATIENCE, says, within } from "../script.ts";
import { conf } from "./conf.ts";
import { dnat } from "./rules.ts";

interface Side {
	readonly name: string;
	readonly family: "ip" | "ip6";
	readonly host: string;
	/** The networks, without their last number, by the names of the namespaces. */
	readonly nets: Readonly<Record<string, string>>;
	readonly prefix: number;
}

const SIDES: readonly Side[] = [
	{
		name: "IPv4",
		family: "ip",
		host: HOST,
		nets: { client: "192.0.2.", old: "10.89.1.", new: "10.89.2." },
		prefix: 24,
	},
	{
		name: "IPv6",
		family: "ip6",
		host: HOST6,
		nets: { client: "fd07::", old: "fd89:1::", new: "fd89:2::" },
		prefix: 64,
	},
];

const gateway = (net: string): string => `${net}1`;
const inside = (net: string): string => `${net}2`;

function pod({ nets }: Side, name: "old" | "new"): string {
	return inside(nets[name] ?? "");
}

/** Three namespaces behind the machine, which forwards between them by a flowtable. */
export const PREPARE: readonly string[] = [
	"mkdir -p /run/netns",
	...["client", "old", "new"].flatMap((name) => [
		`/opt/ip netns add ${name}`,
		`/opt/ip link add ${name} type veth peer name eth0 netns ${name}`,
		`/opt/ip link set ${name} up`,
		`/opt/ip -n ${name} link set eth0 up`,
		...SIDES.flatMap(({ nets: { [name]: net = "" }, prefix }) => [
			`/opt/ip addr add ${gateway(net)}/${prefix} dev ${name} ${net.includes(":") ? "nodad" : ""}`,
			`/opt/ip -n ${name} addr add ${inside(net)}/${prefix} dev eth0 ${net.includes(":") ? "nodad" : ""}`,
			`/opt/ip -n ${name} route add default via ${gateway(net)}`,
		]),
	]),
	"echo 1 >/proc/sys/net/ipv4/ip_forward",
	"echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
	...(["old", "new"] as const).flatMap((name) =>
		SIDES.map(
			(side) =>
				`/opt/ip netns exec ${name} udp serve ${pod(side, name)} ${CONTAINER_PORT} ${name} &`,
		),
	),
	[
		"nft -f - <<'END'",
		"table inet fast {",
		"flowtable f { hook ingress priority 0; devices = { client, old, new }; }",
		"chain c { type filter hook forward priority 0; ct state established flow add @f; }",
		"}",
		...SIDES.flatMap(({ family }) => [
			`table ${family} front {`,
			"chain c { type nat hook prerouting priority -100; }",
			"}",
		]),
		"END",
	].join("\n"),
	"sleep 1",
];

const rule = (side: Side, to?: "old" | "new"): string =>
	dnat("front", side, to && pod(side, to));

function asks({ host, nets }: Side, port: number, answer: string): string {
	return `asks ${answer} ${inside(nets.client ?? "")} ${port} ${host} ${HOST_PORT}`;
}

const FROM_CLIENT = "as='/opt/ip netns exec client'";

function flowtables(side: Side): Case[] {
	const phase = "flowtable";
	/** Fast is the flow from its third packet on. */
	const fast = (port: number, name: "old" | "new"): string[] => [
		FROM_CLIENT,
		rule(side, name),
		...[1, 2, 3].map(() => asks(side, port, name)),
		`entry ':${port} > .* offload'`,
	];
	return [
		{
			name: `${side.name} flowtable: past the new rule until ADD`,
			phase,
			steps: () => [
				...fast(7101, "old"),
				rule(side, "new"),
				asks(side, 7101, "old"),
				cni("ADD", conf({ ips: [pod(side, "new")] })),
				within(PATIENCE, asks(side, 7101, "new")),
			],
		},
		{
			name: `${side.name} flowtable: after DEL, rule gone, the pod hears nothing`,
			phase,
			steps: () => [
				...fast(7102, "new"),
				rule(side),
				asks(side, 7102, "new"),
				cni("DEL", conf({ ips: [pod(side, "new")], on: "del" })),
				within(PATIENCE, asks(side, 7102, "nothing")),
			],
		},
		{
			// the rule has gone first: what comes between a DEL and portmap's is not known
			name: `${side.name} flowtable: what would be retired is deleted, under a client that never pauses`,
			phase,
			steps: () => [
				...fast(7103, "old"),
				`busy_asks ${inside(side.nets.client ?? "")} 7103 ${side.host} ${HOST_PORT}`,
				rule(side, "new"),
				within(PATIENCE, "busy_hears old"),
				cni("DEL", conf({ ips: [pod(side, "old")], retireSeconds: 5 })),
				says("deleted=1"),
				within(PATIENCE, "busy_hears new"),
				"kill $busy; wait $busy 2>/dev/null",
			],
		},
	];
}

export const FLOWTABLES: readonly Case[] = SIDES.flatMap(flowtables);
