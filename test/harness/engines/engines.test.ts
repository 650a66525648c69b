// Engines that publish ports by rules of their own, each as the real program or in its
// real shape: a container is replaced while clients send. Without us the clients stay
// lost, which is the control; with us the rules decide, and no healthy flow is touched.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HOST4 } from "../../support/node.ts";
import { startCrio } from "../../support/runtimes/crio.ts";
import { startDocker } from "../../support/runtimes/docker.ts";
import {
	configure,
	conflistOf,
	exampleOf,
} from "../../support/runtimes/examples.ts";
import {
	CONTAINER_PORT,
	installPlugins,
	KINDS,
	MAPPINGS,
	type Node,
} from "../../support/runtimes/node.ts";
import { createPodman } from "../../support/runtimes/podman.ts";
import type { Engine } from "../../support/runtimes/runtime.ts";
import { hasTool, version } from "../../support/runtimes/tools.ts";
import { undoAll } from "../../support/undo.ts";
import {
	inAnyOrder,
	iptables,
	readFixture,
	type Source,
	table,
	writeFixture,
} from "./rules.ts";
import {
	ALL_WELL,
	createEngineStage,
	type EngineStage,
	type Help,
	type Scenario,
} from "./stage.ts";

interface Row {
	readonly title: string;
	/** As `list` names the engine. */
	readonly engine: string;
	readonly version: string;
	start(node: Node): Promise<Engine>;
	/** Where its rules are, by the name of the fixture. */
	readonly rules: Readonly<Record<string, Source>>;
	/** The directory of its programs, if `make test` does not make them. Without it the rows are skipped. */
	readonly programs?: string;
	/** True if its rules have IPv4 only. */
	readonly hasOnlyIPv4?: true;
	/** True if its own process takes what no rule takes, and passes it on. */
	readonly hasProxy?: true;
	/**
	 * It removes the UDP entries of a port's number itself whenever it makes a rule: no
	 * client is lost, but these healthy flows are.
	 */
	readonly breaks?: readonly string[];
}

const DEBIAN_PODMAN = `podman ${version("DEBIAN_PODMAN")}`;
const ROWS: readonly Row[] = [
	{
		title: "podman with netavark 1.4",
		engine: "netavark",
		version: `${DEBIAN_PODMAN}, netavark ${version("DEBIAN_NETAVARK")}`,
		start: (node) => createPodman(node, "netavark, Debian's"),
		rules: iptables("netavark-1.4"),
	},
	{
		title: "podman with netavark 2.1",
		engine: "netavark",
		version: `${DEBIAN_PODMAN}, netavark ${version("NETAVARK")}`,
		start: (node) => createPodman(node, "netavark, newest"),
		rules: { "netavark-2.1.nft": table("inet netavark") },
	},
	{
		title: "Docker 20.10 with its proxy",
		engine: "docker",
		version: `docker ${version("DEBIAN_DOCKER")}`,
		start: (node) => startDocker(node, { release: "Debian's", proxy: true }),
		rules: iptables("docker-20.10-proxy"),
		hasProxy: true,
	},
	{
		title: "Docker 20.10 without its proxy",
		engine: "docker",
		version: `docker ${version("DEBIAN_DOCKER")}`,
		start: (node) => startDocker(node, { release: "Debian's", proxy: false }),
		rules: iptables("docker-20.10"),
	},
	{
		title: "the newest Docker on nftables, with its proxy",
		engine: "docker",
		version: `docker ${version("MOBY")}`,
		programs: `docker-${version("MOBY")}`,
		start: (node) =>
			startDocker(node, {
				release: "newest",
				proxy: true,
				backend: "nftables",
			}),
		rules: {
			"docker.nft": table("ip docker-bridges"),
			"docker.ip6.nft": table("ip6 docker-bridges"),
		},
		hasProxy: true,
	},
	{
		title: "CRI-O",
		engine: "cri-o",
		version: `cri-o ${version("CRIO")}`,
		start: (node) => startCrio(node, { withUs: false }),
		rules: { "crio-1.34.nft": table("ip crio-hostports") },
		// deleteConntrackEntriesForDstPort of its internal/hostport
		breaks: [
			"a forwarded flow to the port's number on another machine: gone",
			"a container's own flow to the port's number outside: gone",
		],
		hasOnlyIPv4: true,
	},
];
const SCENARIOS: readonly Scenario[] = ["replaced", "absent for a while"];

function rowsOf(row: Row): void {
	let stage: EngineStage;
	beforeAll(async () => {
		const kinds = KINDS.slice(0, row.hasOnlyIPv4 ? 2 : 3);
		stage = await createEngineStage(row.start, kinds);
	}, 60_000);
	afterAll(undoAll, 60_000);

	test("it is the version that is named, and makes the rules of its fixtures", async () => {
		expect(stage.engine.version).toContain(row.version);
		for (const [name, read] of Object.entries(row.rules)) {
			const now = await read(stage.node);
			if (process.env.RECORD === "1") writeFixture(name, now);
			expect(inAnyOrder(now), name).toEqual(inAnyOrder(readFixture(name)));
		}
	});

	test.each(SCENARIOS)("control: %s without us", async (scenario) => {
		const { lost, direct, broken } = await stage.replace(scenario);
		expect({ lost, direct, broken }).toEqual({
			// Docker 20.10 removes entries of the container's address only. The newest also goes
			// by port, but by the container's (clearConntrackEntriesForPorts of moby), which no
			// entry of a client has unless both are the same.
			lost: row.hasProxy || row.breaks ? 0 : stage.clients,
			direct: row.breaks ? stage.clients : 0,
			broken: row.breaks ?? [],
		});
	});

	test("list says where the rules send, and whose rules they are", async () => {
		// the control has left the clients' entries as they are
		const which = row.breaks ? "--all" : "--stale";
		const said = await stage.ask("list", which, "--output", "jsonl");
		const [{ hostPort }] = MAPPINGS as [(typeof MAPPINGS)[number]];
		const { address } = stage.container();
		expect(said).toContain(
			`${row.breaks ? "" : "the rules now send "}${HOST4}:${hostPort} to ${address}:${CONTAINER_PORT} (${row.engine})`,
		);
	});

	describe("reconcile --rules", () => {
		let help: Help;
		beforeAll(async () => {
			help = await stage.help("reconcile", "--rules", "--interval", "1s");
		});
		afterAll(() => help?.stop());

		test.each(SCENARIOS)("repairs: %s", async (scenario) => {
			const replaced = await stage.replace(scenario);
			expect(replaced, help.said()).toMatchObject({
				...ALL_WELL,
				broken: row.breaks ?? [],
			});
			// An answer of the proxy that comes after the repair makes an entry the other way
			// round, by which a client stays with the proxy; half of the clients get no answers.
			expect(replaced.direct).toBeGreaterThanOrEqual(
				stage.clients / (row.hasProxy ? 2 : 1),
			);
		});
	});
}

const isThere = ({ programs }: Row): boolean =>
	programs === undefined || hasTool(programs);
describe.each(ROWS.filter(isThere))("$title", rowsOf);
describe.skip.each(ROWS.filter((row) => !isThere(row)))("$title", rowsOf);

describe("the agent beside podman with netavark", () => {
	let stage: EngineStage;
	let help: Help;
	beforeAll(async () => {
		stage = await createEngineStage(async (node) => {
			// a network of CNI that podman does not use, so that there is something to install into
			const example = exampleOf("podman.conflist");
			await installPlugins(node, "Debian's");
			await configure(node, example.installedAs, conflistOf(example));
			return createPodman(node, "netavark, newest");
		}, KINDS);
		help = await stage.help("install", "--watch", "--repair-rules");
	}, 60_000);
	afterAll(undoAll, 60_000);

	test.each(SCENARIOS)("it repairs: %s", async (scenario) => {
		const replaced = await stage.replace(scenario);
		expect(replaced, help.said()).toMatchObject(ALL_WELL);
	});
});
