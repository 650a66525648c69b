// Runs the probe in one of the two real hosts, or in the fake one of the unit tests.

import type { ChildProcess, SpawnOptions } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { ended, mustSync, type Ran, start } from "../support/exec.ts";
import type { FakeHost } from "../support/fakehost.ts";
import { TSX } from "../support/worker.ts";
import { type Call, main, type Outcome } from "./probe.ts";

const PROBE = "build/out/conntrack-flush-probe";
mustSync(["make", "--silent", PROBE], 10 * 60_000);

export type HostName = "native" | "node";
export const HOSTS: readonly HostName[] = ["native", "node"];
/** The fake host joins where it is meant to behave as the others do. */
export type Subject = HostName | "fake";
export const SUBJECTS: readonly Subject[] = [...HOSTS, "fake"];

const COMMANDS: Readonly<Record<HostName, readonly string[]>> = {
	native: [PROBE],
	node: [...TSX, "test/conformance/probe.node.ts"],
};

export function commandOf(
	host: HostName,
	calls: readonly Call[] | string,
	args: readonly string[] = [],
): string[] {
	const json = typeof calls === "string" ? calls : JSON.stringify(calls);
	return [...COMMANDS[host], json, ...args];
}

/** Starts a process that makes the calls. */
export function probe(
	host: HostName,
	calls: readonly Call[] | string,
	args: readonly string[] = [],
	options: SpawnOptions = {},
): ChildProcess {
	return start(commandOf(host, calls, args), options);
}

/** The native host, started by a line of shell that ends in `exec "$@"`. */
export function shell(
	line: string,
	calls: readonly Call[],
	args: readonly string[] = [],
): Promise<Ran> {
	const words = [PROBE, JSON.stringify(calls), ...args];
	return ended(start(["sh", "-c", line, "sh", ...words]));
}

/** The outcomes of calls made on a terminal so wide. */
export async function onTerminal(
	host: HostName,
	columns: number,
	calls: readonly Call[],
): Promise<readonly Outcome[]> {
	const file = `${scratch()}/outcomes`;
	const words = [...COMMANDS[host], JSON.stringify(calls), file];
	const quoted = words.map((word) => `'${word}'`).join(" ");
	const line = `stty cols ${columns}; ${quoted}`;
	await ended(start(["script", "-qec", line, "/dev/null"]));
	return JSON.parse(text(file));
}

/** The outcomes of calls made by one process. */
export async function outcomes(
	host: HostName,
	calls: readonly Call[],
	options: SpawnOptions & { readonly input?: Uint8Array } = {},
): Promise<readonly Outcome[]> {
	const child = probe(host, calls, [], options);
	child.stdin?.end(options.input);
	const { stdout, stderr } = await ended(child);
	try {
		return JSON.parse(stdout);
	} catch (cause) {
		throw new Error(`${host}: ${stdout} ${stderr}`, { cause });
	}
}

/** The outcomes of calls made to a fake host. */
export async function outcomesInFake(
	host: FakeHost,
	calls: readonly Call[],
): Promise<readonly Outcome[]> {
	// outcomes as they come out of a process
	const from = host.written(1).length;
	await main({ ...host, argv: [JSON.stringify(calls)] });
	return JSON.parse(host.written(1).slice(from));
}

/** Resolves when the process has written `line` to stderr. */
export async function said(child: ChildProcess, line: string): Promise<void> {
	await new Promise<void>((resolve) => {
		let text = "";
		child.stderr?.on("data", (part) => {
			text += part;
			if (text.includes(`${line}\n`)) resolve();
		});
	});
}

const scratched: string[] = [];
// not in `scratch`: within a test nobody would call it
afterAll(() => {
	for (const dir of scratched.splice(0)) rmSync(dir, { recursive: true });
});

/** A directory until the end of the file's tests. */
export function scratch(): string {
	const dir = mkdtempSync(join(tmpdir(), "conformance-"));
	scratched.push(dir);
	return dir;
}

export function text(path: string): string {
	return readFileSync(path, "utf8");
}

/** A value, or the code, call and path of a SysError. */
export type Want =
	| { readonly value: unknown }
	| readonly [code: string, syscall: string, path?: string];

/**
 * The fake host names the call of Host where a real one names the system call, and
 * its message has no text of the system's.
 */
export function check(
	got: Outcome | undefined,
	want: Want,
	subject: Subject = "native",
): void {
	if ("value" in want) {
		expect(got).toEqual(want);
		return;
	}
	const [code, syscall, path] = want;
	const isFake = subject === "fake";
	expect(got).toEqual({
		error: {
			name: "SysError",
			code,
			errno: constants.errno[code as keyof typeof constants.errno],
			syscall: isFake ? expect.any(String) : syscall,
			...(path !== undefined && { path }),
			message: expect.stringMatching(
				isFake ? /^.+: E[A-Z]+$/ : /^.+: .+ \(E[A-Z]+\)$/,
			),
			stack: true,
		},
	});
	if (isFake || !got || !("error" in got)) return;
	const what = path === undefined ? syscall : `${syscall} ${path}`;
	expect(got.error.message).toContain(`${what}: `);
	expect(got.error.message).toContain(` (${code})`);
}
