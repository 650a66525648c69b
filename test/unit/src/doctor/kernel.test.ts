// The checks of the kernel: access, abilities, and the fill of the table.

import { expect, test } from "vitest";
import { checkAccess, checkFill } from "../../../../src/doctor/kernel.ts";
import { doneMessage, errorMessage } from "../../../support/entries.ts";
import { fakeHost, sysError } from "../../../support/fakehost.ts";
import { fakeKernel, type Request } from "../../../support/fakekernel.ts";
import { doctor } from "../../../support/unit/checkup.ts";

test.each<[string, number | string, string, string | undefined]>([
	["without the right to ask", 1, "fail capability", undefined],
	["without ctnetlink", 22, "fail ctnetlink", "the kernel does not have it"],
	[
		"without netfilter's netlink",
		"EPROTONOSUPPORT",
		"fail ctnetlink",
		"the kernel does not have it",
	],
	[
		"with another error",
		"EMFILE",
		"fail ctnetlink",
		"SysError: socket: EMFILE",
	],
])("%s nothing more can be checked", async (_, error, want, words) => {
	const kernel = fakeKernel({
		clock: { ms: 0 },
		answer: (r: Request) => [errorMessage(Number(error), r.seq)],
	});
	const netlink: typeof kernel.netlink = (...args) => {
		if (typeof error === "string") throw sysError(error, "socket");
		return kernel.netlink(...args);
	};
	const access = await checkAccess(fakeHost({ netlink }));
	expect(access.statistics).toBeUndefined();
	expect(access.findings.map((f) => `${f.status} ${f.check}`)).toEqual([want]);
	if (words !== undefined) expect(access.findings[0]?.found).toBe(words);
	expect(kernel.open()).toBe(0);
});

test("a table without a limit is never nearly full", () => {
	const statistics = { entries: 1000, max: 0, cpus: [], total: {} };
	expect(checkFill(statistics)).toEqual({
		check: "table fill",
		status: "ok",
		found: "1000 entries",
	});
});

test("a kernel that has nothing of it: a warning, exit 0", async () => {
	const { code, out } = await doctor({
		answer: (r) =>
			r.type === 0x0100
				? [errorMessage(95, r.seq)]
				: r.type === 0x0101 && r.payload[0] === 99
					? [doneMessage(r.seq)]
					: undefined,
	});
	expect(code).toBe(0);
	expect(out).toMatch(
		/^warn {2}kernel: .*filtered dump no, kernel flush no, retire no\n {6}use the split arrangement, "on": "del"/m,
	);
});

test.each([
	[22, "EINVAL"],
	[95, "EOPNOTSUPP, as before the kernel had a policy for them"],
])(
	"a kernel that refuses unknown flags with %i has what they are for: %s",
	async (errno) => {
		const { out } = await doctor({
			answer: (r) =>
				r.type === 0x0102 || (r.type === 0x0101 && r.payload[0] === 99)
					? [errorMessage(errno, r.seq)]
					: undefined,
		});
		expect(out).toContain("filtered dump yes, kernel flush yes, retire yes");
	},
);

test.each([
	[799, /^ok {4}table fill: 799 of 1000 entries \(79.9 %\)$/m],
	[800, /^warn {2}table fill: 800 of 1000 entries \(80.0 %\)\n {6}raise/m],
])("%i of 1000 entries, exit 0", async (entries, want) => {
	const { code, out } = await doctor({ fill: [entries, 1000] });
	expect(code).toBe(0);
	expect(out).toMatch(want);
});
