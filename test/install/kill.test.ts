// install, an upgrade and uninstall, killed at any system call. The executable and
// the configuration are whole then, either the old or the new one; no chain names an
// executable that is absent; and the next call finishes the work.

import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { undoAll } from "../support/undo.ts";
import {
	BINARY,
	CONF,
	CONFLIST,
	createTree,
	EXECUTABLE,
	PRISTINE,
	type Tree,
} from "./tree.ts";

afterEach(undoAll);

const DROP_IN = `${CONF}/cbr0/90-conntrack-flush.conf`;
const TRACE = ["strace", "-f", "-qq", "-o"];

/** The calls that change something: between two of them it makes no difference where it dies. INSTALL_KILL=all tries every call. */
const CHANGING = /^(rename|unlink|mkdir|rmdir|fchmod|fsync|write)$/;
/** One of so many writes is tried: the executable is copied in many. */
const WRITES = 16;

function isTried(name: string, nth: number): boolean {
	if (process.env.INSTALL_KILL === "all") return name !== "execve";
	return CHANGING.test(name) && (name !== "write" || nth % WRITES === 1);
}

interface Row {
	readonly name: string;
	readonly words: readonly string[];
	/** Makes the node as it is before the call. */
	prepare(tree: Tree): Promise<void>;
	/** Asserts the state that the next call must leave, when it runs to its end. */
	readonly done: (tree: Tree) => void;
}

async function must(tree: Tree, ...words: string[]): Promise<void> {
	const ran = await tree.run(words);
	expect([ran.code, ran.stderr]).toEqual([0, ""]);
}

function isThere(tree: Tree, path: string): boolean {
	return tree.list().includes(path);
}

const ROWS: readonly Row[] = [
	{
		name: "install, edit",
		words: ["install"],
		prepare: async () => {},
		done: (tree) =>
			expect(tree.read(CONFLIST).split("conntrack-flush")).toHaveLength(3),
	},
	{
		name: "an upgrade from plugin items to a drop-in",
		words: ["install", "--mode", "dropin"],
		async prepare(tree) {
			await must(tree, "install");
			appendFileSync(tree.path(BINARY), "another version");
		},
		done(tree) {
			expect(tree.read(CONFLIST)).toBe(PRISTINE);
			expect(isThere(tree, DROP_IN)).toBe(true);
		},
	},
	{
		name: "uninstall of plugin items",
		words: ["uninstall", "--grace", "0"],
		prepare: (tree) => must(tree, "install"),
		done(tree) {
			expect(tree.read(CONFLIST)).toBe(PRISTINE);
			expect(isThere(tree, BINARY)).toBe(false);
		},
	},
	{
		name: "uninstall of a drop-in",
		words: ["uninstall", "--grace", "0"],
		prepare: (tree) => must(tree, "install", "--mode", "dropin"),
		done: (tree) =>
			expect(tree.list().filter((p) => p.includes("conntrack-flush"))).toEqual(
				[],
			),
	},
];

/** Returns the system calls of a run, each with its number among those of its name. */
async function callsOf(row: Row): Promise<[name: string, nth: number][]> {
	const tree = createTree();
	await row.prepare(tree);
	const file = join(tree.root, "trace");
	await tree.run(row.words, { by: [...TRACE, file] });
	const seen = new Map<string, number>();
	const all = [...readFileSync(file, "utf8").matchAll(/^\d+ +(\w+)\(/gm)];
	undoAll();
	return all
		.map(([, name = ""]): [string, number] => {
			const nth = (seen.get(name) ?? 0) + 1;
			seen.set(name, nth);
			return [name, nth];
		})
		.filter(([name, nth]) => isTried(name, nth));
}

describe.each(ROWS)("$name", (row) => {
	test("killed at any system call", { timeout: 600_000 }, async () => {
		const faults: string[] = [];
		let killed = 0;
		for (const [name, nth] of await callsOf(row)) {
			const tree = createTree();
			await row.prepare(tree);
			const conflists = [tree.read(CONFLIST), PRISTINE];
			const old = isThere(tree, BINARY)
				? readFileSync(tree.path(BINARY))
				: null;
			const inject = `inject=${name}:signal=KILL:when=${nth}`;
			const by = [...TRACE, "/dev/null", "-e", inject];
			const { code } = await tree.run(row.words, { by });
			if (code !== 0) killed++;
			try {
				expect(whole(tree, conflists, old)).toEqual([]);
				await must(tree, ...row.words);
				row.done(tree);
				expect(tree.list().filter((p) => p.endsWith("-new"))).toEqual([]);
			} catch (e) {
				faults.push(`at ${name} ${nth}: ${e instanceof Error ? e.message : e}`);
			}
			undoAll();
		}
		console.log(`${row.name}: died at ${killed} calls`);
		expect(killed).toBeGreaterThan(5);
		expect(faults).toEqual([]);
	});
});

/** Returns a line for each thing that is not whole. */
function whole(
	tree: Tree,
	conflists: readonly string[],
	old: Buffer | null,
): string[] {
	const faults: string[] = [];
	const text = tree.read(CONFLIST);
	const items = text.split(`"conntrack-flush"`).length - 1;
	if (!conflists.includes(text) && items !== 2)
		faults.push(`conflist: ${text}`);
	JSON.parse(text);
	const hasDropIn = isThere(tree, DROP_IN);
	if (hasDropIn) JSON.parse(tree.read(DROP_IN));
	if (hasDropIn && items > 0) faults.push("in the chain twice");
	const binary = isThere(tree, BINARY) ? readFileSync(tree.path(BINARY)) : null;
	if (binary === null) {
		if (items > 0 || hasDropIn)
			faults.push("the executable is named and absent");
	} else if (
		!binary.equals(readFileSync(EXECUTABLE)) &&
		!(old && binary.equals(old))
	)
		faults.push("the executable is neither the old nor the new one");
	return faults;
}
