// The traffic of a program on netlink sockets: one run under strace, untimed.
// The programs that it starts (portmap starts iptables) do not count.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../support/exec.ts";
import type { Contender } from "./contenders.ts";

export interface Traffic {
	readonly sends: number;
	readonly sentBytes: number;
	readonly receives: number;
	readonly receivedBytes: number;
	readonly exit: number;
}

const CALLS = "recvmsg,recvfrom,sendto,sendmsg";

/** Lines such as `123 recvfrom(0x3, 0x4c5300, 0x10000, 0, 0, 0) = 0xe40`. */
export function readTrace(text: string): Omit<Traffic, "exit"> {
	const total = { sends: 0, sentBytes: 0, receives: 0, receivedBytes: 0 };
	const others = new Set<string>();
	const sockets = new Set<number>();
	let main: string | undefined;
	const half = new Map<string, string>();
	for (const raw of text.split("\n")) {
		const [pid = "", ...words] = raw.trim().split(/\s+/);
		let line = words.join(" ");
		// Calls of several threads come in halves.
		if (line.endsWith("<unfinished ...>")) {
			half.set(pid, line.slice(0, -"<unfinished ...>".length));
			continue;
		}
		const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(line);
		if (resumed) line = `${half.get(pid) ?? ""}${resumed[1]}`;
		if (line.startsWith("execve(")) {
			main ??= pid;
			if (pid !== main) others.add(pid);
		}
		if (others.has(pid)) continue;
		const socket = /^socket\(AF_NETLINK,.* = (\d+)$/.exec(line);
		if (socket) sockets.add(Number(socket[1]));
		const call = /^(\w+)\((\w+), (.*)\) = (\w+)$/.exec(line);
		if (!call || !sockets.has(Number(call[2]))) continue;
		const bytes = Number(call[4]);
		const args = (call[3] ?? "").split(", ");
		if (call[1] === "sendto" || call[1] === "sendmsg") {
			total.sends++;
			total.sentBytes += bytes;
		} else if (call[1] === "recvfrom" || call[1] === "recvmsg") {
			const flags = Number(call[1] === "recvfrom" ? args[2] : args[1]);
			if (flags & 2) continue; // MSG_PEEK
			total.receives++;
			total.receivedBytes += bytes;
		}
	}
	return total;
}

export async function trace(
	strace: string,
	namespace: string,
	contender: Contender,
): Promise<Traffic> {
	const dir = mkdtempSync(join(tmpdir(), "cfbench-"));
	const file = join(dir, "trace");
	const options = ["-f", "-qq", "--seccomp-bpf", "-o", file];
	const filter = ["-e", `trace=execve,socket,${CALLS}`, "-e", `raw=${CALLS}`];
	try {
		const { code } = await run(
			[
				"ip",
				"netns",
				"exec",
				namespace,
				strace,
				...options,
				...filter,
				...contender.argv,
			],
			{
				env: { PATH: process.env.PATH, ...contender.env },
				input:
					contender.stdin === undefined
						? ""
						: readFileSync(contender.stdin, "utf8"),
				timeoutMs: 0,
			},
		);
		return { ...readTrace(readFileSync(file, "utf8")), exit: code };
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
}
