// The doctor's finding on packets of new flows that met: the cause by what the kernel counts.

import { expect, test } from "vitest";
import type { Counters } from "../../../../src/conntrack/counters.ts";
import { checkRaces } from "../../../../src/doctor/races.ts";
import { fakeHost } from "../../../support/fakehost.ts";

test.each<[string, Counters, "ok" | "warn", RegExp]>([
	["nothing", { clash_resolve: 0 }, "ok", /^no packets/],
	[
		"two pods, one port",
		{ insert_failed: 3, drop: 3, clash_resolve: 0 },
		"warn",
		/^3 packets .* one source port .*random.*does not help/,
	],
	[
		"A and AAAA, passed on",
		{ insert_failed: 0, clash_resolve: 5 },
		"ok",
		/met 5 times.*over 1 s.*oneCPUPerFlow/,
	],
	[
		"a kernel before 5.10",
		{ insert_failed: 9, drop: 4 },
		"warn",
		/^4 packets .*A and AAAA.*oneCPUPerFlow.*worse/,
	],
])("%s", async (_, total, status, words) => {
	const statistics = { entries: 0, max: 0, cpus: [], total };
	const finding = await checkRaces(fakeHost({}), statistics, true);
	expect([finding.check, finding.status]).toEqual(["races", status]);
	expect(`${finding.found}; ${finding.advice}`).toMatch(words);
});
