// The parent's side of a station: starts the process inside a namespace, passes
// commands, hands arrivals to whoever watches.

import { fileURLToPath } from "node:url";
import type { Namespace } from "./netns.ts";
import type {
	Client,
	Command,
	Listener,
	Message,
	Talker,
} from "./station.protocol.ts";
import { startWorker } from "./worker.ts";

/** Datagram `seq` of client `id` reached the receiver `name` at time `at`. */
export type OnArrival = (
	name: string,
	id: number,
	seq: number,
	at: number,
) => void;

export interface Sent {
	readonly id: number;
	readonly sent: number;
	readonly answered: number;
}

export interface Station {
	listen(listener: Listener): Promise<void>;
	close(name: string): Promise<void>;
	/** Begins to send, until stop. */
	send(clients: readonly Client[]): Promise<void>;
	stop(): Promise<readonly Sent[]>;
	/** One datagram; its socket stays open. */
	once(client: Omit<Client, "everyMs">): Promise<void>;
	/** How many of those were answered; closes them. */
	answered(): Promise<number>;
	/** The listener answers all who asked, if it answers later. */
	answer(name: string): Promise<void>;
	/** The listener says something to a peer, from its own port. */
	say(name: string, to: Client["to"]): Promise<void>;
	tcpListen(host: string, port: number): Promise<void>;
	tcpTalk(talkers: readonly Talker[]): Promise<void>;
	tcpDial(fromPort: number, to: Client["to"]): Promise<void>;
	end(): void;
}

const WORKER = fileURLToPath(new URL("./station.worker.ts", import.meta.url));

/** `cpu`: it runs there and nowhere else, and so do its datagrams up to the socket. */
export async function openStation(
	ns: Namespace,
	onArrival: OnArrival = () => {},
	cpu?: number,
): Promise<Station> {
	const by = cpu === undefined ? [] : ["taskset", "-c", String(cpu)];
	const child = startWorker(ns, WORKER, { by });
	const waiting = new Map<
		number,
		{ resolve: (result: unknown) => void; reject: (e: Error) => void }
	>();
	let seq = 0;

	const ready = new Promise<void>((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", (code, signal) => {
			const ended = new Error(`station in ${ns.name} ended: ${code ?? signal}`);
			reject(ended);
			for (const { reject } of waiting.values()) reject(ended);
		});
		child.on("message", (message: Message) => {
			switch (message.say) {
				case "ready":
					return resolve();
				case "arrived":
					for (let i = 0; i + 2 < message.flat.length; i += 3) {
						const [id = 0, nth = 0, at = 0] = message.flat.slice(i, i + 3);
						onArrival(message.name, id, nth, at);
					}
					return;
				case "done":
					waiting.get(message.seq)?.resolve(message.result);
					return void waiting.delete(message.seq);
				case "failed":
					waiting.get(message.seq)?.reject(new Error(message.error));
					return void waiting.delete(message.seq);
			}
		});
	});

	function ask(command: Command): Promise<unknown> {
		return new Promise((resolve, reject) => {
			const request = { ...command, seq: ++seq };
			waiting.set(request.seq, { resolve, reject });
			child.send(request, (e) => e !== null && reject(e));
		});
	}
	const order = async (command: Command): Promise<void> => {
		await ask(command);
	};

	await ready;
	return {
		listen: (listener) => order({ do: "listen", listener }),
		close: (name) => order({ do: "close", name }),
		send: (clients) => order({ do: "send", clients }),
		stop: async () => triples((await ask({ do: "stop" })) as number[]),
		once: (client) => order({ do: "once", client: { ...client, everyMs: 0 } }),
		answered: async () => (await ask({ do: "answered" })) as number,
		answer: (name) => order({ do: "answer", name }),
		say: (name, to) => order({ do: "say", name, to }),
		tcpListen: (host, port) => order({ do: "tcp-listen", host, port }),
		tcpTalk: (talkers) => order({ do: "tcp-talk", talkers }),
		tcpDial: (port, to) => order({ do: "tcp-dial", from: { port }, to }),
		end: () => void child.kill("SIGKILL"),
	};
}

function triples(flat: readonly number[]): Sent[] {
	const out: Sent[] = [];
	for (let i = 0; i + 2 < flat.length; i += 3) {
		const [id = 0, sent = 0, answered = 0] = flat.slice(i, i + 3);
		out.push({ id, sent, answered });
	}
	return out;
}
