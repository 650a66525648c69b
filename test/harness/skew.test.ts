// Two versions of the plugin on one node, as in an upgrade and in a downgrade: one runs the
// ADD of a pod, the other its DEL, under traffic. The runtime passes no prevResult, so that
// the record is all that DEL has, and no ADD follows. SKEW_BIN is the directory of another
// version's executable (make skew). Without it, records that a later version may write stand
// for that version.

import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { createChain, type Step } from "../support/chain.ts";
import { now } from "../support/clock.ts";
import { conflist, withoutOwnFlush } from "../support/conflist.ts";
import { run, start } from "../support/exec.ts";
import { temporaryDirectory } from "../support/node.ts";
import { CNI_BIN, OUR_BIN } from "../support/requirements.ts";
import {
	ALL_CLIENTS,
	attachment,
	clientIds,
	HOST_PORT,
	KINDS,
} from "../support/scene.ts";
import {
	createBusyStage,
	forTests,
	lateOf,
	mappings,
	type Round,
	WITHIN_MS,
} from "./setup.ts";

const OTHER_BIN = process.env.SKEW_BIN;

interface Row {
	readonly name: string;
	readonly adds: string;
	readonly deletes: string;
	/** Rewrites the record that ADD has left, as another version would have written it. */
	readonly rewrite?: (record: Record<string, unknown>) => object;
	/** What the log of DEL must say. */
	readonly says?: RegExp;
}

/** The members that every version writes (docs/install.md), and the rest in another shape. */
function later({
	version,
	mappings: ports,
	pods,
	...promised
}: Record<string, unknown>): object {
	return { ...promised, version: Number(version) + 1, ways: { ports, pods } };
}

const ROWS: readonly Row[] = OTHER_BIN
	? [
			{ name: "upgrade", adds: OTHER_BIN, deletes: OUR_BIN },
			{ name: "downgrade", adds: OUR_BIN, deletes: OTHER_BIN },
		]
	: [
			{
				name: "downgrade from a version whose records have another shape",
				adds: OUR_BIN,
				deletes: OUR_BIN,
				rewrite: later,
				says: /level=warn msg="the attachment's record is of another version of the plugin" .*version=2 instead="all that leads to the pod's addresses"/,
			},
		];

const stage = forTests(createBusyStage);

describe.each(ROWS)("$name", ({ adds, deletes, rewrite, says }) => {
	const recovered: Record<string, Round> = {};
	let told = "";
	const errors: string[] = [];
	let broken: string[] = [];

	const dataDir = (): string => join(stage.topology.dir, "state");
	const chainOf = (bin: string) =>
		createChain(
			stage.topology.node,
			conflist(stage.topology, {
				arrangement: "split",
				cniVersion: "0.3.1",
			}),
			{ binDirs: [bin, CNI_BIN], edit: withoutOwnFlush },
		);
	const endOf = (steps: readonly Step[]): number => steps.at(-1)?.endedAt ?? 0;
	const commandOf = (bin: string, ...words: string[]) =>
		run(
			stage.topology.node.inside([
				join(bin, "conntrack-flush"),
				...words,
				"--data-dir",
				dataDir(),
				"--cni-cache-dir",
				stage.topology.dir,
			]),
		);

	beforeAll(async () => {
		const [sandbox] = stage.turns;
		const pod = attachment(sandbox, mappings());
		const added = await chainOf(adds).add(pod);
		recovered.pod = await stage.ledger.recovery(
			sandbox.receiver,
			ALL_CLIENTS,
			endOf(added),
			WITHIN_MS,
		);
		if (rewrite) {
			const name = readdirSync(dataDir()).find((n) =>
				n.includes(`:${pod.containerID}:`),
			);
			const path = join(dataDir(), name ?? "");
			const text = rewrite(JSON.parse(readFileSync(path, "utf8")));
			writeFileSync(path, JSON.stringify(text));
		}
		for (const words of [["list"], ["reconcile"]]) {
			const { code, stderr } = await commandOf(deletes, ...words);
			if (code !== 0) errors.push(`${words}: ${code} ${stderr}`);
		}
		recovered.reconciled = await stage.ledger.recovery(
			sandbox.receiver,
			ALL_CLIENTS,
			now(),
			WITHIN_MS,
		);
		const deleted = await chainOf(deletes).del(pod);
		told = deleted.map(({ stderr }) => stderr).join("");
		await stage.node.listen({
			name: "node",
			host: "::",
			port: HOST_PORT,
			answers: "never",
		});
		recovered.node = await stage.ledger.recovery(
			"node",
			ALL_CLIENTS,
			endOf(deleted),
			WITHIN_MS,
		);
		await stage.node.close("node");
		broken = await stage.healthy.broken();
	}, 60_000);

	test.each(["pod", "reconciled", "node"])(
		"every client reaches the %s within a second",
		(place) => {
			const round = recovered[place];
			expect(round?.after.size).toBeGreaterThan(0);
			for (const kind of KINDS)
				expect(lateOf(round ? [round] : [], clientIds(kind))).toEqual([]);
		},
	);

	test("commands of the one version read the records of the other", () =>
		expect(errors).toEqual([]));

	test("healthy flows keep their entries", () => expect(broken).toEqual([]));

	if (says) test("DEL names the record", () => expect(told).toMatch(says));
});

/** Calls the plugin for pod `n`, which has a hostPort. */
const call = (bin: string, dataDir: string, verb: string, n: number) =>
	run(stage.topology.node.inside([join(bin, "conntrack-flush")]), {
		input: JSON.stringify({
			cniVersion: "1.0.0",
			name: "skew",
			type: "conntrack-flush",
			dataDir,
			prevResult: {
				cniVersion: "1.0.0",
				ips: [{ address: `10.88.7.${n}/16` }],
			},
			runtimeConfig: {
				portMappings: [
					{ hostPort: 20_000 + n, containerPort: 1, protocol: "udp" },
				],
			},
		}),
		env: {
			PATH: process.env.PATH ?? "",
			CNI_COMMAND: verb,
			CNI_CONTAINERID: `c${n}`,
			CNI_IFNAME: "eth0",
			CNI_NETNS: stage.topology.node.path,
			CNI_PATH: "/opt/cni/bin",
		},
	});

/** Whose agent, its directory, and that of the plugin beside it. An agent collects every ten seconds, so this takes a minute. */
const AGENTS: readonly (readonly [string, string, string])[] = OTHER_BIN
	? [
			["this version", OUR_BIN, OTHER_BIN],
			["the other version", OTHER_BIN, OUR_BIN],
		]
	: [];

describe.each(AGENTS)("an agent of %s", (_, agentBin, pluginBin) => {
	test("puts its own executable in place, and counts what a plugin of the other one has done", async () => {
		const dir = temporaryDirectory("skew-agent");
		const [bin, conf] = [join(dir, "bin"), join(dir, "net.d")];
		mkdirSync(bin);
		mkdirSync(conf);
		for (const name of ["bridge", "host-local", "loopback", "portmap"])
			copyFileSync(join(CNI_BIN, name), join(bin, name));
		copyFileSync(
			join(pluginBin, "conntrack-flush"),
			join(bin, "conntrack-flush"),
		);
		writeFileSync(
			join(conf, "10-skew.conflist"),
			JSON.stringify(conflist(stage.topology, { arrangement: "without" })),
		);
		const textfile = join(dir, "agent.prom");
		const agent = start(
			stage.topology.node.inside([
				...[join(agentBin, "conntrack-flush"), "install", "--watch"],
				...["--cni-bin-dir", bin, "--cni-conf-dir", conf],
				...["--data-dir", dir, "--cni-cache-dir", dir, "--textfile", textfile],
			]),
			{ stdio: "ignore" },
		);
		const metric = (name: string): number =>
			(existsSync(textfile) ? readFileSync(textfile, "utf8") : "")
				.split("\n")
				.filter((line) => line.startsWith(`conntrack_flush_${name}`))
				.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
		const until = async (isSo: () => boolean): Promise<void> => {
			for (const end = now() + 40_000; !isSo(); await wait(100))
				if (now() > end) throw new Error("it does not come");
		};
		await until(() => metric("installed") === 1);
		expect(readFileSync(join(bin, "conntrack-flush"))).toEqual(
			readFileSync(join(agentBin, "conntrack-flush")),
		);
		for (const verb of ["ADD", "DEL"]) {
			const { code, stderr } = await call(pluginBin, dir, verb, 1);
			expect([code, stderr]).toEqual([
				0,
				expect.not.stringMatching(/level=warn/),
			]);
		}
		await until(() => metric("flushes_total{") === 2);
		agent.kill("SIGTERM");
	}, 100_000);
});

if (OTHER_BIN)
	test("verbs of two versions at once share passes or work alone, and all succeed", async () => {
		const dataDir = temporaryDirectory("skew-burst");
		for (const verb of ["ADD", "DEL"]) {
			const ran = await Promise.all(
				Array.from({ length: 24 }, (_, n) =>
					call(n % 2 === 0 ? OTHER_BIN : OUR_BIN, dataDir, verb, n + 1),
				),
			);
			expect(ran.map(({ code }) => code)).toEqual(ran.map(() => 0));
			expect(ran.map(({ stderr }) => stderr).join("")).not.toMatch(
				/level=(warn|error)/,
			);
		}
	}, 60_000);
