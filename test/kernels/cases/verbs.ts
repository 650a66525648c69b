// The executable's verbs on a table that holds one entry of every kind: what is
// gone afterwards, by name, and how it was found.

import { ALL, except, HOST, type Name, POD, POD6, retired } from "../scene.ts";
import type { Case, Kernel } from "../script.ts";
import { cni, fill, PATIENCE, says, since, table, within } from "../script.ts";
import { conf, type Wish } from "./conf.ts";

const TO_POD: readonly Name[] = [
	"to the pod",
	"to the pod, without the status bit",
	"to the pod from itself",
	"to the pod, zone 7",
	"to the pod, original zone 5",
	"to the pod, reply zone 6",
];
const TO_POD_BY_ANY: readonly Name[] = [
	...TO_POD,
	"to the pod by the second address",
];
const BEGUN = "from the pod's hostPort";
const BEGUN6 = "IPv6 from the pod's hostPort";
const STALE: readonly Name[] = [
	"to the old pod",
	"to the old pod, never answered",
	"to the pod's other port",
	"past the rule",
	"to the old pod, zone 7",
	"to the old pod, original zone 5",
	"to the old pod, reply zone 6",
];
const STALE_BY_ANY: readonly Name[] = [
	...STALE,
	"to the neighbour by the second address",
];
const STALE6: readonly Name[] = [
	"IPv6 to the old pod",
	"IPv6 past the rule",
	"IPv6 to the old pod, zone 7",
];
const STALE_SCTP: readonly Name[] = [
	"SCTP to the old pod",
	"SCTP past the rule",
];

type How = "filtered-dump" | "kernel-flush" | "scan";

/** How the entries are found by a kernel that may not know the cheapest way; `otherwise` by those that do not flush. */
function possible(how: How, k: Kernel, otherwise: How): How {
	return how === "kernel-flush" && !since(k, 6, 12) ? otherwise : how;
}

/** The words of the log about `n` removals: of a kernel flush nobody knows the number, but by how much the table shrank. */
function counted(how: How, n: number): string {
	return `how=${how} ${how === "kernel-flush" ? "shrank" : "deleted"}=${n}`;
}

function add(name: string, wish: Wish, gone: readonly Name[], how: How): Case {
	return {
		name: `ADD, ${name}`,
		steps: () => [
			fill(ALL),
			cni("ADD", conf(wish)),
			says(counted(how, gone.length)),
			table(except(...gone)),
		],
		outcome: () => how,
	};
}

function del(
	name: string,
	wish: Wish,
	gone: readonly Name[],
	wanted: How,
	otherwise: How = "scan",
): Case {
	return {
		name: `DEL, ${name}`,
		steps: (k) => [
			fill(ALL),
			cni("DEL", conf({ on: "del", ...wish })),
			says(counted(possible(wanted, k, otherwise), gone.length)),
			table(except(...gone)),
		],
		outcome: (k) => possible(wanted, k, otherwise),
	};
}

function retire(name: string, wish: Wish, gone: readonly Name[]): Case {
	return {
		name: `DEL before the rule is gone, ${name}`,
		steps: () => [
			fill(ALL),
			cni("DEL", conf({ on: "both", retireSeconds: 6, ...wish })),
			says(`retired=${gone.length}`),
			table(retired(...gone)),
			// before 6.0 the kernel would let a second DEL retire them anew
			cni("DEL", conf({ on: "both", retireSeconds: 6, ...wish })),
			says(`gone=${gone.length}`),
			within(PATIENCE, table(except(...gone))),
		],
	};
}

const v4 = { ips: [POD] };
const v6 = { ips: [POD6] };

export const VERBS: readonly Case[] = [
	{
		name: "STATUS succeeds",
		steps: () => [cni("STATUS", conf())],
	},
	{
		name: "ADD and DEL on an empty table look at nothing",
		steps: () => [
			cni("ADD", conf()),
			says("how=nothing"),
			cni("DEL", conf()),
			says("how=nothing"),
		],
	},
	add("one port", v4, STALE_BY_ANY, "filtered-dump"),
	add(
		"one port of one hostIP",
		{ ...v4, hostIP: HOST },
		STALE,
		"filtered-dump",
	),
	add("IPv6", v6, STALE6, "filtered-dump"),
	add("both families", {}, [...STALE_BY_ANY, ...STALE6], "scan"),
	add(
		"TCP: only what was translated",
		{ ...v4, protocols: ["tcp"] },
		["TCP to the old pod"],
		"filtered-dump",
	),
	add(
		"SCTP: established associations of the node stay",
		{ ...v4, protocols: ["sctp"] },
		STALE_SCTP,
		"filtered-dump",
	),
	add(
		"all protocols",
		{ protocols: ["udp", "tcp", "sctp"] },
		[...STALE_BY_ANY, ...STALE6, ...STALE_SCTP, "TCP to the old pod"],
		"scan",
	),
	{
		name: "ADD, a second time, deletes nothing",
		steps: () => [
			fill(ALL),
			cni("ADD", conf()),
			cni("ADD", conf()),
			says("deleted=0"),
			table(except(...STALE_BY_ANY, ...STALE6)),
		],
	},
	{
		name: "CHECK counts what is stale, and changes nothing",
		steps: () => [
			fill(ALL),
			cni("CHECK", conf()),
			says("level=warn", "reasons=", "no-dnat:2", "other-port:1"),
			cni("CHECK", conf({ more: { strictCheck: true } }), 1),
			says('"code":100', "no-dnat: 2", "other-port: 1"),
			table(ALL),
		],
	},
	del("one port", v4, [...TO_POD_BY_ANY, BEGUN], "kernel-flush"),
	del(
		"one port of one hostIP",
		{ ...v4, hostIP: HOST },
		[...TO_POD, BEGUN],
		"kernel-flush",
	),
	del("TCP", { ...v4, protocols: ["tcp"] }, ["TCP to the pod"], "kernel-flush"),
	del("IPv6", v6, ["IPv6 to the pod", BEGUN6], "scan"),
	del("SCTP", { ...v4, protocols: ["sctp"] }, ["SCTP to the pod"], "scan"),
	del(
		"two ports",
		{ ...v4, hostPorts: [8125, 9125] },
		[...TO_POD_BY_ANY, BEGUN, "another hostPort of the pod"],
		"kernel-flush",
	),
	del(
		"all that comes to the pod",
		{ scope: "pod", protocols: ["udp", "tcp", "sctp"] },
		[
			...TO_POD_BY_ANY,
			"to the pod's other port",
			"another hostPort of the pod",
			"TCP to the pod",
			"SCTP to the pod",
			"SCTP to the pod, another hostPort",
			"IPv6 to the pod",
			"IPv6 TCP to the pod",
			"IPv6 SCTP to the pod",
		],
		"scan",
	),
	retire("one port: retired", v4, [...TO_POD_BY_ANY, BEGUN]),
	retire(
		"all protocols and families: retired",
		{ protocols: ["udp", "tcp", "sctp"] },
		[
			...TO_POD_BY_ANY,
			BEGUN,
			BEGUN6,
			"TCP to the pod",
			"SCTP to the pod",
			"IPv6 to the pod",
			"IPv6 TCP to the pod",
			"IPv6 SCTP to the pod",
		],
	),
	{
		name: "GC removes what a forgotten attachment left",
		steps: () => [
			cni("ADD", conf(v4)),
			fill(ALL),
			cni("GC", conf({ more: { "cni.dev/valid-attachments": [] } })),
			table(except(...TO_POD_BY_ANY, BEGUN)),
		],
	},
	many(),
];

/** More than one datagram, and more than one batch of removals. */
function many(): Case {
	const entries = (pod: string): string[] =>
		Array.from({ length: 600 }, (_, i) => {
			const client = `192.0.2.${i % 250}:${10_000 + i}`;
			const front = `${HOST}:${8000 + (i % 2) * 125}`;
			return `udp ${client} > ${front} | ${pod}:5353 > ${client} dnat`;
		});
	const [kept, stale] = [entries(POD), entries("10.88.0.8")].map((lines, n) =>
		lines.map((line) => line.replaceAll(/192\.0\.2/g, `192.0.${n}`)),
	);
	return {
		name: "ADD, 300 stale of 1200 entries",
		steps: () => [
			fill([...(kept ?? []), ...(stale ?? [])]),
			cni("ADD", conf(v4)),
			says("deleted=300"),
			table([
				...(kept ?? []),
				...(stale ?? []).filter((line) => line.includes(":8000 ")),
			]),
		],
	};
}
