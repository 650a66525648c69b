// conntrack-flush in a cluster of two nodes, as deploy/ installs it, from before there is
// a network to its removal. CI takes a selection; CLUSTER_EVERY=1 takes every event on
// every configuration, and writes docs/clusters.md.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { onEnd } from "../../support/undo.ts";
import { type Cluster, createCluster, whyNoCluster } from "../cluster.ts";
import { imageOfDockerfile } from "../images.ts";
import { CONFLIST } from "../podnetwork.ts";
import { type Agent, agentOf } from "./agent.ts";
import { callsOf, noteCalls } from "./calls.ts";
import {
	CONFIGURATIONS,
	EVERY,
	IS_DOCUMENTED,
	KUBERNETES,
	nameOf,
} from "./configurations.ts";
import { eventsOn } from "./events.ts";
import {
	cellOf,
	DOCUMENT,
	document,
	documented,
	type Result,
	SHOWN,
	withoutTimes,
} from "./page.ts";
import { releaseFor } from "./release.ts";
import {
	createScreens,
	type Screens,
	seeInstalled,
	seeUninstalled,
	seeUpgraded,
	seeWaiting,
} from "./screens.ts";
import { createStage, type Stage } from "./stage.ts";
import { traces } from "./traces.ts";
import { until } from "./until.ts";
import { apply, PORTS, statsd } from "./workloads.ts";

const why = whyNoCluster(KUBERNETES);
if (why !== undefined)
	process.stderr.write(`the cluster's tests are skipped: ${why}\n`);

const configurations = EVERY ? CONFIGURATIONS : CONFIGURATIONS.slice(0, 1);
const results: Result[] = [];

describe
	.skipIf(why !== undefined)
	.each(configurations.map((c) => [nameOf(c), c] as const))(
	"%s",
	(_, configuration) => {
		let dir: string;
		let removeDir = (): void => {};
		let cluster: Cluster;
		let agent: Agent;
		let stage: Stage;
		let screens: Screens;
		/** What is on the nodes before the agent. */
		let before: readonly string[];
		const rows = new Map<string, string>();
		beforeAll(async () => {
			dir = mkdtempSync(join(tmpdir(), "conntrack-flush-suite-"));
			removeDir = onEnd(() => rmSync(dir, { recursive: true }));
			const kubernetes = KUBERNETES;
			cluster = await createCluster({ ...configuration, kubernetes });
			agent = agentOf(cluster, dir);
			screens = createScreens(agent);
			for (const tag of ["1", "2"]) {
				const image = await imageOfDockerfile(tag, join(dir, `image-${tag}`));
				for (const node of cluster.nodes) await node.importImage(image);
			}
			for (const node of cluster.nodes) await noteCalls(cluster, node);
			before = await Promise.all(cluster.nodes.map(traces));
		});
		afterAll(async () => {
			if (stage !== undefined)
				results.push({
					...{ configuration, kubernetes: cluster.kubernetes, rows },
					...{ flows: stage.flows, screens: screens.all },
				});
			stage?.end();
			await cluster?.down();
			removeDir();
		});

		test(SHOWN.waits, async () => {
			const hidden = `${CONFLIST}.hidden`;
			for (const node of cluster.nodes) {
				await node.must(["mv", CONFLIST, hidden]);
				// it would go on with what it has read
				await node.stop("containerd");
				await node.start("containerd");
			}
			await until("no node is Ready", async () => {
				const nodes = await cluster.kubectl(["get", "nodes"]);
				return nodes.match(/NotReady/g)?.length === 2;
			});
			const applied = await agent.begin("1");
			if (configuration.mode === "dropin") await agent.saysRuntime();
			const [first] = cluster.nodes;
			const isWaiting = /there is no network configuration yet/;
			await until("the agents say what they wait for", async () => {
				const logs = await agent.logs();
				return logs.filter((log) => isWaiting.test(log)).length === 2;
			});
			await until("the kubelet has asked whether they are ready", async () =>
				(await agent.kubectl("get", "events")).includes("statuscode: 503"),
			);
			const readyz = await agent.readyz(first);
			expect(readyz).toMatch(isWaiting);
			await seeWaiting(screens, { applied, readyz });
			for (const node of cluster.nodes)
				await node.must(["mv", hidden, CONFLIST]);
			await seeInstalled(screens, await agent.rolledOut());
			await until("the nodes are Ready", async () => {
				const nodes = await cluster.kubectl(["get", "nodes"]);
				return !nodes.includes("NotReady");
			});
			for (const files of await Promise.all(cluster.nodes.map(traces)))
				expect(files).toMatch(/"type": ?"conntrack-flush"/);
		});

		describe("pods", () => {
			beforeAll(async () => {
				stage = await createStage(cluster, agent);
			});

			test.each(
				eventsOn(configuration).map((event) => [event.name, event] as const),
			)("%s", async (name, event) => {
				const outcome = await stage.happen(event);
				const { wrong, senders, recovered } = outcome;
				expect({ wrong, recovered }).toEqual({ wrong: [], recovered: senders });
				rows.set(name, cellOf(outcome));
			});
		});

		test(SHOWN.calls, () => {
			const expected = ["ADD", "DEL"];
			if (configuration.cniVersion === "1.1.0") expected.push("STATUS");
			for (const node of cluster.nodes)
				expect([...callsOf(node).keys()].sort()).toEqual(expected);
		});

		test(SHOWN.out, async () => {
			await seeUpgraded(screens);
			await agent.uninstall("2", (said) => seeUninstalled(screens, said));
			const after = await Promise.all(cluster.nodes.map(traces));
			expect(after).toEqual(before);
		});

		test(SHOWN.release, async () => {
			const release = await releaseFor(cluster, agent, dir);
			const isDropIn = configuration.mode === "dropin";
			await release.install(
				...(isDropIn ? ["runtimeVersion=containerd://2.1.0"] : []),
			);
			const act = ({ pods }: Stage): Promise<void> => pods.delete(0);
			const { wrong, senders, recovered } = await stage.happen({
				steps: [{ act, renews: [0] }],
			});
			expect({ wrong, recovered }).toEqual({ wrong: [], recovered: senders });
			const said = await release.ask("list", "--stale", "-A");
			expect(said.match(/^# .*$/gm)).toEqual(
				cluster.nodes.map(({ name }) => `# ${name}`),
			);
			await release.uninstall();
			const after = await Promise.all(cluster.nodes.map(traces));
			expect(after).toEqual(before);
		});

		test(SHOWN.without, async () => {
			const act = (): Promise<void> => apply(cluster, [statsd("host")]);
			const { senders, recovered } = await stage.happen({
				steps: [{ act, renews: [0, 1], only: PORTS.any }],
			});
			expect(senders).toBeGreaterThan(0);
			expect(recovered).toBe(0);
		});
	},
);

test.skipIf(why !== undefined)("docs/clusters.md says what came of it", () => {
	if (IS_DOCUMENTED) {
		writeFileSync("build/out/clusters.md", document(results));
		// what failed has no cell, and such a page stays there
		for (const { configuration, rows } of results)
			expect([...rows.keys()]).toEqual(
				expect.arrayContaining(eventsOn(configuration).map((e) => e.name)),
			);
		writeFileSync(DOCUMENT, document(results));
		return;
	}
	const page = readFileSync(DOCUMENT, "utf8");
	for (const { configuration, rows } of results) {
		const said = documented(page, configuration);
		for (const [name, cell] of rows)
			expect([name, withoutTimes(said.get(name) ?? "")]).toEqual([
				name,
				withoutTimes(cell),
			]);
	}
});
