// Damaged dumps: a scan of whatever a socket may give ends with the entries that
// a slow and plain decoder finds, or with an error that has a type. On Node; the
// same in the executable's engine is engine.test.ts.

import { expect, test } from "vitest";
import { damagedDump, faultOfScan, hintOf, Tally } from "./dumps.ts";
import { FOR_SECONDS, forSeconds, SECONDS, SEED } from "./mutate.ts";
import { scanDump } from "./scan.ts";

test(
	"damaged dumps are read as the plain decoder reads them",
	FOR_SECONDS,
	async () => {
		const tally = new Tally();
		await forSeconds(SECONDS, async (seed) => {
			const bytes = damagedDump(seed);
			const got = await scanDump(bytes);
			const fault = faultOfScan(bytes, got);
			if (fault) expect.fail(`${fault}\n${hintOf(seed, bytes)}`);
			tally.add(got);
		});
		console.log(`seed ${SEED}: ${tally}`);
		// damage must leave something to decode, and destroy something
		expect(Math.min(tally.read, tally.refused, tally.found)).toBeGreaterThan(0);
	},
);
