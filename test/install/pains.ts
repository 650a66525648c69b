// Helpers that the tests of the pains share.

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import {
	CONFLIST,
	EXECUTABLE,
	type Started,
	type Tree,
	until,
} from "./tree.ts";

export const INTERVAL = ["--interval", "50ms"];
/** Many times the interval: in this time nothing may happen. */
export const QUIET_MS = 400;

/** Returns the chain: our plugin items as `del`, `add` or `both`, the others by their types. */
export function chainOf(text: string): string[] {
	const { plugins } = JSON.parse(text) as {
		plugins: { type: string; on?: string }[];
	};
	return plugins.map(({ type, on }) =>
		type === "conntrack-flush" ? (on ?? "both") : type,
	);
}

export const CHAIN = ["flannel", "del", "portmap", "add"];

export async function installed(tree: Tree, ...words: string[]): Promise<void> {
	const ran = await tree.run(["install", ...words]);
	expect([ran.code, ran.stderr]).toEqual([0, ""]);
}

export async function watching(tree: Tree): Promise<Started> {
	const started = tree.start(["install", "--watch", ...INTERVAL]);
	await until("in the chain", () =>
		tree.read(CONFLIST).includes("conntrack-flush"),
	);
	return started;
}

export function isSelf(path: string): boolean {
	return readFileSync(path).equals(readFileSync(EXECUTABLE));
}
