// Runs the probe in one of the two hosts.

import {
	type ChildProcess,
	execFileSync,
	type SpawnOptions,
	spawn,
} from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import type { Call, Outcome } from "./probe.ts";

const PROBE = "build/out/conntrack-flush-probe";
execFileSync("make", ["--silent", PROBE]);

export type HostName = "native" | "node";
export const HOSTS: readonly HostName[] = ["native", "node"];

const COMMANDS: Readonly<Record<HostName, readonly [string, ...string[]]>> = {
	native: [PROBE],
	node: [process.execPath, "--import", "tsx", "test/conformance/probe.node.ts"],
};

export function commandOf(
	host: HostName,
	calls: readonly Call[] | string,
	args: readonly string[] = [],
): [string, ...string[]] {
	const json = typeof calls === "string" ? calls : JSON.stringify(calls);
	return [...COMMANDS[host], json, ...args];
}

export function start(
	host: HostName,
	calls: readonly Call[] | string,
	args: readonly string[] = [],
	options: SpawnOptions = {},
): ChildProcess {
	const [file, ...words] = commandOf(host, calls, args);
	return spawn(file, words, options);
}

/** The native host, started by a line of shell that ends in `exec "$@"`. */
export function shell(
	line: string,
	calls: readonly Call[],
	args: readonly string[] = [],
): Promise<Ended> {
	const words = [PROBE, JSON.stringify(calls), ...args];
	return ended(spawn("sh", ["-c", line, "sh", ...words]));
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
	await ended(spawn("script", ["-qec", line, "/dev/null"]));
	return JSON.parse(text(file));
}

export interface Ended {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: Buffer;
	readonly stderr: string;
}

export async function ended(child: ChildProcess): Promise<Ended> {
	const stdout: Buffer[] = [];
	const stderr: Buffer[] = [];
	child.stdout?.on("data", (part) => stdout.push(part));
	child.stderr?.on("data", (part) => stderr.push(part));
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code, signal) =>
			resolve({
				code,
				signal,
				stdout: Buffer.concat(stdout),
				stderr: Buffer.concat(stderr).toString(),
			}),
		);
	});
}

/** The outcomes of calls made by one process. */
export async function outcomes(
	host: HostName,
	calls: readonly Call[],
	options: SpawnOptions & { readonly input?: Uint8Array } = {},
): Promise<readonly Outcome[]> {
	const child = start(host, calls, [], options);
	child.stdin?.end(options.input);
	const { stdout, stderr } = await ended(child);
	try {
		return JSON.parse(stdout.toString());
	} catch (cause) {
		throw new Error(`${host}: ${stdout} ${stderr}`, { cause });
	}
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

export function check(got: Outcome | undefined, want: Want): void {
	if ("value" in want) {
		expect(got).toEqual(want);
		return;
	}
	const [code, syscall, path] = want;
	const what = path === undefined ? syscall : `${syscall} ${path}`;
	expect(got).toEqual({
		error: {
			name: "SysError",
			code,
			errno: constants.errno[code as keyof typeof constants.errno],
			syscall,
			...(path !== undefined && { path }),
			// What the system's own text says is up to the host.
			message: expect.stringMatching(/^.+: .+ \(E[A-Z]+\)$/),
			stack: true,
		},
	});
	if (got && "error" in got) {
		expect(got.error.message).toContain(`${what}: `);
		expect(got.error.message).toContain(` (${code})`);
	}
}
