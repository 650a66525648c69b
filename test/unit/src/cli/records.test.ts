// Records that cannot be read, and those of another version of the plugin: the commands
// that read records warn of them.

import { expect, test } from "vitest";
import { call } from "../../../support/unit/calls.ts";
import { records } from "../../../support/unit/garbage.ts";

const BAD = {
	"/run/cni/conntrack-flush/x:y:z.json": "{",
	"/run/cni/conntrack-flush/podnet:4f2e:eth0.json": '{"version":9}',
};
const DIR = "/run/cni/conntrack-flush";
const ONE_FOREIGN = `1 record in ${DIR} is of another version of the plugin, and is kept\n`;
const WARNING = `${ONE_FOREIGN}1 record in ${DIR} cannot be read, and is passed over\n`;
const run = async (
	argv: readonly string[],
	bad: Readonly<Record<string, string>> = BAD,
) =>
	call("", {
		env: { CNI_COMMAND: undefined },
		conf: "a\n",
		kernel: { entries: [] },
		host: {
			argv,
			files: { ...(await records("a")), ...bad },
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

test("more of each kind are counted", async () => {
	const twice = Object.fromEntries(
		Object.entries(BAD).flatMap(([path, text]) => [
			[path, text],
			[path.replace("/run/cni/conntrack-flush/", "$&2"), text],
		]),
	);
	expect((await run(["list"], twice)).err).toBe(
		`2 records in ${DIR} are of another version of the plugin, and are kept\n2 records in ${DIR} cannot be read, and are passed over\n`,
	);
});

test.each([[["flush", "--pod-ip", "10.88.0.9"]], [["sweep", "--all"]]])(
	"%j, which reads none, has nothing to say of them",
	async (argv) => expect((await run(argv)).err).toBe(""),
);
