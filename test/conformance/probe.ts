// The bundle that the tests run in both hosts: performs the calls named in
// argv[0], a JSON list of [operation, ...arguments], and prints their outcomes.

import { type Host, isSysError, type NetlinkSocket } from "../../src/host.ts";

type Arg = string | number;
export type Call = readonly [op: string, ...args: readonly Arg[]];

export type Outcome =
	| { readonly value: unknown }
	| { readonly error: Readonly<Record<string, unknown>> };

export async function main(host: Host): Promise<number> {
	const calls: readonly Call[] = JSON.parse(host.argv[0] ?? "[]");
	const outcomes: Outcome[] = [];
	for (const call of calls) outcomes.push(await outcome(host, call));
	// To a file where the tests are about stdout itself.
	const file = host.argv[1];
	const text = `${JSON.stringify(outcomes)}\n`;
	if (file === undefined) host.write(1, text);
	else host.writeFile(file, text, 0o600);
	return outcomes.length;
}

async function outcome(host: Host, [op, ...args]: Call): Promise<Outcome> {
	try {
		const f = OPS[op];
		if (f === undefined) throw new Error(`no operation ${op}`);
		return { value: (await f(host, new Args(args))) ?? null };
	} catch (e) {
		if (!isSysError(e)) return { error: { message: String(e) } };
		const { name, message, code, errno, syscall, path } = e;
		const stack = typeof e.stack === "string" && e.stack.length > 0;
		return { error: { name, message, code, errno, syscall, path, stack } };
	}
}

class Args {
	readonly all: readonly Arg[];
	constructor(all: readonly Arg[]) {
		this.all = all;
	}
	text(i: number): string {
		return String(this.all[i]);
	}
	number(i: number): number {
		return Number(this.all[i]);
	}
}

const OPS: Readonly<Record<string, (host: Host, args: Args) => unknown>> = {
	argv: (h) => h.argv.slice(2),
	env: (h, a) => h.env(a.text(0)),
	stdin: (h) => h.stdin(),
	/** Loaded on demand, so that the other calls see a bare engine. */
	scanLines: async (h) => {
		const { scanLines } = await import("../fuzz/scan.ts");
		await scanLines(h.stdin(), (line) => h.write(1, line));
	},
	write: (h, a) => h.write(a.number(0) === 1 ? 1 : 2, a.text(1)),
	/** More than a pipe holds. */
	writeMuch: (h, a) => h.write(1, `${"x".repeat(a.number(0) - 1)}\n`),
	/** How long it takes to complain twice. */
	complain: (h, a) =>
		[1, 2].map(() => {
			const start = h.ticks();
			h.write(2, "x".repeat(a.number(0)));
			return h.ticks() - start;
		}),
	readFile: (h, a) =>
		a.all.length > 1
			? h.readFile(a.text(0), a.number(1))
			: h.readFile(a.text(0)),
	writeFile: (h, a) => h.writeFile(a.text(0), a.text(1), a.number(2)),
	appendFile: (h, a) => h.appendFile(a.text(0), a.text(1), a.number(2)),
	appendMany: (h, a) => {
		for (let i = 0; i < a.number(2); i++) {
			h.appendFile(a.text(0), `${a.text(1).repeat(200)}\n`, 0o600);
		}
	},
	copyFile: (h, a) => h.copyFile(a.text(0), a.text(1), a.number(2)),
	rename: (h, a) => h.rename(a.text(0), a.text(1)),
	unlink: (h, a) => h.unlink(a.text(0)),
	mkdir: (h, a) => h.mkdir(a.text(0), a.number(1)),
	readDir: (h, a) => h.readDir(a.text(0)).sort(),
	steer: (h, a) =>
		a.all.includes("quiet")
			? h.steer(a.text(0))
			: h
					.full()
					.steering(a.text(0), a.all.includes("undo"), a.all.includes("dry")),
	flock: (h, a) => h.flock(a.text(0), a.number(1), a.all.includes("fifo"))(),
	/** Says when it has the lock, holds it, and releases it twice. */
	hold: async (h, a) => {
		const release = h.flock(a.text(0), 5000, a.all.includes("fifo"));
		h.write(2, "held\n");
		await h.sleep(a.number(1));
		release();
		release();
	},
	/** Waits for the end of a lock, and closes the watch twice. */
	watchLock: async (h, a) => {
		const watch = h.full().watchLock(a.text(0));
		const start = h.ticks();
		const isTold = await watch.wait(a.number(1));
		watch.close();
		watch.close();
		return { isTold, ms: h.ticks() - start };
	},
	flockTimeout: (h, a) => {
		const start = h.ticks();
		try {
			h.flock(a.text(0), a.number(1));
		} catch (e) {
			if (isSysError(e)) return { code: e.code, ms: h.ticks() - start };
			throw e;
		}
		return "locked";
	},
	/** Takes a lock that this process has, releases that twice, and takes it again. */
	flockTwice: (h, a) => {
		const [path, ms] = [a.text(0), a.number(1)];
		const release = h.flock(path, ms);
		try {
			h.flock(path, ms);
			return "locked twice";
		} catch (e) {
			if (!isSysError(e)) throw e;
			release();
			release();
			h.flock(path, ms)();
			return [e.code, "locked"];
		}
	},
	now: (h) => h.now(),
	ticks: (h) => {
		let last = h.ticks();
		for (let i = 0; i < 1000; i++) {
			const next = h.ticks();
			if (next < last) return "went back";
			last = next;
		}
		return "monotonic";
	},
	sleep: async (h, a) => {
		const start = h.ticks();
		await h.sleep(a.number(0));
		return h.ticks() - start;
	},
	/** Polls, says that it is ready, and sleeps until a signal ends the sleep. */
	signal: async (h, a) => {
		const before = h.signal() ?? "none";
		h.write(2, "ready\n");
		const start = h.ticks();
		await h.sleep(a.number(0));
		return {
			before,
			after: h.signal(),
			again: h.signal(),
			early: h.ticks() - start < a.number(0) / 2,
		};
	},
	/** Never polls, so that a signal keeps its default action. */
	unpolled: async (h, a) => {
		h.write(2, "ready\n");
		await h.sleep(a.number(0));
	},
	columns: (h, a) => h.full().columns(([0, 1, 2] as const)[a.number(0)] ?? 2),
	stat: (h, a) => h.full().stat(a.text(0)),
	readBytes: (h, a) => [...h.full().readBytes(a.text(0))],
	openText: (h, a) => {
		const reader = h.full().openText(a.all.length > 0 ? a.text(0) : undefined);
		let text = "";
		for (;;) {
			const part = reader.read();
			if (part === "") break;
			if (part.length > 65540) return part.length;
			text += part;
		}
		reader.close();
		reader.close(); // twice does no harm
		return text;
	},
	readLink: (h, a) => h.full().readLink(a.text(0)),
	chown: (h, a) => h.full().chown(a.text(0), a.number(1), a.number(2)),
	rmdir: (h, a) => h.full().rmdir(a.text(0)),
	sync: (h, a) => h.full().sync(a.text(0)),
	/** Asks in the middle of a buffer, of which nothing else may change, with a name of 32 bytes and a number. */
	getsockopt: (h, a) => {
		const [domain, level, name, length] = [0, 1, 2, 3].map((i) => a.number(i));
		const all = new Uint8Array(64 + (length ?? 0));
		const value = all.subarray(32, all.length - 32);
		for (const [i, c] of [...a.text(4)].entries()) value[i] = c.charCodeAt(0);
		if (a.all.length > 5) new Uint32Array(all.buffer, 64, 1)[0] = a.number(5);
		const answer = h
			.full()
			.getsockopt(domain ?? 0, level ?? 0, name ?? 0, value);
		return {
			length: answer,
			value: [...value],
			outside: all.every((b, i) => b === 0 || (i >= 32 && i < 32 + answer)),
		};
	},
	/** Reads the nat table of legacy iptables as one packet sees it; the packet is described in JSON. */
	legacy: async (h, a) => {
		const { seenBy } = await import("../support/legacytable.ts");
		return seenBy(h, JSON.parse(a.text(0)));
	},
	/** Publishes [path, status, type, body, validMs], … and serves them until a signal comes. */
	serve: async (h, a) => {
		const server = await h.full().serve(a.text(0));
		for (let i = 1; i < a.all.length; i += 5)
			server.publish(
				a.text(i),
				a.number(i + 1),
				a.text(i + 2),
				a.text(i + 3),
				a.number(i + 4),
			);
		server.publish("/big", 200, "text/plain", "x".repeat(4 << 20), 60_000);
		h.signal();
		h.write(2, "serving\n");
		await h.sleep(60_000);
		server.close();
		server.close(); // twice does no harm
		h.write(2, "closed\n");
		return h.signal();
	},
	/** Computes without a pause for as long as argv says, with a server beside. */
	serveBusy: async (h, a) => {
		const server = await h.full().serve(a.text(0));
		server.publish("/", 200, "text/plain", "busy", 60_000);
		h.write(2, "serving\n");
		for (const end = h.ticks() + a.number(1); h.ticks() < end; );
	},
	/** A second server where one is. */
	serveTwice: async (h, a) => {
		await h.full().serve(a.text(0));
		await h.full().serve(a.text(0));
	},
	...netlinkOps(),
	deepJson: (_, a) => {
		const depth = a.number(0);
		return JSON.parse("[".repeat(depth) + "]".repeat(depth)).length;
	},
	recursion: () => {
		const f = (n: number): number => 1 + f(n + 1);
		return f(0);
	},
	memory: () => {
		const all: Uint8Array[] = [];
		for (let i = 0; i < 1000; i++) all.push(new Uint8Array(1 << 20).fill(1));
		return all.length;
	},
	/** Which of these globals there are. */
	globals: (_, a) =>
		a.all.filter((name) => Reflect.has(globalThis, String(name))),
	// Indirect, or the bundler would warn.
	eval: () => Reflect.get(globalThis, "eval")("1 + 1"),
	functionConstructor: () => Reflect.construct(Function, ["return 1"])(),
	zoneOffset: async () => (await import("./lazy.ts")).zoneOffset(),
	regExp: () => /^\/[a-z]+$/u.test("/run"),
	// The name comes from outside: build.rs must not find it in this chunk.
	lazy: async (_, args) => {
		const name = args.text(0);
		const before = name in globalThis;
		const { answer } = await import("./lazy.ts");
		return { answer, before, after: name in globalThis };
	},
	never: () => new Promise(() => {}),
};

/** nfnetlink.h: subsystem ctnetlink, message IPCTNL_MSG_CT_GET_STATS. */
function getStats(seq: number): Uint8Array {
	const words = new Uint32Array(5);
	const bytes = new Uint8Array(words.buffer);
	words[0] = 20; // nlmsg_len: nlmsghdr and nfgenmsg
	words[1] = 0x0001_0105; // nlmsg_type 0x0105, nlmsg_flags NLM_F_REQUEST
	words[2] = seq;
	return bytes;
}

const NETLINK_NETFILTER = 12;

function netlinkOps(): typeof OPS {
	const using = async <T>(
		h: Host,
		ms: number,
		f: (socket: NetlinkSocket) => Promise<T>,
	): Promise<T> => {
		const socket = h.netlink(NETLINK_NETFILTER, ms);
		try {
			return await f(socket);
		} finally {
			socket.close();
			socket.close(); // twice does no harm
		}
	};
	return {
		netlink: (h, a) => {
			h.netlink(a.number(0), 100).close();
		},
		/** Into the middle of a buffer, of which nothing else may change. */
		stats: (h) =>
			using(h, 2000, async (socket) => {
				await socket.send(getStats(7));
				const all = new Uint8Array(1000).fill(0xaa);
				const into = all.subarray(100, 612);
				const length = await socket.recv(into);
				const words = new Uint32Array(all.buffer, 100, 3);
				return {
					header: [...words],
					length,
					outside: all.every(
						(b, i) => (i >= 100 && i < 100 + length) || b === 0xaa,
					),
				};
			}),
		/** One request after the other on one socket. */
		statsMany: (h, a) =>
			using(h, 2000, async (socket) => {
				const into = new Uint8Array(4096);
				const seqs = new Uint32Array(into.buffer);
				for (let i = 1; i <= a.number(0); i++) {
					await socket.send(getStats(i));
					await socket.recv(into);
					if (seqs[2] !== i) return `answer ${seqs[2]} to request ${i}`;
				}
				return "in order";
			}),
		recvTimeout: (h, a) =>
			using(h, a.number(0), (socket) =>
				Promise.resolve(socket.recv(new Uint8Array(64))),
			),
		recvShort: (h, a) =>
			using(h, 2000, async (socket) => {
				await socket.send(getStats(1));
				return socket.recv(new Uint8Array(a.number(0)));
			}),
		/** The rest of a cut datagram is gone; the next one is whole. */
		recvAfterShort: (h) =>
			using(h, 2000, async (socket) => {
				await socket.send(getStats(1));
				try {
					await socket.recv(new Uint8Array(16));
				} catch (e) {
					if (!isSysError(e)) throw e;
				}
				const into = new Uint8Array(512);
				await socket.send(getStats(2));
				await socket.recv(into);
				return new Uint32Array(into.buffer)[2];
			}),
		sendClosed: (h) => {
			const socket = h.netlink(NETLINK_NETFILTER, 100);
			socket.close();
			return socket.send(getStats(1));
		},
		recvClosed: (h) => {
			const socket = h.netlink(NETLINK_NETFILTER, 100);
			socket.close();
			return socket.recv(new Uint8Array(64));
		},
	};
}
