// The traffic of the suite: clients outside the cluster that send to its hostPorts and
// never pause, and the judge of where their datagrams arrive. Beside the senders, which
// keep their source ports, each kind of target has a control: it takes a new socket for
// each datagram, so no entry can be in its way, and it tells when the port is back.

import { now, sleep } from "../../support/clock.ts";
import type { Namespace } from "../../support/netns.ts";
import { openStation } from "../../support/station.ts";
import type { ClusterNode } from "../cluster.ts";
import { followReceivers, type Receiver } from "./receivers.ts";

/** The longest that a datagram may fail to appear: no figure, but the bound of hope. */
const LIVENESS_MS = 10_000;
const SENDERS = 8;
const EVERY_MS = 50;
const CONTROL_EVERY_MS = 20;
const FIRST_PORT = 20_000;

/** A hostPort of the pods under test, as clients see it. */
export interface Target {
	readonly name: string;
	/** The node that it leads to: 0 or 1. */
	readonly node: number;
	readonly address: string;
	readonly port: number;
}

export interface Reached {
	/** Senders of the node. */
	readonly senders: number;
	/** Those whose datagrams did not arrive, and controls alike. */
	readonly lost: readonly string[];
	/** Milliseconds from the control's first arrival to each sender's, 0 if the sender was first; empty for who stays. */
	readonly beyond: readonly number[];
}

export interface Traffic {
	/** The senders' source ports to a target. */
	portsTo(target: Target): readonly number[];
	/** Resolves with the receiver of the node that began last, after `since` if that is given. */
	receiver(node: number, since?: number): Promise<Receiver>;
	/** What reaches a receiver from its first moment on, of all senders or of those to one port. */
	reach(receiver: Receiver, only?: number): Promise<Reached>;
	/** What reaches a receiver from now on. */
	stay(receiver: Receiver, only?: number): Promise<Reached>;
	end(): void;
}

/** First and last arrival of a client at a receiver. */
interface Arrivals {
	readonly first: number;
	last: number;
}

export async function startTraffic(
	clients: Namespace,
	nodes: readonly ClusterNode[],
	prefix: string,
	targets: readonly Target[],
): Promise<Traffic> {
	const seen = new Map<string, Map<number, Arrivals>>();
	const receivers = followReceivers(nodes, prefix, (name, id, _seq, at) => {
		const of = seen.get(name) ?? new Map<number, Arrivals>();
		seen.set(name, of);
		const known = of.get(id);
		if (known === undefined) of.set(id, { first: at, last: at });
		else known.last = at;
	});
	const station = await openStation(clients);
	const senderId = (target: number, nth: number): number =>
		target * (SENDERS + 1) + nth;
	const controlId = (target: number): number => senderId(target, SENDERS);
	await station.send(
		targets.flatMap(({ address, port }, t) => [
			...range(SENDERS).map((nth) => ({
				id: senderId(t, nth),
				from: { port: FIRST_PORT + senderId(t, nth) },
				to: { host: address, port },
				everyMs: EVERY_MS,
				// Half get answers: replied entries and unreplied ones are both there.
				asks: nth % 2 === 0,
			})),
			{
				id: controlId(t),
				from: { port: 0 },
				to: { host: address, port },
				everyMs: CONTROL_EVERY_MS,
				asks: false,
				fresh: true as const,
			},
		]),
	);

	/** When the client was heard: a time, or undefined if it was not within the bound. */
	async function heard(
		at: (a: Arrivals) => number | undefined,
		{ name }: Receiver,
		id: number,
		last: number,
	): Promise<number | undefined> {
		for (;;) {
			const arrivals = seen.get(name)?.get(id);
			const time = arrivals && at(arrivals);
			if (time !== undefined || now() > last) return time;
			await sleep(5);
		}
	}

	async function judge(
		receiver: Receiver,
		since: number,
		at: (a: Arrivals) => number | undefined,
		only?: number,
	): Promise<Reached> {
		const lost: string[] = [];
		const beyond: number[] = [];
		let senders = 0;
		for (const [t, target] of targets.entries()) {
			if (target.node !== receiver.node) continue;
			if (target.port !== (only ?? target.port)) continue;
			senders += SENDERS;
			const back = await heard(at, receiver, controlId(t), since + LIVENESS_MS);
			if (back === undefined) lost.push(`${target.name}: the control`);
			const last = (back ?? since) + LIVENESS_MS;
			for (const nth of range(SENDERS)) {
				const arrived = await heard(at, receiver, senderId(t, nth), last);
				if (arrived === undefined) lost.push(`${target.name}: sender ${nth}`);
				else beyond.push(Math.max(0, arrived - (back ?? arrived)));
			}
		}
		return { senders, lost, beyond };
	}

	return {
		portsTo: (target) =>
			range(SENDERS).map(
				(nth) => FIRST_PORT + senderId(targets.indexOf(target), nth),
			),
		receiver: (node, since = 0) => receivers.newest(node, since, 60_000),
		reach: (receiver, only) =>
			judge(receiver, now(), ({ first }) => first, only),
		async stay(receiver, only) {
			const since = now();
			const found = await judge(
				receiver,
				since,
				({ last }) => (last >= since ? last : undefined),
				only,
			);
			return { ...found, beyond: [] };
		},
		end() {
			station.end();
			receivers.close();
		},
	};
}

function range(count: number): number[] {
	return Array.from({ length: count }, (_, i) => i);
}
