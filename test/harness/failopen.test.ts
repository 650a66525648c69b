// A refusal by conntrack, capabilities or the disk must never stop a pod: the
// verb succeeds, hands the result on, and says in one line what it could not do.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../support/chain.ts";
import { sleep } from "../support/clock.ts";
import { ALL_CLIENTS, attachment } from "../support/scene.ts";
import {
	type ChainFor,
	chainFor,
	createBusyStage,
	forTests,
	lateOf,
	mappings,
	type Round,
	WITHIN_MS,
} from "./setup.ts";

interface Row {
	readonly name: string;
	/** Makes the fault; `dir` is this row's own. */
	readonly chain: (dir: string) => Partial<ChainFor>;
	/** Changes the records between ADD and DEL. */
	readonly record?: string;
	/** Verbs that must complain. */
	readonly complains: readonly ("ADD" | "DEL")[];
	/** The clients recover all the same. */
	readonly recovers: boolean;
}

const ROWS: readonly Row[] = [
	{
		name: "no CAP_NET_ADMIN",
		chain: (dir) => ({
			keys: { dataDir: dir },
			wrap: {
				"conntrack-flush": [
					"setpriv",
					"--bounding-set=-net_admin",
					"--inh-caps=-net_admin",
				],
			},
		}),
		complains: ["ADD", "DEL"],
		recovers: false,
	},
	{
		name: "dataDir on a read-only file system",
		chain: (dir) => ({
			keys: { dataDir: dir },
			wrap: {
				"conntrack-flush": [
					"unshare",
					"-m",
					"sh",
					"-c",
					'mount -t tmpfs -o ro none "$0" && exec "$@"',
					dir,
				],
			},
		}),
		complains: ["ADD"],
		recovers: true,
	},
	{
		name: "dataDir that cannot be made",
		chain: () => ({ keys: { dataDir: "/proc/conntrack-flush" } }),
		complains: ["ADD"],
		recovers: true,
	},
	{
		name: "dataDir that is a file",
		chain: (dir) => {
			writeFileSync(join(dir, "file"), "");
			return { keys: { dataDir: join(dir, "file") } };
		},
		complains: ["ADD"],
		recovers: true,
	},
	{
		name: "a record that was cut short",
		chain: (dir) => ({ keys: { dataDir: dir } }),
		record: '{"network":"pod',
		complains: [],
		recovers: true,
	},
	{
		name: "a record of something else",
		chain: (dir) => ({ keys: { dataDir: dir } }),
		record: "[null, 7]",
		complains: [],
		recovers: true,
	},
];

const stage = forTests(createBusyStage);

describe.each(ROWS)("$name", (row) => {
	const steps: Step[] = [];
	const rounds: Round[] = [];

	beforeAll(async () => {
		const dir = join(stage.topology.dir, row.name.replaceAll(" ", "-"));
		mkdirSync(dir);
		const chain = chainFor(stage.topology, {
			arrangement: "single",
			...row.chain(dir),
		});
		// The second pod is the one that finds entries of the first.
		for (const sandbox of stage.turns) {
			const pod = attachment(sandbox, mappings());
			const added = await chain.add(pod);
			steps.push(...added);
			rounds.push(
				row.recovers
					? await stage.ledger.recovery(
							sandbox.receiver,
							ALL_CLIENTS,
							added.at(-1)?.endedAt ?? 0,
							WITHIN_MS,
						)
					: { after: new Map(), late: [] },
			);
			await sleep(100);
			if (row.record !== undefined) overwriteAll(dir, row.record);
			steps.push(...(await chain.del(pod)));
		}
	}, 60_000);

	// That every verb exits 0 is the chain's own condition: beforeAll has thrown otherwise.
	test("ADD hands the result on unchanged", () => {
		for (const [n, step] of steps.entries()) {
			if (step.verb !== "ADD" || step.type !== "conntrack-flush") continue;
			const before = steps[n - 1]?.stdout ?? "";
			expect(JSON.parse(step.stdout)).toEqual(JSON.parse(before));
		}
	});

	test("each verb complains in one line or not at all", () => {
		for (const step of ours(steps)) {
			const lines = complaints(step);
			const must = row.complains.some((verb) => verb === step.verb);
			expect(lines, `${step.verb}: ${step.stderr}`).toHaveLength(
				must ? 1 : Math.min(lines.length, 1),
			);
		}
	});

	test("every line on stderr is a log line", () => {
		for (const step of ours(steps)) {
			for (const line of step.stderr.split("\n").filter(Boolean)) {
				expect(line).toMatch(/^(time=\S+ )?level=\w+ msg=/);
			}
		}
	});

	if (row.recovers) {
		test("the clients recover all the same", () => {
			expect(lateOf(rounds, ALL_CLIENTS)).toEqual([]);
		});
	}
});

function ours(steps: readonly Step[]): Step[] {
	return steps.filter((step) => step.type === "conntrack-flush");
}

function complaints(step: Step): string[] {
	return step.stderr
		.split("\n")
		.filter((line) => /level=(warn|warning|error)\b/.test(line));
}

function overwriteAll(dir: string, text: string): void {
	for (const entry of readdirSync(dir, {
		recursive: true,
		withFileTypes: true,
	})) {
		if (entry.isFile()) writeFileSync(join(entry.parentPath, entry.name), text);
	}
}
