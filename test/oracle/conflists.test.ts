// install and uninstall on directories as nodes have them, and stranger ones: what
// go-cni, ocicni and Multus would call, by their own code, is what install changes; what
// they do not load it refuses; and after uninstall every byte is as before.
// ORACLE_DIRECTORIES and ORACLE_SEED choose others.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Wishes } from "../../src/install/plan.ts";
import { EXECUTABLE } from "../install/tree.ts";
import { run } from "../support/exec.ts";
import { random } from "../support/random.ts";
import { DIFFERENCES } from "./differences.ts";
import { type Directory, makeDirectory, snapshot } from "./directories.ts";
import { examine, installOn, planFor, uninstallFrom } from "./installer.ts";
import { effective, explained, faults, type Outcome } from "./judge.ts";
import { ask, type Loaded } from "./oracle.ts";

const COUNT = Number(process.env.ORACLE_DIRECTORIES ?? 700);
/** So many of them are also done by the executable itself. */
const EXECUTED = 250;
const SEED = Number(process.env.ORACLE_SEED ?? 1);

interface Tried {
	readonly directory: Directory;
	readonly wishes: Wishes;
	readonly before: Loaded;
	outcome: Outcome;
	/** What doctor says before install and after it. */
	doctor: [before: readonly string[], after: readonly string[]];
	readonly was: readonly string[];
	/** What is there after install, for those that the executable does again. */
	readonly installed: readonly string[] | undefined;
}

const root = mkdtempSync(join(tmpdir(), "conntrack-flush-oracle-"));
/** A directory of records of our own: the executable must not touch the machine's. */
const DATA = join(root, "data");
const tried: Tried[] = [];
const complaints: string[] = [];
/** The outcomes by their kinds, for the reader of the log. */
const counts = new Map<string, number>();
const count = (what: string): void => {
	counts.set(what, (counts.get(what) ?? 0) + 1);
};

const rootOf = (i: number): string => join(root, String(i));
function wishesFor(i: number, { runtime }: Directory): Wishes {
	const r = random(SEED * 7 + i);
	const version = {
		name: runtime,
		...(runtime === "cri-o" ? { major: 1, minor: 33 } : { major: 2, minor: 1 }),
	};
	// a version makes auto take a drop-in
	const mode = r.chance(0.5) ? "edit" : "auto";
	return {
		mode,
		keys: { dataDir: DATA },
		runtime: runtime === "cri-o" || r.chance(0.5) ? version : undefined,
	};
}

beforeAll(async () => {
	const directories = Array.from({ length: COUNT }, (_, i) =>
		makeDirectory(random(SEED * 100_003 + i), rootOf(i), i),
	);
	const before = await ask(directories);
	for (const [i, directory] of directories.entries()) {
		const wishes = wishesFor(i, directory);
		const was = snapshot(rootOf(i));
		const first = examine(directory, wishes);
		const outcome = installOn(directory, wishes);
		tried.push({
			...{ directory, wishes, was, outcome },
			before: before[i] as Loaded,
			installed: i < EXECUTED ? snapshot(rootOf(i)) : undefined,
			doctor: [first, examine(directory, wishes)],
		});
	}
	const after = await ask(directories);
	for (const [i, { directory, before, outcome }] of tried.entries())
		for (const fault of faults(
			outcome,
			directory.runtime === "cri-o",
			before,
			after[i] as Loaded,
		))
			complaints.push(`${i} ${directory.runtime}: ${fault}`);
}, 1_800_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe(`${COUNT} directories, ORACLE_SEED=${SEED}`, () => {
	test("install changes what is called, and refuses the rest", () => {
		for (const { directory, before, outcome } of tried) {
			const kind =
				"plan" in outcome
					? outcome.plan.mode
					: "refused" in outcome
						? "refused"
						: "waiting";
			const theirs =
				effective(before).error === undefined ? "called" : "not loaded";
			count(
				`${directory.runtime}${before.delegate ? " with Multus" : ""}, ${theirs}: ${kind}`,
			);
		}
		console.log(
			[...counts]
				.map(([what, n]) => `${n} ${what}`)
				.sort()
				.join("\n"),
		);
		expect(complaints).toEqual([]);
	});

	test.runIf(COUNT >= 700)(
		"every difference on purpose occurs, so that the table has no dead row",
		() => {
			const met = new Map(DIFFERENCES.map((d) => [d, 0]));
			for (const { before, outcome } of tried) {
				if (!("refused" in outcome) || effective(before).error !== undefined)
					continue;
				const why = explained(outcome.refused);
				if (why) met.set(why, (met.get(why) ?? 0) + 1);
			}
			console.log([...met].map(([{ what }, n]) => `${n} ${what}`).join("\n"));
			expect(
				[...met].filter(([, n]) => n === 0).map(([{ what }]) => what),
			).toEqual([]);
		},
	);

	test("doctor agrees with install", () => {
		const wrong: string[] = [];
		for (const [i, { outcome, doctor }] of tried.entries()) {
			const [first, last] = doctor;
			const isFine = (found: readonly string[]): boolean =>
				found.some((f) => f.startsWith("ok"));
			if ("plan" in outcome) {
				if (!first.some((f) => f.includes("does not list the plugin")))
					wrong.push(`${i} before: ${first}`);
				const isTold = outcome.plan.notes.some((n) => !n.startsWith("CRI-O"));
				if (!isTold && last.some((f) => f.startsWith("fail")))
					wrong.push(`${i} after: ${last}`);
				if (isTold && isFine(last)) wrong.push(`${i} after: ${last}`);
			} else if (isFine(first)) wrong.push(`${i} refused: ${first}`);
		}
		expect(wrong).toEqual([]);
	});

	test("a second install changes nothing", () => {
		const again = tried.flatMap(({ directory, wishes, outcome }, i) => {
			if (!("plan" in outcome)) return [];
			const plan = planFor(directory, wishes);
			return plan?.changes.length === 0
				? []
				: [`${i}: ${plan?.changes.map(({ path }) => path)}`];
		});
		expect(again).toEqual([]);
	});

	test("after uninstall every byte is as before", () => {
		const changed: string[] = [];
		for (const [i, { directory, was }] of tried.entries()) {
			uninstallFrom(directory);
			const is = snapshot(rootOf(i));
			const differs = [
				...was.filter((line) => !is.includes(line)),
				...is.filter((line) => !was.includes(line)),
			];
			if (differs.length > 0)
				changed.push(
					`${i}: ${differs.map((line) => line.slice(0, 300)).join("\n")}`,
				);
		}
		expect(changed).toEqual([]);
	});

	test("the executable does the same", { timeout: 300_000 }, async () => {
		const wrong: string[] = [];
		for (const [
			i,
			{ directory, wishes, outcome, was, installed },
		] of tried.entries()) {
			const { confDir, binDir, defaultNetwork } = directory;
			const { mode, runtime } = wishes;
			// the executable would read the machine's own directories
			if (!installed || !runtime || defaultNetwork !== "") continue;
			const call = (...words: string[]) =>
				run(
					[
						...[EXECUTABLE, ...words, "--cni-conf-dir", confDir],
						...["--cni-bin-dir", binDir, "--data-dir", DATA],
						...[
							"--runtime-version",
							`${runtime.name}://${runtime.major}.${runtime.minor}.0`,
						],
					],
					{ env: {} },
				);
			const ran = await call("install", "--mode", mode);
			const outside = (lines: readonly string[]): string[] =>
				lines.filter((line) => !line.startsWith(`${binDir}/`));
			// what only the executable finds: the plugin's file, and its engine's limits
			const isElsewhere = / names, is not in |cannot be read here/.test(
				ran.stderr,
			);
			count(`executed, exit ${ran.code}`);
			if (
				"refused" in outcome &&
				!isElsewhere &&
				!ran.stderr.includes(outcome.refused)
			)
				wrong.push(`${i} ${outcome.refused}: ${ran.stderr}`);
			const want = outside(isElsewhere ? was : installed).join("\n");
			if (outside(snapshot(rootOf(i))).join("\n") !== want)
				wrong.push(`${i} ${ran.code}: ${ran.stdout}${ran.stderr}`);
			const gone = await call("uninstall", "--grace", "0");
			if (outside(snapshot(rootOf(i))).join("\n") !== outside(was).join("\n"))
				wrong.push(`${i} uninstall ${gone.code}: ${gone.stderr}`);
		}
		console.log(
			[...counts].filter(([what]) => what.startsWith("executed")).join("\n"),
		);
		expect(wrong).toEqual([]);
	});

	test("the shares are those of the wild", () => {
		const made = tried.flatMap(({ directory }) => directory.made);
		const share = (
			of: typeof made,
			is: (m: (typeof made)[number]) => boolean,
		): number => of.filter(is).length / of.length;
		const old = share(
			made,
			({ version }) => version === "0.3.1" || version === "0.3.0",
		);
		const with_ = made.filter(({ portmap }) => portmap !== "none");
		const last = share(with_, ({ portmap }) => portmap === "last");
		console.log(
			`${made.length} lists: ${(100 * old).toFixed()} % of 0.3.0 and 0.3.1, portmap last in ${(100 * last).toFixed()} %`,
		);
		expect(old).toBeGreaterThan(0.5);
		expect(old).toBeLessThan(0.7);
		expect(last).toBeGreaterThan(0.65);
		expect(last).toBeLessThan(0.85);
	});
});
