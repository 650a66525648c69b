// Every test: `make test`. What measures no time runs beside the builds that are compared.
// The others come after that, alone: a cluster too, because a node that boots on a busy
// machine is another test. Counts and durations come to build/out/tests, a file for each
// run of vitest.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";

const OUT = "build/out/tests";

type Argv = readonly string[];

function vitest(name: string, projects: readonly string[]): Argv {
	return [
		...["npx", "vitest", "run", "--config", "test/vitest.config.ts"],
		...["--reporter=default", "--reporter=./test/support/timetable.ts"],
		...["--reporter=json", `--outputFile.json=${OUT}/${name}.json`],
		...projects.map((project) => `--project=${project}`),
	];
}

const LINT: Argv = ["npm", "run", "--silent", "lint"];
const APART = vitest("apart", ["unit", "apart"]);
const BUILDS: readonly Argv[] = [
	["make", "--silent", "build/out/arch/arm64/conntrack-flush"],
	["sh", "build/reproducible.sh"],
];
const ALONE = vitest("alone", ["root", "guard", "cluster"]);

const running = new Set<ChildProcess>();
let signalled = false;
for (const signal of ["SIGINT", "SIGTERM"] as const)
	process.on(signal, () => {
		signalled = true;
		// they take back what they have made, and end
		for (const child of running) child.kill("SIGTERM");
	});

// Not exec.ts's `start`, which kills at a signal what has yet to clean up.
/** Runs a command to its end. Without `output`, an open file, it says what it says here. Returns true if it did well. */
async function succeeds(argv: Argv, output?: number): Promise<boolean> {
	if (signalled) return false;
	const [file = "", ...args] = argv;
	const out = output ?? "inherit";
	const child = spawn(file, args, { stdio: ["ignore", out, out] });
	running.add(child);
	const code = await new Promise<number | null>((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", resolve);
	});
	running.delete(child);
	return code === 0;
}

async function succeedAll(lane: readonly Argv[]): Promise<boolean> {
	let good = true;
	for (const argv of lane) good = (await succeeds(argv)) && good;
	return good;
}

/** Runs a command beside others, and says at its end what it has said. */
async function succeedsUnheard(argv: Argv, name: string): Promise<boolean> {
	const path = `${OUT}/${name}.log`;
	const file = openSync(path, "w");
	const good = await succeeds(argv, file);
	closeSync(file);
	process.stdout.write(readFileSync(path));
	return good;
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const good =
	(await succeeds(LINT)) &&
	[
		...(await Promise.all([
			succeedsUnheard(APART, "apart"),
			succeedAll(BUILDS),
		])),
		await succeeds(ALONE),
	].every(Boolean);
process.exitCode = good ? 0 : 1;
