// The Node host's monotonic clock, on which several processes must agree. Its other calls
// are in test/conformance.

import { expect, test } from "vitest";
import { nodeHost } from "../../../../plugin/host/node.ts";

test("ticks are those of the machine's monotonic clock, not of the process: records of several calls are compared by them", () => {
	const machine = Number(process.hrtime.bigint()) / 1e6;
	expect(Math.abs(nodeHost([]).ticks() - machine)).toBeLessThan(1000);
});
