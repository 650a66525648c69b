// STATUS: it succeeds, and says in the log whether the plugin could do its work now.

import { describe, expect, test } from "vitest";
import { errorMessage } from "../../../support/entries.ts";
import type { FakeHostOptions } from "../../../support/fakehost.ts";
import {
	type CallOptions,
	call,
	DIR,
	errorOf,
	expectUntouched,
} from "../../../support/unit/calls.ts";

const CONF = { cniVersion: "1.1.0", name: "podnet", type: "conntrack-flush" };
const MARKER = `${DIR}/unusable`;
// STATUS is about no pod
const NO_POD = { CNI_CONTAINERID: undefined, CNI_ARGS: undefined };
const ABSENT: CallOptions["kernel"] = { refuse: () => "EPROTONOSUPPORT" };
const status = (
	kernel: CallOptions["kernel"] = {},
	host: FakeHostOptions = {},
	conf: object = CONF,
) => call("STATUS", { conf, kernel, host, env: NO_POD });

describe("STATUS", () => {
	test("is silent where ctnetlink answers", async () => {
		const called = await status();
		expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
		expect(called.kernel.requests).toHaveLength(1);
		expectUntouched(called);
	});

	test.each<[string, CallOptions["kernel"]]>([
		["EPROTONOSUPPORT", ABSENT],
		["EPERM", { answer: ({ seq }) => [errorMessage(1, seq)] }],
		["EINVAL", { answer: ({ seq }) => [errorMessage(22, seq)] }],
		["gave up after", { answer: () => [] }],
	])(
		"succeeds where it does not, and says so in one line: %s",
		async (reason, kernel) => {
			const called = await status(kernel);
			expect([called.code, called.out]).toEqual([0, ""]);
			expect(called.err).toMatch(
				/^level=warn msg="cannot use conntrack over netlink" event=STATUS network=podnet .*\n$/,
			);
			expect(called.err).toContain(reason);
			expect(called.err).toContain("CAP_NET_ADMIN");
			expect(called.host.files.get(MARKER)).toContain(reason);
		},
	);

	test("says a change only, not every call", async () => {
		const files = { [MARKER]: "EPERM\n" };
		const still = await status(ABSENT, { files });
		expect([still.code, still.out, still.err]).toEqual([0, "", ""]);
		expect(still.host.files.has(MARKER)).toBe(true);
		const again = await status({}, { files });
		expect([again.code, again.out]).toEqual([0, ""]);
		expect(again.err).toBe(
			'level=info msg="conntrack can be used again" event=STATUS network=podnet\n',
		);
		expect(again.host.files.has(MARKER)).toBe(false);
	});

	test.each<[string, FakeHostOptions["fail"]]>([
		["made", (name) => (name === "mkdir" ? "EROFS" : undefined)],
		["written to", (name) => (name === "appendFile" ? "EROFS" : undefined)],
		["read", (name) => (name === "readFile" ? "EACCES" : undefined)],
	])(
		"succeeds and says so where dataDir cannot be %s",
		async (_, fail = () => undefined) => {
			const called = await status(ABSENT, { fail });
			expect([called.code, called.out]).toEqual([0, ""]);
			expect(called.err.match(/\n/g)).toHaveLength(1);
			expect(called.err).toContain("EPROTONOSUPPORT");
			expect((await status({}, { fail })).code).toBe(0);
		},
	);

	test("succeeds where the marker cannot be deleted, and tries again", async () => {
		const called = await status(
			{},
			{
				files: { [MARKER]: "EPERM\n" },
				fail: (name) => (name === "unlink" ? "EROFS" : undefined),
			},
		);
		expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
	});

	test("with strictStatus is error 50, and the log says the change all the same", async () => {
		const conf = { ...CONF, strictStatus: true };
		const first = await status(ABSENT, {}, conf);
		expect(first.code).toBe(1);
		expect(JSON.parse(first.out)).toMatchObject({
			code: 50,
			details: expect.stringContaining("EPROTONOSUPPORT"),
		});
		expect(first.err).toContain("cannot use conntrack");
		const files = { [MARKER]: "EPERM\n" };
		expect(errorOf(await status(ABSENT, { files }, conf))).toMatchObject({
			code: 50,
		});
		expect((await status({}, {}, conf)).code).toBe(0);
	});

	test("a wrong key is still an error", async () => {
		const called = await status({}, {}, { ...CONF, strictStatus: "yes" });
		expect(errorOf(called)).toMatchObject({
			code: 7,
			msg: 'invalid strictStatus: "yes"',
		});
	});
});
