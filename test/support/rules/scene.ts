// A node's programs and what each of them has written, made at random, and what becomes
// of them some time later. Two scenes that follow each other share most of their rules.

import type { Random } from "../random.ts";
import { firewalld, incus, randomForwarded } from "./forwarding.ts";
import { handIptables, randomHandRule } from "./handiptables.ts";
import { handNft, randomHandNftRule } from "./handnft.ts";
import {
	POOLS,
	PORTS,
	PROTOCOLS,
	randomProtocol,
	randomVersion,
} from "./palette.ts";
import {
	crio,
	crioNft,
	docker,
	dockerNft,
	netavark,
	netavarkNft,
	portmap,
	portmapNft,
	randomPublished,
} from "./publishing.ts";
import { kubeProxy, kubeProxyNft, randomService } from "./services.ts";
import type { Shot } from "./world.ts";
import { type Backend, type Rules, V4, V6, type Written } from "./written.ts";

/** A program, its list, and how it writes that. */
interface Part {
	readonly engine: string;
	readonly write: () => Written;
	/** Some of the list is changed, gone or new. */
	readonly later: (r: Random) => Part;
}

export type Scene = readonly Part[];

type Engine = (r: Random) => Part;

/** `size` is how long its list may be. */
function engine<T>(
	name: string,
	item: (r: Random) => T,
	write: (all: readonly T[]) => Written,
	size = 16,
): Engine {
	const part = (all: readonly T[]): Part => ({
		engine: name,
		write: () => write(all),
		later: (r) =>
			part(
				all
					.flatMap((old) =>
						r.chance(0.6) ? [old] : r.chance(0.8) ? [item(r)] : [],
					)
					.concat(r.chance(0.2) ? [item(r)] : []),
			),
	});
	return (r) =>
		part(Array.from({ length: 2 + r.below(size - 1) }, () => item(r)));
}

/** They write iptables, to whichever backend it has. */
const WITH_IPTABLES: readonly Engine[] = [
	engine("portmap", randomPublished, portmap),
	engine("netavark 1", randomPublished, netavark),
	engine("Docker with proxy", randomPublished, docker(true)),
	engine("Docker", randomPublished, docker(false)),
	engine("CRI-O", randomPublished, crio),
	engine("kube-proxy", randomService, kubeProxy, 10),
];
const HAND_IPTABLES = engine("by hand", randomHandRule, handIptables, 40);
const HAND_NFT = engine("by hand nft", randomHandNftRule, handNft, 60);
const WITH_NFT: readonly Engine[] = [
	engine("portmap nft", randomPublished, portmapNft),
	engine("netavark 2", randomPublished, netavarkNft),
	engine("Docker nft", randomPublished, dockerNft),
	engine("CRI-O nft", randomPublished, crioNft),
	engine("kube-proxy nft", randomService, kubeProxyNft, 10),
	engine("Incus", randomPublished, incus),
	engine("firewalld", randomForwarded, firewalld),
];

/** The programs called iptables to which a round's programs write, in turn. */
export type Backends = readonly [Backend, ...Backend[]];

/** Returns a scene of one or two programs. */
export function randomScene(r: Random, backends: Backends): Scene {
	const count = r.pick([1, 1, 2, 2, 2]);
	return distinct(Array.from({ length: count }, () => randomPart(r, backends)));
}

function randomPart(r: Random, backends: Backends): Part {
	const isIptables = r.chance(backends.includes("legacy") ? 0.7 : 0.4);
	// programs write few shapes, and people all of them
	if (r.chance(0.4)) return (isIptables ? HAND_IPTABLES : HAND_NFT)(r);
	return r.pick(isIptables ? WITH_IPTABLES : WITH_NFT)(r);
}

/** Returns the scene some time later. */
export function laterScene(r: Random, scene: Scene, backends: Backends): Scene {
	const parts = scene.map((part) =>
		r.chance(0.15)
			? randomPart(r, backends)
			: r.chance(0.85)
				? part.later(r)
				: part,
	);
	return distinct(r.chance(0.2) ? parts.reverse() : parts);
}

/** A program is on a node once. */
function distinct(parts: readonly Part[]): Scene {
	return [...new Map(parts.map((part) => [part.engine, part])).values()];
}

/** Returns all the scene's rules. */
export function rulesOf(r: Random, scene: Scene, backends: Backends): Rules {
	const all = scene.map((part) => part.write());
	return {
		tables: all.flatMap(({ tables }, i) =>
			tables.map((t) => ({
				...t,
				backend: backends[i % backends.length] ?? backends[0],
			})),
		),
		nft: all.flatMap((w) => w.nft),
		isNftFirst: r.chance(0.5),
	};
}

/** Ports that a rule names only as a part of a range, if at all. */
const OTHER_PORTS = [52, 54, 5354, 8127, 5000];

/** Returns the first packets of flows, each with a source port of its own. */
export function randomShots(r: Random, count: number): Shot[] {
	// where few destinations are asked for, the evaluator holds rules of the others back
	const ports = r.shuffled([...PORTS]).slice(0, r.pick([2, PORTS.length]));
	const addresses = r.pick([2, 4]);
	const own = {
		[V4]: r.shuffled(POOLS[V4].own).slice(0, addresses),
		[V6]: r.shuffled(POOLS[V6].own).slice(0, addresses),
	};
	return Array.from({ length: count }, (_, i) => {
		const version = randomVersion(r);
		const { loopback, virtual, clients, pods } = POOLS[version];
		const via = r.pick(["up0", "up0", "up1", "br0", "local"] as const);
		const isInside = via === "local" && r.chance(0.25);
		const dst = r.chance(0.6)
			? r.pick(own[version])
			: r.chance(0.9)
				? r.pick(virtual)
				: r.pick(pods);
		return {
			via,
			proto: PROTOCOLS[randomProtocol(r)],
			src: isInside
				? loopback
				: r.pick(via === "local" ? POOLS[version].own : clients[via]),
			sport: 20_000 + i,
			dst: isInside && r.chance(0.5) ? loopback : dst,
			dport: r.chance(0.92) ? r.pick(ports) : r.pick(OTHER_PORTS),
		};
	});
}
