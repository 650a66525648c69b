// The line of `list`, `flush --stale` and `reconcile` if nothing is known.

import { describe, expect, test } from "vitest";
import { cli } from "../../../../src/cli/cli.ts";
import { tryInWords } from "../../../../src/cli/nothing.ts";
import type { Host } from "../../../../src/host.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { natRules } from "../../../support/natrules.ts";
import { type Called, call } from "../../../support/unit/calls.ts";
import { records } from "../../../support/unit/garbage.ts";

const NONE =
	"no port mapping is recorded in /run/cni/conntrack-flush or cached in /var/lib/cni";
const NO_RULE = `${NONE}, and no rule of portmap, netavark, Docker, CRI-O or Incus publishes a port`;
const DOCKER = "udp local:8125 > 172.17.0.5:5353 docker";
const ENTRY = { orig: "192.0.2.7:1 > 203.0.113.1:4711" };
/** A document without a frontend of UDP. */
const EMPTY = {
	"/tmp/none.json": JSON.stringify({
		frontends: [
			{ ips: ["10.96.0.10"], port: 53, protocol: "tcp", endpoints: [] },
		],
	}),
};
const LEFT_OUT = "1 destination of tcp is left out; see --proto\n";

const say = (
	argv: readonly string[],
	rules: readonly string[] = [],
	files: Readonly<Record<string, string>> = {},
): Promise<Called> =>
	call("", {
		env: { CNI_COMMAND: undefined },
		kernel: { entries: [ENTRY], rules: natRules(...rules) },
		host: { argv, files },
	});

describe("nothing is known", () => {
	test.each<[string, string]>([
		["list", `${NONE}; try --host-port, --from, --pod or --all\n`],
		["flush --stale", `${NONE}; try --rules, --host-port, --from or --pod\n`],
		[
			"flush --stale -n",
			`${NONE}; try --rules, --host-port, --from or --pod\n`,
		],
		[
			"flush --stale --rules",
			`${NO_RULE}; try --rules=all (for rules of people and firewalls), --host-port, --from or --pod\n`,
		],
		["reconcile", `${NONE}; try --rules, --services or --frontends\n`],
		["reconcile -n", `${NONE}; try --rules, --services or --frontends\n`],
		[
			"reconcile --rules",
			`${NO_RULE}; try --rules=all (for rules of people and firewalls), --services or --frontends\n`,
		],
		[
			"reconcile --frontends /tmp/none.json",
			`${LEFT_OUT}no frontend of udp is in /tmp/none.json; try --rules or --attachments\n`,
		],
		[
			"reconcile --frontends /tmp/none.json --attachments",
			`${LEFT_OUT}no frontend of udp is in /tmp/none.json, and ${NONE}; try --rules\n`,
		],
	])("%s: exit code 0", async (line, want) => {
		const { code, err } = await say(line.split(" "), [], EMPTY);
		expect([code, err]).toEqual([0, want]);
	});

	test("in a loop it is said once", async () => {
		let sleeps = 0;
		const { netlink } = fakeKernel({ entries: [ENTRY], rules: natRules() });
		const fake = fakeHost({ netlink, argv: ["reconcile", "--interval", "1s"] });
		const host: Host = {
			...fake,
			sleep: () => void sleeps++,
			signal: () => (sleeps > 3 ? "SIGTERM" : undefined),
		};
		expect(await cli(host)).toBe(0);
		expect(fake.written(2)).toBe(
			`${NONE}; try --rules, --services or --frontends\n`,
		);
	});

	test("but the rules publish ports: whose", async () => {
		const { err } = await say(["flush", "--stale"], [DOCKER]);
		expect(err).toBe(
			`${NONE}; try --rules (for the ports of docker), --host-port, --from or --pod\n`,
		);
	});
});

describe("nothing is said", () => {
	test.each<[string, readonly string[]]>([
		["flush --stale --rules", [DOCKER]],
		["reconcile --rules", [DOCKER]],
		// what people write is not surveyed
		["reconcile --rules=all", []],
		["flush --host-port 53", []],
	])("by %s", async (line, rules) =>
		expect((await say(line.split(" "), rules)).err).toBe(""),
	);

	test.each(["flush --stale", "reconcile", "list"])(
		"by %s if a hostPort is known",
		async (line) =>
			expect((await say(line.split(" "), [], await records("a"))).err).toBe(""),
	);
});

test.each<[readonly string[], string]>([
	[["--a"], "try --a"],
	[["--a", "--b"], "try --a or --b"],
	[["--a", "--b", "--c"], "try --a, --b or --c"],
])("%j: %s", (flags, want) => expect(tryInWords(flags)).toBe(want));
