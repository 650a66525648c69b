// The evaluators in a process of their own inside the node's namespace, and what its
// outcomes mean for a flow.

import { join } from "node:path";
import { AF_INET, AF_INET6, ipBytes } from "../../../src/net/ip.ts";
import { leadsThere } from "../../../src/rules/evaluate.ts";
import type { Outcome } from "../../../src/rules/model.ts";
import { must } from "../exec.ts";
import { temporaryDirectory } from "../node.ts";
import { startWorker } from "../worker.ts";
import {
	type Asked,
	hex,
	packetOf,
	type Question,
	type Reply,
} from "./judge.protocol.ts";
import { type Led, OWN, type Shot, type World } from "./world.ts";

/** The outcomes where the interface is not known, and where it is. */
export type Found = readonly [
	blind: readonly Outcome[],
	seeing: readonly Outcome[],
];

/** One evaluator. It answers one question at a time. */
export interface Judge {
	/** Returns the outcomes for each shot, without and with its interface known. */
	outcomes(shots: readonly Shot[]): Promise<readonly Found[]>;
}

const own = new Set(OWN.map((address) => hex(ipBytes(address))));

/** The directory of the sources. */
export const SOURCES = join(import.meta.dirname, "../../../src");

export interface Judges {
	/** One for each tree of sources. */
	readonly all: readonly Judge[];
	end(): void;
}

/** Starts the process; `trees` are the sources, and copies of them. */
export async function startJudges(
	world: World,
	trees: readonly string[],
): Promise<Judges> {
	const getsockopt = join(temporaryDirectory("rules"), "getsockopt");
	await must([
		...["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", getsockopt],
		join(import.meta.dirname, "getsockopt.c"),
	]);
	const file = join(import.meta.dirname, "judge.worker.ts");
	const child = startWorker(world.node, file, {
		args: [getsockopt, ...trees],
		serialization: "advanced",
	});
	const answer = (): Promise<Reply> =>
		new Promise((resolve, reject) => {
			const ended = (): void => reject(new Error("the judge ended"));
			child.once("exit", ended);
			child.once("message", (reply: Reply) => {
				child.off("exit", ended);
				if (reply.error === undefined) resolve(reply);
				else reject(new Error(reply.error));
			});
		});
	await answer();
	const judgeOf = (tree: number): Judge => ({
		async outcomes(shots) {
			const packets = [
				...shots.map((shot) => asked(shot, false)),
				...shots.map((shot) => asked(shot, true)),
			];
			const reply = answer();
			child.send({ tree, packets, own: [...own] } satisfies Question);
			const { outcomes = [] } = await reply;
			return shots.map((_, i) => [
				outcomes[i] ?? [],
				outcomes[shots.length + i] ?? [],
			]);
		},
	});
	return {
		all: trees.map((_, tree) => judgeOf(tree)),
		end: () => void child.kill("SIGKILL"),
	};
}

/** Returns true if one of the outcomes is where the flow was led. */
export function leads(
	outcomes: readonly Outcome[],
	shot: Shot,
	{ address, port }: Led,
): boolean {
	const p = packetOf(asked(shot, true), own);
	return outcomes.some((o) => leadsThere(o, p, ipBytes(address), port));
}

function asked(shot: Shot, knowsInterface: boolean): Asked {
	const isSentByNode = shot.via === "local";
	return {
		family: shot.dst.includes(":") ? AF_INET6 : AF_INET,
		proto: shot.proto,
		src: ipBytes(shot.src),
		dst: ipBytes(shot.dst),
		dport: shot.dport,
		isSentByNode,
		arrivesOn: knowsInterface && !isSentByNode ? shot.via : undefined,
	};
}
