// Rules of iptables as people write them: every match that the tool offers for a first
// packet, with inversions and ranges, in chains that jump and go to each other.

import type { Random } from "../random.ts";
import {
	endpointText,
	POOLS,
	PORTS,
	randomProtocol,
	randomVersion,
} from "./palette.ts";
import { type Tables, V4, V6, type Version, type Written } from "./written.ts";

export interface HandRule {
	readonly version: Version;
	readonly chain: string;
	/** Without `-A CHAIN`. */
	readonly text: string;
}

/** A chain calls only those behind it. */
const CHAINS = ["PREROUTING", "OUTPUT", "HAND-0", "HAND-1", "HAND-2"];

export function randomHandRule(r: Random): HandRule {
	const version = randomVersion(r);
	const chain = r.pick([...CHAINS, "PREROUTING", "PREROUTING"]);
	return { version, chain, text: randomText(r, version, chain) };
}

function randomText(r: Random, version: Version, chain: string): string {
	const { own, pods, networks, virtual, ranges, loopback } = POOLS[version];
	const not = (): string => (r.chance(0.2) ? "! " : "");
	const sometimes = (probability: number, text: () => string): string =>
		r.chance(probability) ? `${text()} ` : "";
	const proto = randomProtocol(r);
	const port = (): number => r.pick(PORTS);
	const portRange = (): string => {
		const low = port();
		return `${low}:${low + r.pick([1, 200, 5000])}`;
	};
	const [rangeMin, rangeMax] = r.pick(ranges);
	const isOutput = chain === "OUTPUT";
	const isBase = isOutput || chain === "PREROUTING";
	const conditions = [
		isOutput
			? ""
			: sometimes(
					0.15,
					() => `${not()}-i ${r.pick(["up0", "up1", "br0", "lo", "up+"])}`,
				),
		sometimes(0.1, () => `${not()}-s ${r.pick(networks)}`),
		sometimes(
			0.25,
			() => `${not()}-d ${r.pick([...own, ...virtual, ...networks, loopback])}`,
		),
		`-p ${proto} `,
		sometimes(0.25, () => `-m comment --comment "by hand"`),
		sometimes(0.75, () =>
			r.pick([
				() => `-m ${proto} ${not()}--dport ${port()}`,
				() => `-m ${proto} ${not()}--dport ${portRange()}`,
				() =>
					`-m multiport ${not()}--dports ${port()},${portRange()},${port()}`,
				() => `-m multiport ${not()}--ports ${port()},${port()}`,
				() => `-m ${proto} --sport 20000:60000 --dport ${port()}`,
				() => `-m multiport ${not()}--sports 1024:29999`,
			])(),
		),
		sometimes(0.2, () =>
			r.pick([
				() => `-m addrtype ${not()}--dst-type LOCAL`,
				() => `-m addrtype ${not()}--src-type LOCAL`,
				() => "-m addrtype --dst-type LOCAL,UNICAST",
				() => "-m addrtype ! --src-type LOCAL --dst-type LOCAL",
				() => "-m addrtype --dst-type UNICAST",
				() =>
					chain === "PREROUTING"
						? "-m addrtype --dst-type LOCAL --limit-iface-in"
						: "-m addrtype --dst-type LOCAL",
			])(),
		),
		sometimes(0.12, () =>
			r.pick([
				() => `-m mark ${not()}--mark 0`,
				() => `-m mark ${not()}--mark 0x2000/0x2000`,
				() => `-m conntrack ${not()}--ctstate NEW`,
				() => `-m conntrack ${not()}--ctorigdst ${r.pick(own)}`,
				() => `-m connmark ${not()}--mark 0`,
				() => "-m statistic --mode random --probability 0.5",
				() => "-m statistic --mode nth --every 2 --packet 0",
				() => "-m limit --limit 1/s",
				() => "-m pkttype --pkt-type unicast",
				() => `-m iprange ${not()}--dst-range ${own[0]}-${own[1]}`,
				() => "-m recent --name hand --rcheck --rsource",
				() => "-m recent --name hand --set --rsource",
				() => "-m length --length 0:100",
				() => "-m time --datestart 2020-01-01",
			])(),
		),
	].join("");
	const after = CHAINS.slice(Math.max(2, CHAINS.indexOf(chain) + 1));
	const calls = after.flatMap((called) => [
		() => `-j ${called}`,
		() => `-g ${called}`,
	]);
	if (calls.length === 0) calls.push(() => "-j RETURN");
	// most of the rules stand in chains that must be called
	const target = r.pick(
		r.chance(isBase ? 0.45 : 0.1)
			? calls
			: [
					() =>
						`-j DNAT --to-destination ${endpointText(r.pick(pods), port())}`,
					() =>
						`-j DNAT --to-destination ${endpointText(r.pick(pods), port())}`,
					() =>
						`-j DNAT --to-destination ${endpointText(r.pick(pods), port())}`,
					() => `-j DNAT --to-destination ${r.pick(pods)}`,
					() => `-j DNAT --to-destination :${port()}`,
					() => `-j DNAT --to-destination ${rangeMin}-${rangeMax}`,
					() =>
						`-j DNAT --to-destination ${endpointText(r.pick(pods), "5000-5003")} --random`,
					() => `-j DNAT --to-destination ${rangeMin}-${rangeMax} --persistent`,
					() => `-j REDIRECT --to-ports ${port()}`,
					() => "-j REDIRECT --to-ports 5000-5003",
					() => "-j REDIRECT",
					() => `-j NETMAP --to ${networks[0]}`,
					() => "-j RETURN",
					() => "-j RETURN",
					() => "-j ACCEPT",
					() => "-j MARK --set-xmark 0x2000/0x2000",
					() => "-j CONNMARK --set-xmark 0x1/0x1",
					() => "",
					...calls,
				],
	)();
	return `${conditions}${target}`.trim();
}

export function handIptables(all: readonly HandRule[]): Written {
	const tables: Tables[] = [];
	for (const version of [V4, V6] as const) {
		const own = all.filter((rule) => rule.version === version);
		if (own.length === 0) continue;
		const chains = Object.fromEntries(
			CHAINS.map((chain) => [
				chain,
				own.filter((rule) => rule.chain === chain).map((rule) => rule.text),
			]),
		);
		tables.push({ version, chains });
	}
	return { tables, nft: [] };
}
