// Records that cannot be read: the commands that read records warn of them.

import { expect, test } from "vitest";
import { call } from "../../../support/unit/calls.ts";
import { records } from "../../../support/unit/garbage.ts";

const BAD = {
	"/run/cni/conntrack-flush/x:y:z.json": "{",
	"/run/cni/conntrack-flush/podnet:4f2e:eth0.json": '{"version":9}',
};
const WARNING =
	"2 records in /run/cni/conntrack-flush cannot be read, and are passed over\n";
const run = async (argv: readonly string[]) =>
	call("", {
		env: { CNI_COMMAND: undefined },
		conf: "a\n",
		kernel: { entries: [] },
		host: {
			argv,
			files: { ...(await records("a")), ...BAD },
			signal: () => "SIGTERM",
		},
	});

test.each([
	[["list"]],
	[["flush", "--stale"]],
	[["reconcile"]],
	[["gc", "--valid", "-"]],
	[["sweep"]],
])("%j says how many it passes over", async (argv) => {
	const { code, err } = await run(argv);
	expect([code, err]).toEqual([0, WARNING]);
});

test.each([[["flush", "--pod-ip", "10.88.0.9"]], [["sweep", "--all"]]])(
	"%j, which reads none, has nothing to say of them",
	async (argv) => expect((await run(argv)).err).toBe(""),
);
