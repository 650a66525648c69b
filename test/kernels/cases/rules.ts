// Packets, a DNAT rule and real entries: a client that keeps its socket stays
// with the old pod until the plugin has run, on every kernel alike.

import {
	CONTAINER_PORT,
	HOST,
	HOST_PORT,
	HOST6,
	OLD,
	OLD6,
	POD,
	POD6,
} from "../scene.ts";
import type { Case } from "../script.ts";
import { cni, PATIENCE, says, within } from "../script.ts";
import { conf } from "./conf.ts";

const CLIENT = "203.0.113.20";
const CLIENT6 = "fd03::20";

interface Side {
	readonly name: string;
	readonly family: "ip" | "ip6";
	readonly client: string;
	readonly host: string;
	readonly pod: string;
	readonly old: string;
}

const SIDES: readonly Side[] = [
	{
		name: "IPv4",
		family: "ip",
		client: CLIENT,
		host: HOST,
		pod: POD,
		old: OLD,
	},
	{
		name: "IPv6",
		family: "ip6",
		client: CLIENT6,
		host: HOST6,
		pod: POD6,
		old: OLD6,
	},
];

/** The steps before the first case: addresses, two pods that answer with their names, and tracking turned on. */
export const PREPARE: readonly string[] = [
	...SIDES.flatMap(({ client, pod, old }) =>
		[client, pod, old].map(
			(ip) => `ip addr add ${ip}/${ip.includes(":") ? 128 : 32} dev lo`,
		),
	),
	...SIDES.flatMap(({ pod, old }) => [
		`udp serve ${pod} ${CONTAINER_PORT} new &`,
		`udp serve ${old} ${CONTAINER_PORT} old &`,
	]),
	"sleep 1",
	[
		"nft -f - <<'END'",
		// without a rule that asks for the state nothing is tracked between two DNAT rules
		"table inet k {",
		"chain k { type filter hook output priority 0; ct state invalid accept; }",
		"}",
		...SIDES.flatMap(({ family }) => [
			`table ${family} t {`,
			"chain c { type nat hook output priority -100; }",
			"}",
		]),
		"END",
	].join("\n"),
];

/** Puts a rule into the chain c of a table, in place of the rule before. Without a pod there is no rule. */
export function dnat(
	table: string,
	{ family, host }: Pick<Side, "family" | "host">,
	pod?: string,
): string {
	const back = pod?.includes(":") ? `[${pod}]` : pod;
	const added = `add rule ${family} ${table} c ${family} daddr ${host} udp dport ${HOST_PORT} dnat to ${back}:${CONTAINER_PORT}`;
	return [
		"nft -f - <<'END' || fail 'cannot set the rule'",
		`flush chain ${family} ${table} c`,
		...(pod === undefined ? [] : [added]),
		"END",
	].join("\n");
}

const rule = (side: Side, pod?: string): string => dnat("t", side, pod);

function asks({ client, host }: Side, port: number, answer: string): string {
	return `asks ${answer} ${client} ${port} ${host} ${HOST_PORT}`;
}

function busyAsks({ client, host }: Side, port: number): string {
	return `busy_asks ${client} ${port} ${host} ${HOST_PORT}`;
}

const busyHears = (answer: string): string => `busy_hears ${answer}`;

/** Long enough for the rule to change meanwhile, even where a command takes seconds. */
const RETIRE_SECONDS = 10;

function rules(side: Side): Case[] {
	const phase = "rules";
	const ips = [side.pod];
	return [
		{
			name: `${side.name} packets: stuck with the old pod until ADD`,
			phase,
			steps: () => [
				rule(side, side.old),
				asks(side, 7001, "old"),
				rule(side, side.pod),
				asks(side, 7001, "old"),
				cni("ADD", conf({ ips })),
				asks(side, 7001, "new"),
				cni("ADD", conf({ ips })),
				asks(side, 7001, "new"),
			],
		},
		{
			name: `${side.name} packets: past the rule until ADD`,
			phase,
			steps: () => [
				rule(side),
				asks(side, 7002, "nothing"),
				rule(side, side.pod),
				asks(side, 7002, "nothing"),
				cni("ADD", conf({ ips })),
				asks(side, 7002, "new"),
			],
		},
		{
			name: `${side.name} packets: after DEL, rule gone, the pod hears nothing`,
			phase,
			steps: () => [
				rule(side, side.pod),
				asks(side, 7003, "new"),
				rule(side),
				asks(side, 7003, "new"),
				cni("DEL", conf({ ips, on: "del" })),
				asks(side, 7003, "nothing"),
			],
		},
		{
			name: `${side.name} packets: a retired entry ends although its client never pauses`,
			phase,
			steps: () => [
				rule(side, side.old),
				busyAsks(side, 7004),
				within(PATIENCE, busyHears("old")),
				cni("DEL", conf({ ips: [side.old], retireSeconds: RETIRE_SECONDS })),
				says("retired=1"),
				rule(side, side.pod),
				busyHears("old"),
				within(PATIENCE, busyHears("new")),
				"kill $busy; wait $busy 2>/dev/null",
			],
		},
	];
}

export const RULES: readonly Case[] = SIDES.flatMap(rules);
