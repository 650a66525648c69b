// Packets that meet on two CPUs: what each kernel loses and counts then. Each race has a
// machine of its own, whose counters begin at 0.

import {
	RACES as ALL,
	concerns,
	DNS_PORT,
	type Race,
	rulesOf,
	sendingOf,
} from "../../support/races.ts";
import { type Case, cni, otherwise, says } from "../script.ts";
import { conf } from "./conf.ts";

/** The namespaces of the pods, which are also the names of the node's interfaces. */
const PODS = ["pod-a", "pod-b"] as const;
const FIRST_SERVER = "dns-a";

/** The key alone: these pods have no ports. */
const KEY = conf({
	hostPorts: [],
	hostInterfaces: PODS,
	more: { oneCPUPerFlow: true },
});

function steps(race: Race): string[] {
	return [
		`node ${DNS_PORT} ${race.delayMs} <<'END'\n${rulesOf(race, FIRST_SERVER)}\nEND`,
		...(race.oneCPU
			? ["where='/opt/ip netns exec node'", cni("ADD", KEY)]
			: []),
		`race ${sendingOf(race, PODS).join(" ")}`,
		...race.expects.map(
			([counted, is, value]) => `counts ${counted} ${is} ${value}`,
		),
		"in_node conntrack-flush doctor >/tmp/out 2>/tmp/err",
		says(race.says, concerns(race)),
		"in_node conntrack-flush stats >/tmp/out 2>/tmp/err",
		...(race.explained ? [says(`${race.explained}: `)] : []),
	];
}

export const RACES: readonly Case[] = ALL.map((race) => ({
	name: `race: ${race.name}`,
	phase: "races",
	steps: () => [
		...steps(race),
		...(race.isByChance ? otherwise("ok when run again", steps(race)) : []),
	],
}));
