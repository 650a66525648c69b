// Killed anywhere: whatever system call ADD or DEL dies at, the call that the
// runtime makes next leaves everything as if nothing had happened.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
	CALLS,
	type CallName,
	createScene,
	enact,
	outcomeOf,
	reset,
	type State,
	stateOf,
} from "./kill.scene.ts";
import type { World } from "./model.world.ts";

let world: World;
beforeAll(async () => {
	world = await createScene();
});

const TRACE = ["strace", "-f", "-qq", "-o"];

/** Faults that come on top, by the words that they add to a name: without a socket, a DEL has to keep its record. */
const FAULTS = {
	"": [],
	" without a socket": ["-e", "inject=socket:error=EMFILE"],
} as const;
type Fault = keyof typeof FAULTS;

/** The system calls of a verb: each with how many of its name came before it. */
async function callsOf(
	verb: CallName,
	fault: Fault,
): Promise<[name: string, nth: number][]> {
	await reset(world, verb);
	const file = join(world.dataDir, "..", `trace-${process.pid}`);
	await enact(world, verb, [...TRACE, file, ...FAULTS[fault]]);
	const text = readFileSync(file, "utf8");
	rmSync(file);
	const seen = new Map<string, number>();
	return [...text.matchAll(/^\d+ +(\w+)\(/gm)].map(([, name = ""]) => {
		const nth = (seen.get(name) ?? 0) + 1;
		seen.set(name, nth);
		return [name, nth];
	});
}

const ROWS: readonly (readonly [CallName, Fault, string, CallName])[] = [
	["ADD", "", "KILL", "ADD"],
	["ADD", "", "KILL", "DEL that deletes"],
	["DEL that deletes", "", "TERM", "DEL that deletes"],
	["DEL that deletes", "", "KILL", "DEL that deletes"],
	["DEL that retires", "", "KILL", "DEL that retires"],
	["DEL that retires", "", "TERM", "DEL that retires"],
	["DEL of a pod", "", "KILL", "DEL of a pod"],
	["GC", "", "KILL", "GC"],
	["DEL that deletes", " without a socket", "KILL", "DEL that deletes"],
	// who has lost the pod by then
	["DEL that deletes", " without a socket", "KILL", "GC"],
];

describe.each(ROWS)(
	"%s%s, SIG%s at any system call, then %s",
	(verb, fault, signal, next) => {
		test("is as if nothing had happened", { timeout: 600_000 }, async () => {
			const state = async (
				before?: readonly string[],
			): Promise<State | undefined> => {
				await reset(world, verb);
				if (before) {
					const { code } = await enact(world, verb, before);
					if (code === 0) return undefined;
				} else if (next !== verb) await enact(world, verb);
				const { code, stderr } = await enact(world, next);
				expect(code, stderr).toBe(0);
				expect(stderr).not.toMatch(/level=(warn|error)/);
				return stateOf(world);
			};
			const untouched = await state();
			if (verb === next && CALLS[verb].verb !== "ADD")
				expect(untouched).toEqual({ ...outcomeOf(verb), files: {} });
			const faults: string[] = [];
			const places = await callsOf(verb, fault);
			let killed = 0;
			for (const [name, nth] of places) {
				// one call cannot be injured twice
				if (name === "socket" && fault !== "") continue;
				const inject = `inject=${name}:signal=${signal}:when=${nth}`;
				const got = await state([
					...[...TRACE, "/dev/null", ...FAULTS[fault]],
					...["-e", inject],
				]);
				if (got === undefined) continue; // fewer of them this time
				killed++;
				try {
					// entries that only the retried ADD would remove may stay until there is one
					if (verb === "ADD" && next !== "ADD")
						expect(got.files).toEqual(untouched?.files);
					else expect(got).toEqual(untouched);
				} catch (e) {
					const what = e instanceof Error ? e.message : String(e);
					faults.push(`at ${name} ${nth}: ${what}`);
				}
			}
			console.log(`${verb}${fault} ${signal} ${next}: died at ${killed} calls`);
			expect(killed).toBeGreaterThan(40);
			expect(faults).toEqual([]);
		});
	},
);
