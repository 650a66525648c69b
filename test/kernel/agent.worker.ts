// Runs inside a namespace and does what the parent asks, through the Node host:
// sockets belong to the namespace of the process that opens them.

import { createSocket } from "node:dgram";
import { nodeHost } from "../../plugin/host/node.ts";
import type { Entry } from "../../src/conntrack/entry.ts";
import { scan } from "../../src/conntrack/scan.ts";
import { PortSet } from "../../src/conntrack/skip.ts";
import { Conntrack } from "../../src/conntrack/table.ts";
import { localAddresses } from "../../src/flush/addresses.ts";
import { Deadline } from "../../src/netlink/deadline.ts";
import type { Command, Reply } from "./agent.protocol.ts";

const host = nodeHost([]);

async function table<T>(work: (table: Conntrack) => Promise<T>): Promise<T> {
	const conntrack = new Conntrack(host, new Deadline(host, 20_000));
	try {
		return await work(conntrack);
	} finally {
		conntrack.close();
	}
}

async function obey(command: Command): Promise<unknown> {
	switch (command.do) {
		case "count":
			return table((t) => t.count());
		case "scan":
			return table(async (t) => {
				const ports = new PortSet();
				for (const { proto, hostPort, side } of command.ports)
					ports.add(proto, hostPort, side);
				const hits: Entry[] = [];
				const count = { entries: 0, kept: 0, undecodable: 0 };
				await scan(
					t,
					ports,
					count,
					(some) => void hits.push(...some),
					command.filter,
				);
				return { hits, count };
			});
		case "remove":
			return table((t) => t.remove(command.keys));
		case "retire":
			return table((t) => t.retire(command.targets, command.seconds));
		case "kernelFlush":
			return table((t) => t.kernelFlush(command.filter));
		case "local": {
			const deadline = new Deadline(host, 20_000);
			const locals = await localAddresses(host, command.families, deadline);
			return command.ips.map((ip) => locals.has(ip));
		}
		case "exchange":
			return exchange(command.messages);
		case "send":
			return send(command);
	}
}

/** Sends raw netlink messages that each ask for an acknowledgement, and gives the errno of each. */
async function exchange(messages: readonly Uint8Array[]): Promise<number[]> {
	const socket = host.netlink(12, 10_000);
	const into = new Uint8Array(65536);
	const errnos: number[] = [];
	try {
		for (const bytes of messages) {
			await socket.send(bytes);
			const length = await socket.recv(into);
			const view = new DataView(into.buffer, 0, length);
			if (view.getUint16(4, true) !== 2)
				throw new Error("not an acknowledgement");
			errnos.push(-view.getInt32(16, true) + 0);
		}
	} finally {
		socket.close();
	}
	return errnos;
}

const senders: (() => void)[] = [];

/** UDP from a port to a port, again and again, until the process ends. */
async function send({
	from,
	to,
	everyMs,
}: Extract<Command, { do: "send" }>): Promise<void> {
	const socket = createSocket(to.host.includes(":") ? "udp6" : "udp4");
	socket.on("error", () => {}); // ECONNREFUSED: nobody listens
	await new Promise<void>((resolve) => socket.bind(from, resolve));
	const once = (): void => socket.send("x", to.port, to.host);
	once();
	const timer = setInterval(once, everyMs);
	senders.push(() => clearInterval(timer));
}

process.on(
	"message",
	async ({ seq, command }: { seq: number; command: Command }) => {
		const reply = await obey(command).then(
			(result): Reply => ({ seq, result }),
			(e: unknown): Reply => ({
				seq,
				error: e instanceof Error ? (e.stack ?? e.message) : String(e),
			}),
		);
		process.send?.(reply);
	},
);
process.send?.({ seq: 0, result: "ready" } satisfies Reply);
