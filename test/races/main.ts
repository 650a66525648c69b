// All races on this kernel and on Debian's: `make races`, or tsx with the kernels to boot,
// such as `6.1 newest`, or with `this` for the one that runs. It adds what was counted to
// docs/dns.json, and draws docs/dns.svg and the table of docs/dns.md from that.

import { release } from "node:os";
import { boot } from "../kernels/boot.ts";
import { RACES as CASES } from "../kernels/cases/races.ts";
import { DEFAULT_WISHES, findKernel } from "../kernels/kernels.ts";
import { failures } from "../kernels/report.ts";
import {
	COUNTED,
	type Counts,
	PAIRS,
	RACES,
	type Race,
	unmet,
} from "../support/races.ts";
import { undoAll } from "../support/undo.ts";
import { keep, type Measured } from "./measured.ts";
import { compilePairs, meet } from "./meeting.ts";

/** Where two emulated CPUs wait for a CPU of a busy machine, one race takes a minute and more. */
const BOUND_S = 3600;

async function thisKernel(): Promise<Measured> {
	const pairs = await compilePairs();
	const counts: Counts[] = [];
	for (const race of RACES) {
		counts.push((await meet(race, pairs)).counts);
		undoAll();
	}
	return measured(release(), false, counts);
}

async function guest(wish: string): Promise<Measured> {
	const kernel = await findKernel(wish);
	const booted = await boot(kernel, CASES, BOUND_S);
	const { measured: by } = booted;
	// what doctor and stats said, too
	for (const line of failures({ kernel, booted })) {
		process.stderr.write(`  ${line}\n`);
		good = false;
	}
	const counts = CASES.map(({ name }) => {
		const numbers = by.get(name);
		if (numbers === undefined) throw new Error(`not measured: ${name}`);
		return Object.fromEntries(
			COUNTED.map((counted) => [counted, numbers[counted] ?? 0]),
		) as unknown as Counts;
	});
	return measured(kernel.version.replace(/-.*/, ""), true, counts);
}

function measured(
	kernel: string,
	emulated: boolean,
	counts: readonly Counts[],
): Measured {
	const races = RACES.map(({ name }, i) => ({
		name,
		...(counts[i] as Counts),
	}));
	return { kernel, emulated, pairs: PAIRS, races };
}

function complain(race: Race, counts: Counts): boolean {
	const failed = unmet(race, counts);
	for (const [name, is, value] of failed)
		process.stderr.write(
			`  ${race.name}: ${name} is ${counts[name]}, not ${is} ${value}\n`,
		);
	return failed.length > 0;
}

let good = true;
const wishes = process.argv.slice(2);
for (const wish of wishes.length > 0 ? wishes : ["this", ...DEFAULT_WISHES]) {
	const result = wish === "this" ? await thisKernel() : await guest(wish);
	process.stderr.write(`${wish}: ${result.kernel}\n`);
	for (const [i, race] of RACES.entries())
		if (complain(race, result.races[i] as Counts)) good = false;
	keep(result);
}
process.exitCode = good ? 0 : 1;
