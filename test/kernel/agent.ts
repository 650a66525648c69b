// A fresh namespace with a process of ours inside, and entries made in it over
// ctnetlink. Everything goes away with the test that asked for it.

import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Entry, Target } from "../../src/conntrack/entry.ts";
import type {
	DumpFilter,
	FlushFilter,
	Key,
} from "../../src/conntrack/messages.ts";
import type { RemovalCount, ScanCount } from "../../src/conntrack/table.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { startWorker } from "../support/worker.ts";
import type { Command, Reply } from "./agent.protocol.ts";
import { creation, type Made } from "./creation.ts";

export interface Agent {
	readonly ns: Namespace;
	count(): Promise<number>;
	scan(
		ports: readonly DumpFilter[],
		filter?: DumpFilter,
	): Promise<{ readonly hits: Entry[]; readonly count: ScanCount }>;
	remove(keys: readonly Key[]): Promise<RemovalCount>;
	retire(targets: readonly Target[], seconds: number): Promise<RemovalCount>;
	kernelFlush(filter: FlushFilter): Promise<boolean>;
	/** Which of the addresses are the namespace's own. */
	local(
		families: readonly (2 | 10)[],
		ips: readonly string[],
	): Promise<boolean[]>;
	/** The errno of each message. */
	exchange(messages: readonly Uint8Array[]): Promise<number[]>;
	/** Creates entries; throws if the kernel refuses one. */
	create(...specs: readonly Made[]): Promise<void>;
	send(
		from: number,
		host: string,
		port: number,
		everyMs: number,
	): Promise<void>;
}

const WORKER = fileURLToPath(new URL("agent.worker.ts", import.meta.url));

/** Starts an agent in a namespace of its own, until the test has ended. */
export async function startAgent(role = "host"): Promise<Agent> {
	const ns = await createNamespace(role);
	const child = startWorker(ns, WORKER, { serialization: "advanced" });
	onTestFinished(() => {
		child.kill("SIGKILL");
		ns.remove();
	});

	const waiting = new Map<number, (reply: Reply) => void>();
	let last = 0;
	const answer = (seq: number): Promise<Reply> =>
		new Promise((resolve) => waiting.set(seq, resolve));
	child.on("message", (reply: Reply) => waiting.get(reply.seq)?.(reply));
	child.on("exit", (code) => {
		for (const [seq, resolve] of waiting)
			resolve({ seq, error: `agent ended: ${code}` });
	});
	const ask = async <T>(command: Command): Promise<T> => {
		const seq = ++last;
		const reply = answer(seq);
		child.send({ seq, command });
		const { result, error } = await reply;
		waiting.delete(seq);
		if (error !== undefined) throw new Error(error);
		return result as T;
	};
	const { error } = await answer(0);
	waiting.delete(0);
	if (error !== undefined) throw new Error(error);

	const exchange = (messages: readonly Uint8Array[]) =>
		ask<number[]>({ do: "exchange", messages });
	return {
		ns,
		count: () => ask({ do: "count" }),
		scan: (ports, filter) =>
			ask({ do: "scan", ports, ...(filter && { filter }) }),
		remove: (keys) => ask({ do: "remove", keys }),
		retire: (targets, seconds) => ask({ do: "retire", targets, seconds }),
		kernelFlush: (filter) => ask({ do: "kernelFlush", filter }),
		local: (families, ips) => ask({ do: "local", families, ips }),
		exchange,
		async create(...specs) {
			const errnos = await exchange(specs.map((spec) => creation(spec)));
			const refused = specs.filter((_, i) => errnos[i] !== 0);
			if (refused.length > 0)
				throw new Error(`cannot create ${JSON.stringify(refused)}: ${errnos}`);
		},
		send: (from, host, port, everyMs) =>
			ask({ do: "send", from, to: { host, port }, everyMs }),
	};
}
