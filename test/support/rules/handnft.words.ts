// The words of handnft.ts: what a rule of nft may ask about the first packet of a flow,
// and what it may do with it.

import type { Random } from "../random.ts";
import {
	endpointText,
	nftFamily,
	POOLS,
	PORTS,
	randomProtocol,
} from "./palette.ts";
import type { Version } from "./written.ts";

export interface Conditions {
	readonly text: string;
	/** The definition of a set, to which the text refers as @SET. */
	readonly set: string | undefined;
}

const type = (version: Version): string => `ipv${version}_addr`;

/** Returns conditions, of which one is on the protocol, as a destination port needs it. */
export function randomConditions(
	r: Random,
	version: Version,
	chain: string,
): Conditions {
	const f = nftFamily(version);
	const { own, pods, networks, virtual, loopback, clients } = POOLS[version];
	const destinations = [...own, ...virtual, loopback];
	const not = (): string => (r.chance(0.25) ? "!= " : "");
	const port = (): number => r.pick(PORTS);
	const proto = randomProtocol(r);
	const range = (): string => {
		const low = port();
		return `${low}-${low + r.pick([1, 2, 300, 5000])}`;
	};
	/** Returns ports and ranges of them. */
	const ports = (): string =>
		r.pick([
			`{ ${range()} }`,
			"{ 53, 8125 }",
			"{ 53-5352, 8125 }",
			"{ 5353-8124, 8126, 30000-40000 }",
			"{ 8125-8126 }",
		]);
	/** Returns two different addresses. */
	const two = (some: readonly string[]): string =>
		r.shuffled(some).slice(0, 2).join(", ");
	const interfaces = [
		() => `iifname ${not()}"${r.pick(["up0", "up1", "br0", "lo"])}"`,
		() => `iifname ${not()}"up*"`,
		() => `iifname ${not()}{ "up0", "lo" }`,
		() => `iif ${not()}"${r.pick(["up0", "br0"])}"`,
		() => `iifname . th dport { "up0" . ${port()}, "br0" . ${port()} }`,
	];
	const sources = [
		() => `${f} saddr ${not()}${r.pick(networks)}`,
		() => `${f} saddr ${not()}{ ${two([...clients.up0, ...own])} }`,
		() => `${f} saddr ${not()}${clients.up0[0]}-${clients.up0[1]}`,
	];
	const addresses = [
		() => `${f} daddr ${not()}${r.pick(destinations)}`,
		() => `${f} daddr ${not()}{ ${two(destinations)} }`,
		() => `${f} daddr ${not()}${r.pick(networks)}`,
		() => `${f} daddr ${not()}${own[0]}-${own[1]}`,
		() => `${f} daddr { ${own[0]}-${own[1]}, ${virtual[0]} }`,
		() =>
			`${f} daddr . th dport { ${own[0]} . ${port()}, ${own[2]} . ${port()} }`,
		() =>
			`${f} daddr . ${proto} dport { ${own[0]}-${own[1]} . ${range()}, ${networks[0]} . ${port()} }`,
		() =>
			version === 4
				? `ip daddr & 255.255.255.0 ${r.pick(["==", "!="])} 203.0.113.0`
				: `ip6 daddr & ffff:: ${r.pick(["==", "!="])} fd03::`,
		() => `fib daddr type ${not()}local`,
		() => `fib daddr type ${not()}{ local, broadcast }`,
		() => `fib saddr type ${not()}local`,
		() =>
			// only where every packet has an interface (nft_fib_validate)
			chain === "prerouting"
				? "fib daddr . iif type local"
				: "fib daddr type local",
	];
	const needsSet: readonly (() => Conditions)[] = [
		() => ({
			text: `${f} daddr ${not()}@SET`,
			set: `type ${type(version)}; flags interval; auto-merge; elements = { ${own[0]}-${own[1]}, ${virtual[1]}, ${networks[0]} }`,
		}),
		() => ({
			text: `${f} saddr @SET`,
			set: `type ${type(version)}; flags timeout; elements = { ${clients.up0[0]} timeout 1h, ${own[0]} }`,
		}),
		() => ({
			text: `${f} daddr ${not()}@SET`,
			set: `type ${type(version)}; flags interval,timeout; elements = { ${networks[2]} timeout 1h }`,
		}),
		() => ({
			text: `update @SET { ${f} saddr } ${f} daddr ${r.pick(own)}`,
			set: `type ${type(version)}; flags dynamic,timeout; timeout 1h; size 1000;`,
		}),
		() => ({
			text: `${f} saddr @SET`,
			set: `type ${type(version)}; flags dynamic,timeout; timeout 1h; size 1000; elements = { ${clients.up0[0]} }`,
		}),
		() => ({
			text: `${f} daddr . meta l4proto . th dport ${not()}@SET`,
			set: `type ${type(version)} . inet_proto . inet_service; flags interval; elements = { ${own[0]}-${own[1]} . udp . ${range()}, ${networks[0]} . tcp . ${port()} }`,
		}),
		() => ({
			text: `meta l4proto . th dport ${not()}@SET`,
			set: `type inet_proto . inet_service; elements = { udp . ${port()}, tcp . ${port()} }`,
		}),
		() => ({
			text: `th dport ${not()}@SET`,
			set: "type inet_service; flags interval; elements = { 0-52, 54-8125, 30053 }",
		}),
	];
	const protocols = [
		() => `${proto} dport ${not()}${port()}`,
		() => `${proto} dport ${port()}`,
		() => `${proto} dport ${port()}`,
		() => `${proto} dport ${not()}${range()}`,
		() => `${proto} dport ${not()}${ports()}`,
		() => `${proto} dport ${r.pick([">", "<=", ">=", "<"])} ${port()}`,
		() => `meta l4proto ${proto} th dport ${not()}${port()}`,
		() => `meta l4proto ${proto} @th,16,16 ${port()}`,
		() => `meta l4proto ${proto} th dport & 1 == ${r.below(2)}`,
		() => `meta l4proto ${proto} ${proto} sport ${not()}1024-29999`,
		() => `meta l4proto ${proto}`,
		() => "meta l4proto { tcp, udp }",
		() => "meta l4proto != sctp meta l4proto { tcp, udp }",
	];
	const more = [
		() => `meta protocol ${f}`,
		() => `meta mark ${not()}0`,
		() => `meta mark & 0x2000 == ${r.pick(["0x0", "0x2000"])}`,
		() => `ct mark ${not()}0`,
		() => `ct state ${not()}new`,
		() => `ct direction original`,
		() => `ct original ${f} daddr ${r.pick(own)}`,
		() => "meta pkttype host",
		() => "meta length > 10",
		() => "limit rate 1/second",
		() => "numgen random mod 2 == 0",
		() => `jhash ${f} saddr mod 2 == 0`,
		() => "meta cpu 0-1",
		() => (version === 4 ? "ip ttl 64" : "ip6 hoplimit 64"),
		() => (version === 4 ? "ip protocol != icmp" : "ip6 nexthdr != icmpv6"),
		() => "meta mark set 0x2000",
		() => "ct mark set 0x1",
		() => "counter",
	];
	const maybe = (
		probability: number,
		from: readonly (() => string)[],
	): string => (r.chance(probability) ? `${r.pick(from)()} ` : "");
	const withSet = r.chance(0.2) ? r.pick(needsSet)() : undefined;
	const first = chain === "output" ? "" : maybe(0.12, interfaces);
	const text = [
		first,
		maybe(0.1, sources),
		withSet ? `${withSet.text} ` : maybe(0.3, addresses),
		`${r.pick(protocols)()} `,
		maybe(0.15, more),
	];
	// pods are no destination of these rules, but of some flows
	if (r.chance(0.03)) text.unshift(`${f} daddr != { ${two(pods)} } `);
	return { text: text.join(""), set: withSet?.set };
}

/** Returns what the rule does; `after` are the chains that it may call. */
export function randomVerdict(
	r: Random,
	version: Version,
	after: readonly string[],
	isBase: boolean,
): string {
	const f = nftFamily(version);
	const { own, pods, networks, ranges } = POOLS[version];
	const port = (): number => r.pick(PORTS);
	const pod = (): string => r.pick(pods);
	const [min, max] = r.pick(ranges);
	const to = `dnat ${f} to`;
	const send = (): string => `${to} ${endpointText(pod(), port())}`;
	const called = after.length > 0 ? r.pick(after) : undefined;
	const calls = called === undefined ? "accept" : `jump ${called}`;
	const goes = called === undefined ? "return" : `goto ${called}`;
	const calling = [
		() => calls,
		() => goes,
		() => `th dport vmap { 53 : ${calls}, 8125 : ${goes}, 8126 : accept }`,
		() => `th dport vmap { 53-5353 : ${goes}, 8125-8126 : ${calls} }`,
		() => `th dport vmap { 53 : return, * : ${goes} }`,
		() =>
			`meta l4proto . th dport vmap { udp . 53 : ${calls}, tcp . 53 : return, udp . 8125 : ${goes} }`,
		() => `fib daddr type vmap { local : ${calls}, unicast : ${goes} }`,
	];
	// most of the rules stand in chains that must be called
	if (r.chance(isBase ? 0.45 : 0.1)) return r.pick(calling)();
	return r.pick([
		send,
		send,
		send,
		send,
		() => `${to} ${pod()}`,
		() => `dnat to :${port()}`,
		() => `${to} ${min}-${max}`,
		() => `${to} ${endpointText(pod(), "5000-5003")}`,
		() => `${to} ${endpointText(pod(), "5000-5003")} random`,
		() => `${to} ${min}-${max} persistent`,
		() => `redirect to :${port()}`,
		() => "redirect to :5000-5003",
		() => "redirect",
		() => `${to} ${f} daddr map { ${own[0]} : ${pod()}, ${own[1]} : ${pod()} }`,
		() => `${to} th dport map { 53 : ${pod()}, 8125 : ${pod()} }`,
		() => `${to} th dport map { 0-52 : ${pod()}, 53-8000 : ${pod()} }`,
		() => `${to} th dport map { 53 : ${pod()}, * : ${pod()} }`,
		() =>
			`dnat ${f} addr . port to th dport map { 53 : ${pod()} . ${port()}, 8125 : ${pod()} . ${port()} }`,
		() =>
			`dnat ${f} addr . port to ${f} daddr . th dport map { ${own[0]} . 53 : ${pod()} . ${port()}, ${own[1]} . 8125 : ${pod()} . ${port()} }`,
		() =>
			`dnat ${f} addr . port to ${f} daddr . th dport map { ${own[0]}-${own[1]} . 53-54 : ${pod()} . ${port()}, ${networks[0]} . 8125 : ${pod()} . ${port()} }`,
		() => `${to} jhash ${f} saddr mod 2 map { 0 : ${pod()}, 1 : ${pod()} }`,
		() => `${to} numgen inc mod 2 map { 0 : ${pod()}, 1 : ${pod()} }`,
		() =>
			`dnat ${f} prefix to ${f} daddr map { ${networks[2]} : ${networks[0]?.replace(/\/.*/, version === 4 ? "/29" : "/124")} }`,
		() => "accept",
		() => "return",
		() => "return",
		() => (r.chance(0.3) ? "drop" : "continue"),
	])();
}
