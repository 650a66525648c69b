// What is handed over to the next pass, and what is not.

import { expect, test } from "vitest";
import { handOver } from "../../../../src/flush/handover.ts";
import { emptyReport, type Report } from "../../../../src/flush/report.ts";
import { DeadlineError } from "../../../../src/netlink/deadline.ts";
import { leftBehind } from "../../../../src/state/left.ts";
import { POD, RECORDS, setUpPods } from "../../../support/unit/flushes.ts";

test.each<[string, Partial<Report>, number]>([
	["a pass that ran out of time", { error: new DeadlineError("late") }, 1],
	["a pass that broke off", { how: "scan", error: new Error("ENOBUFS") }, 1],
	["a pass that may not begin", { error: new Error("EPERM") }, 0],
])("%s: %s", (_, change, left) => {
	const { context, host } = setUpPods([], [POD]);
	handOver(context, POD, { ...emptyReport(), ...change });
	expect(leftBehind(host, RECORDS)).toHaveLength(left);
});
