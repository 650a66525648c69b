// The kubectl plugin, with a kubectl that writes down what it is asked: in every shell that
// may be /bin/sh.

import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../support/exec.ts";
import { temporaryDirectory } from "../support/node.ts";

const PLUGIN = "deploy/kubectl/kubectl-conntrack_flush";
/** The agents, one of which is not running. */
const PODS = "a cf-1 Running\nb cf-2 Pending\nc cf-3 Running\n";
const GET =
	"--namespace=kube-system get pods --selector=app.kubernetes.io/name=conntrack-flush --sort-by=.spec.nodeName";
const exec = (pod: string, words: string, flags = ""): string =>
	`${flags}--namespace=kube-system exec ${pod} --container=agent -- /conntrack-flush ${words}`;

const dir = temporaryDirectory("kubectl");
const LOG = join(dir, "log");
const FAKE = join(dir, "kubectl");
writeFileSync(
	FAKE,
	`#!/bin/sh
printf '%s\\n' "$*" >> ${LOG}
case "$*" in
*" get pods "*) printf '%s' "$PODS" ;;
*cf-3*) echo "of $*" | sed 's/ --.*//'; exit "$CODE" ;;
*) echo fine ;;
esac
`,
);
chmodSync(FAKE, 0o755);

const SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]];

describe.each(SHELLS)("%s", (...shell) => {
	/** Runs the plugin with these words; resolves with what it printed, and what kubectl was asked. */
	async function plugin(
		words: readonly string[],
		{ pods = PODS, code = 0 } = {},
	) {
		rmSync(LOG, { force: true });
		const ran = await run([...shell.filter(Boolean), PLUGIN, ...words], {
			env: {
				PATH: process.env.PATH,
				KUBECTL: FAKE,
				PODS: pods,
				CODE: String(code),
			},
		});
		let asked: string[] = [];
		try {
			asked = readFileSync(LOG, "utf8").trimEnd().split("\n");
		} catch {
			// kubectl was not asked
		}
		return { ...ran, asked };
	}

	test("a command runs in every agent that runs, and says where; what could not be asked is a failure", async () => {
		const { code, stdout, stderr, asked } = await plugin(["list", "--stale"]);
		expect(stdout).toMatch(/^# a\nfine\n# c\n/);
		expect(stderr).toBe("# b\nthe agent cf-2 is Pending\n");
		expect(code).toBe(1);
		expect(asked[0]?.startsWith(GET)).toBe(true);
		expect(asked.slice(1)).toEqual([
			exec("cf-1", "list --stale"),
			exec("cf-3", "list --stale"),
		]);
	});

	test.each<[string, string[], string]>([
		["-A behind the command", ["list", "--stale", "-A"], "list --stale"],
		["-A before it", ["-A", "flush", "-n", "--stale"], "flush -n --stale"],
		["a word with spaces", ["list", "a b", "*"], "list a b *"],
		["the command's own flags", ["list", "-o", "wide"], "list -o wide"],
	])("%s", async (_, words, want) => {
		const { asked } = await plugin(words);
		expect(asked[1]).toBe(exec("cf-1", want));
	});

	test.each([
		["--node", ["doctor", "--node", "c"]],
		["--node=", ["--node=c", "doctor"]],
	])("%s asks for the agent of that node alone", async (_, words) => {
		const pods = "c cf-3 Running\n";
		const { asked, code } = await plugin(words, { pods });
		expect(asked[0]).toContain(" --field-selector=spec.nodeName=c ");
		expect(asked.slice(1)).toEqual([exec("cf-3", "doctor")]);
		expect(code).toBe(0);
	});

	test("kubectl's own flags are passed on", async () => {
		const { asked } = await plugin(
			[
				"--context",
				"my cluster",
				"--kubeconfig=/k",
				"-n",
				"kube-system",
				"list",
			],
			{ pods: "a cf-1 Running\n" },
		);
		const flags = "--context=my cluster --kubeconfig=/k ";
		expect(asked[0]?.startsWith(flags + GET)).toBe(true);
		expect(asked[1]).toBe(exec("cf-1", "list", flags));
	});

	test("the exit code is the highest of all nodes", async () =>
		expect((await plugin(["doctor"], { code: 3 })).code).toBe(3));

	test.each([[["-o", "json"]], [["-ojson"]], [["--output=json"]]])(
		"with %j standard output has the documents alone",
		async (json) => {
			const { stdout, stderr } = await plugin(["list", ...json], {
				pods: "a cf-1 Running\n",
			});
			expect([stdout, stderr]).toEqual(["fine\n", "# a\n"]);
		},
	);

	test.each<[string, string[], string, number]>([
		[
			"removes, and no node is named",
			["flush", "--stale"],
			"flush needs -A or --node NODE",
			2,
		],
		["is missing", [], "Usage: kubectl conntrack-flush", 2],
		[
			"follows an unknown option",
			["--stale", "list"],
			"unknown option --stale",
			2,
		],
		[
			"has a node that is missing",
			["list", "--node"],
			"--node needs a value",
			2,
		],
		["has both", ["list", "-A", "--node", "c"], "exclude each other", 2],
	])(
		"refuses a command that %s, and asks nothing",
		async (_, words, why, code) => {
			const ran = await plugin(words);
			expect(ran.stderr).toContain(why);
			expect([ran.code, ran.asked]).toEqual([code, []]);
		},
	);

	test("says so where there is no agent", async () => {
		const ran = await plugin(["list", "--node=z"], { pods: "" });
		expect(ran.stderr).toBe("no agent on z in the namespace kube-system\n");
		expect(ran.code).toBe(1);
	});
});
