// A station's process: runs inside a namespace, obeys its parent over IPC and
// ends when the parent does. Everything is bounded: a life of an hour, at
// most one datagram per client and tick.

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { connect, createServer } from "node:net";
import { now } from "./clock.ts";
import type {
	Client,
	Listener,
	Message,
	Request,
	Talker,
} from "./station.protocol.ts";

const TICK_MS = 5;
const REPORT_MS = 10;
const LIFE_MS = 3_600_000;

interface Sender {
	readonly client: Client;
	readonly socket: Socket;
	due: number;
	sent: number;
	answered: number;
}

const senders: Sender[] = [];
/** Senders of one datagram. */
const askers: Sender[] = [];
interface Receiver {
	readonly socket: Socket;
	/** Who asked and has no answer yet. */
	readonly unanswered: RemoteInfo[];
}
const receivers = new Map<string, Receiver>();

function tell(message: Message): void {
	if (process.connected) process.send?.(message);
}

/** The datagram of a statsd client, with who, which and when in its tags. */
function datagram(client: Client, seq: number): string {
	return `app.hits:1|c|#client:${client.id},seq:${seq},at:${now().toFixed(3)}${client.asks ? ",ask:1" : ""}`;
}
const TAGS = /#client:(\d+),seq:(\d+),/;

function listen(listener: Listener): Promise<void> {
	const socket = createSocket({
		type: listener.host.includes(":") ? "udp6" : "udp4",
		recvBufferSize: 1 << 20,
	});
	const unanswered: RemoteInfo[] = [];
	const receiver = { socket, unanswered };
	let flat: number[] = [];
	const report = setInterval(() => {
		if (flat.length === 0) return;
		tell({ say: "arrived", name: listener.name, flat });
		flat = [];
	}, REPORT_MS);
	socket.on("message", (bytes, peer) => {
		const at = now();
		const text = bytes.toString("latin1");
		const tags = TAGS.exec(text);
		if (tags === null) return;
		flat.push(Number(tags[1]), Number(tags[2]), at);
		if (listener.answers === "never" || !text.endsWith(",ask:1")) return;
		unanswered.push(peer);
		if (listener.answers === "at once") answerAll(receiver);
	});
	socket.on("close", () => clearInterval(report));
	receivers.set(listener.name, receiver);
	return new Promise((resolve, reject) => {
		socket.once("error", reject);
		socket.bind(listener.port, listener.host, () => {
			socket.off("error", reject);
			socket.on("error", () => {});
			resolve();
		});
	});
}

function answerAll({ socket, unanswered }: Receiver): void {
	for (const peer of unanswered.splice(0))
		socket.send("ok", peer.port, peer.address, () => {});
}

function receiverOf(name: string): Receiver {
	const receiver = receivers.get(name);
	if (receiver === undefined) throw new Error(`no receiver ${name}`);
	return receiver;
}

async function openSender(client: Client): Promise<Sender> {
	const socket = createSocket({
		type: client.to.host.includes(":") ? "udp6" : "udp4",
	});
	const sender = { client, socket, due: 0, sent: 0, answered: 0 };
	await new Promise<void>((resolve, reject) => {
		socket.once("error", reject);
		socket.bind(client.from.port, client.from.host, () => {
			socket.connect(client.to.port, client.to.host, () => {
				socket.off("error", reject);
				resolve();
			});
		});
	});
	// ECONNREFUSED, and everything else: a statsd client goes on.
	socket.on("error", () => {});
	socket.on("message", () => {
		sender.answered++;
	});
	return sender;
}

function sendOnce(sender: Sender): void {
	const bytes = datagram(sender.client, sender.sent++);
	if (sender.client.fresh) sendFresh(sender.client, bytes);
	else sender.socket.send(bytes, () => {});
}

function sendFresh({ to }: Client, bytes: string): void {
	const socket = createSocket(to.host.includes(":") ? "udp6" : "udp4");
	socket.on("error", () => {});
	socket.send(bytes, to.port, to.host, () => socket.close());
}

async function startSending(clients: readonly Client[]): Promise<void> {
	const opened = await Promise.all(clients.map(openSender));
	const start = now();
	for (const [n, sender] of opened.entries()) {
		// Spread over the interval, so that load is even.
		sender.due = start + (sender.client.everyMs * n) / opened.length;
		senders.push(sender);
	}
}

setInterval(() => {
	const t = now();
	for (const sender of senders) {
		if (sender.due > t) continue;
		sendOnce(sender);
		// A late tick skips datagrams rather than sending them in a burst.
		sender.due = Math.max(sender.due + sender.client.everyMs, t);
	}
}, TICK_MS);

let isTalking = false;

/** Says a word at a time, for ever, and starts again when the peer is gone. */
function talk(talker: Talker): void {
	if (!isTalking) return;
	const socket = connect(talker.to.port, talker.to.host);
	const words = setInterval(() => socket.write("x"), talker.everyMs);
	socket.on("error", () => {}); // refused, or reset: "close" follows
	socket.on("close", () => {
		clearInterval(words);
		setTimeout(() => talk(talker), talker.everyMs);
	});
}

/** Ends all senders; the result is flat: id, sent, answered, and again. */
function stopSending(): number[] {
	isTalking = false;
	const ended = senders.splice(0);
	for (const { socket } of ended) socket.close();
	return ended.flatMap(({ client, sent, answered }) => [
		client.id,
		sent,
		answered,
	]);
}

function say(name: string, to: Client["to"]): Promise<void> {
	const { socket } = receiverOf(name);
	// The receivers listen on "::", where IPv4 is mapped.
	const host = to.host.includes(":") ? to.host : `::ffff:${to.host}`;
	return new Promise((resolve, reject) => {
		socket.send("hello", to.port, host, (e) => (e ? reject(e) : resolve()));
	});
}

async function obey(request: Request): Promise<unknown> {
	switch (request.do) {
		case "listen":
			return listen(request.listener);
		case "close":
			receiverOf(request.name).socket.close();
			receivers.delete(request.name);
			return;
		case "send":
			return startSending(request.clients);
		case "stop":
			return stopSending();
		case "once": {
			const sender = await openSender(request.client);
			askers.push(sender);
			return sendOnce(sender);
		}
		case "answered": {
			const ended = askers.splice(0);
			for (const { socket } of ended) socket.close();
			return ended.filter(({ answered }) => answered > 0).length;
		}
		case "answer":
			return answerAll(receiverOf(request.name));
		case "say":
			return say(request.name, request.to);
		case "tcp-listen":
			return new Promise<void>((resolve, reject) => {
				const server = createServer((peer) => peer.on("error", () => {}));
				server.once("error", reject);
				server.listen(request.port, request.host, () => resolve());
			});
		case "tcp-talk":
			isTalking = true;
			return request.talkers.forEach(talk);
		case "tcp-dial":
			return new Promise<void>((resolve, reject) => {
				const socket = connect({
					host: request.to.host,
					port: request.to.port,
					localPort: request.from.port,
				});
				socket.once("error", reject);
				socket.once("connect", () => {
					socket.off("error", reject);
					socket.on("error", () => {});
					resolve();
				});
			});
	}
}

process.on("message", (request: Request) => {
	obey(request).then(
		(result) => tell({ say: "done", seq: request.seq, result: result ?? null }),
		(e: unknown) => tell({ say: "failed", seq: request.seq, error: String(e) }),
	);
});
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole process group; the parent decides when stations end.
process.on("SIGINT", () => {});
setTimeout(() => process.exit(), LIFE_MS);
tell({ say: "ready" });
