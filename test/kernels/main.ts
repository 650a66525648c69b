// Boots kernels and runs all cases on each: `make kernels`, or tsx with what to
// boot, e.g. `6.1 5.10.0-30 oldest newest`. Without arguments all of them, and
// then docs/kernels.md is written anew. ARCH=arm64 or s390x boots Debian's 6.1 of
// that architecture.

import { writeFileSync } from "node:fs";
import { boot } from "./boot.ts";
import { DEFAULT_WISHES, findKernel } from "./kernels.ts";
import { AMD64, machineOf } from "./machine.ts";
import {
	DOCUMENT,
	document,
	failures,
	type Tested,
	terminalTable,
} from "./report.ts";

/** The kernel of a machine that is not this one: Debian's own, whose programs its guest runs. */
const FOREIGN_WISHES = ["6.1"];

async function main(wishes: readonly string[]): Promise<boolean> {
	const machine = machineOf(process.env.ARCH ?? "amd64");
	const all = machine === AMD64 ? DEFAULT_WISHES : FOREIGN_WISHES;
	const tested: Tested[] = [];
	let good = true;
	const complain = (lines: readonly string[]): void => {
		if (lines.length > 0) good = false;
		for (const line of lines) process.stderr.write(`  ${line}\n`);
	};
	for (const wish of wishes.length > 0 ? wishes : all) {
		try {
			const kernel = await findKernel(wish, machine);
			if (tested.some((t) => t.kernel.release === kernel.release)) continue;
			process.stderr.write(`${wish}: ${kernel.release} (${kernel.version})\n`);
			const booted = await boot(kernel);
			tested.push({ kernel, booted });
			const bad = failures({ kernel, booted });
			process.stderr.write(
				`  ${booted.results.size - bad.length} ok, ${bad.length} failed, ${Math.round(booted.ms / 1000)} s\n`,
			);
			complain(bad);
		} catch (e) {
			complain([`${wish}: ${e}`]);
		}
	}
	if (tested.length > 0) process.stdout.write(`${terminalTable(tested)}\n`);
	if (good && wishes.length === 0 && machine === AMD64)
		writeFileSync(DOCUMENT, document(tested));
	return good;
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
