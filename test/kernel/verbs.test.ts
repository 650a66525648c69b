// ADD and DEL as a runtime calls them, in the executable and on the Node host,
// over a table that holds every healthy flow we know: each must have the same
// entry afterwards, which its id tells.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { readTable } from "../support/conntrack.ts";
import { RULE_WRITERS } from "../support/hostports.ts";
import { createNamespace } from "../support/netns.ts";
import {
	addNeighbour,
	addRules,
	addService,
	changes,
	createAll,
	createNode,
	expectQuiet,
	healthy,
	IPv4,
	IPv6,
	mapped,
	NAMES,
	type Node,
	RESULT,
	stale,
} from "./verbs.node.ts";

/** Lists the records, and whatever an interrupted write of one has left. */
const recordsOf = ({ dataDir }: Node): string[] =>
	readdirSync(dataDir).filter((name) => name.includes(".json"));

describe.each(NAMES)("%s", (host) => {
	describe("ADD", () => {
		test.each(
			RULE_WRITERS.flatMap((writer) => [
				["any address", writer, undefined] as const,
				["the first address", writer, "H"] as const,
			]),
		)(
			"of a mapping of %s, made by %s, removes what is stale; every healthy flow keeps its entry, also the second time",
			async (_, writer, hostIP) => {
				const node = await createNode();
				if (hostIP === undefined) await addNeighbour(node, host, writer);
				await addRules(node, hostIP, "P", writer);
				await createAll(node.agent, healthy(hostIP, undefined));
				const before = await node.entries();
				await createAll(node.agent, stale());
				expect((await node.entries()).size).toBe(before.size + stale().length);

				const portMappings =
					hostIP === undefined
						? mapped()
						: [...mapped(IPv4[hostIP]), ...mapped(IPv6[hostIP])];
				for (const deleted of [stale().length, 0]) {
					const ran = await node.call(host, "ADD", {
						runtimeConfig: { portMappings },
					});
					expectQuiet(ran);
					expect(ran.stdout).toBe(`${JSON.stringify(RESULT)}\n`);
					expect(ran.stderr).toContain(` deleted=${deleted} `);
					expect(changes(before, await node.entries())).toEqual([]);
				}
			},
		);

		test("of a mapping of the second address leaves the daemons and mappings of the others", async () => {
			const node = await createNode();
			await createAll(node.agent, healthy("H2", undefined));
			const before = await node.entries();
			const portMappings = [...mapped(IPv4.H2), ...mapped(IPv6.H2)];
			expectQuiet(
				await node.call(host, "ADD", { runtimeConfig: { portMappings } }),
			);
			expect(before.size).toBeGreaterThan(10);
			expect(changes(before, await node.entries())).toEqual([]);
		});

		test.each(RULE_WRITERS)(
			"with the rules of another before it, made by %s, it leaves that one's flows",
			async (writer) => {
				const node = await createNode();
				await addRules(node, undefined, "Q", writer);
				await addRules(node, undefined, "P", writer);
				await createAll(node.agent, stale());
				const before = await node.entries();
				const ran = await node.call(host, "ADD");
				expectQuiet(ran);
				expect(changes(before, await node.entries())).toEqual([]);
				expect(ran.stderr).toContain(` keptByRules=${before.size} `);
			},
		);

		test("without any rule it leaves everything: nothing sends the frontend to the pod", async () => {
			const node = await createNode();
			await createAll(node.agent, stale());
			const before = await node.entries();
			expectQuiet(await node.call(host, "ADD"));
			expect(changes(before, await node.entries())).toEqual([]);
		});

		test("of UDP alone leaves the same flows of TCP and SCTP", async () => {
			const node = await createNode();
			await addRules(node);
			await createAll(node.agent, stale());
			expectQuiet(await node.call(host, "ADD", { protocols: ["udp"] }));
			const left = [...(await node.entries()).values()];
			expect(left).toHaveLength((stale().length * 2) / 3);
			expect(left.filter((line) => line.startsWith("udp"))).toEqual([]);
		});
	});

	describe("DEL", () => {
		const remains = async (node: Node) => {
			await createAll(node.agent, healthy(undefined, false));
			const others = await node.entries();
			await createAll(node.agent, healthy(undefined, true));
			const all = await node.entries();
			expect(all.size - others.size).toBeGreaterThan(30);
			return { others, all };
		};

		test("behind the rules deletes what leads to the pod; all other flows keep their entries", async () => {
			const node = await createNode();
			const { others } = await remains(node);
			expectQuiet(await node.call(host, "DEL", { on: "del" }));
			expect(changes(others, await node.entries())).toEqual([]);
		});

		test("of one IPv4 mapping is left to the kernel, with the same result", async () => {
			const node = await createNode();
			const { all } = await remains(node);
			const portMappings = mapped().filter(
				({ protocol }) => protocol === "udp",
			);
			const prevResult = { ...RESULT, ips: RESULT.ips.slice(0, 1) };
			const ran = await node.call(host, "DEL", {
				on: "del",
				prevResult,
				runtimeConfig: { portMappings },
			});
			expectQuiet(ran);
			const left = await node.entries();
			const gone = [...all]
				.filter(([id]) => !left.has(id))
				.map(([, line]) => line);
			expect(gone.length).toBeGreaterThan(5);
			for (const line of gone)
				expect(line).toMatch(
					/^udp .* dport=8125 .*src=10\.88\.0\.2 .*sport=5353 /,
				);
			expect(
				[...left.values()].filter((line) =>
					/^udp .* dport=8125 .*src=10\.88\.0\.2 .*sport=5353 /.test(line),
				),
			).toEqual([]);
			// by a kernel that can, see kernelflush.test.ts
			expect(ran.stderr).toMatch(/ how=(kernel-flush|filtered-dump|scan) /);
		});

		test("before the rules go gives it a last timeout; all others keep theirs", async () => {
			const node = await createNode();
			const { others, all } = await remains(node);
			expectQuiet(await node.call(host, "DEL", { retireSeconds: 300 }));
			expect(changes(all, await node.entries())).toEqual([]);
			const retired = (await readTable(node.agent.ns)).filter(
				({ timeout }) => timeout <= 300,
			);
			expect(
				retired.map(({ id }) => id).filter((id) => others.has(id)),
			).toEqual([]);
			expect(retired).toHaveLength(all.size - others.size);
		});

		test("works from the record alone, once", async () => {
			const node = await createNode();
			await node.call(host, "ADD");
			expect(recordsOf(node)).toEqual(["podnet:subject:eth0.json"]);
			const { others, all } = await remains(node);
			const bare = {
				on: "del",
				cniVersion: "0.3.1",
				prevResult: undefined,
				runtimeConfig: undefined,
			};
			expectQuiet(await node.call(host, "DEL", bare));
			expect(changes(others, await node.entries())).toEqual([]);
			expect(recordsOf(node)).toEqual([]);
			// a late one finds a successor's flows, and leaves them
			await createAll(node.agent, healthy(undefined, true));
			const again = await node.call(host, "DEL", bare);
			expect([again.code, again.stdout, again.stderr]).toEqual([0, "", ""]);
			expect((await node.entries()).size).toBe(all.size);
		});

		test("works from the record that has its network's former name", async () => {
			const node = await createNode();
			await node.call(host, "ADD", { name: "former" });
			const { others } = await remains(node);
			const without = { on: "del", prevResult: undefined };
			expectQuiet(await node.call(host, "DEL", without));
			expect(changes(others, await node.entries())).toEqual([]);
			expect(recordsOf(node)).toEqual([]);
		});

		test("a late one leaves the flows of the pod that has the address now", async () => {
			const node = await createNode();
			await addRules(node);
			await addService(node);
			await node.call(host, "ADD", {}, { CNI_CONTAINERID: "before" });
			await node.call(host, "ADD");
			const { all } = await remains(node);
			const ran = await node.call(
				host,
				"DEL",
				{ on: "del" },
				{ CNI_CONTAINERID: "before" },
			);
			expect([ran.code, ran.stdout]).toEqual([0, ""]);
			expect(changes(all, await node.entries())).toEqual([]);
			expect(recordsOf(node)).toEqual(["podnet:subject:eth0.json"]);
		});
	});

	test.each<[string, string, boolean]>([
		["is gone shields nothing", "gone", false],
		["is there has the address now", "there", true],
	])(
		"a record of an earlier network, whose pod's namespace %s",
		async (_, which, isShield) => {
			const node = await createNode();
			await addRules(node);
			await addService(node);
			const netns = await createNamespace("ghost");
			onTestFinished(netns.remove);
			await node.call(
				host,
				"ADD",
				{ name: "former" },
				{ CNI_CONTAINERID: "ghost", CNI_NETNS: netns.path },
			);
			if (which === "gone") netns.remove();
			await createAll(node.agent, healthy(undefined, false));
			const others = await node.entries();
			await createAll(node.agent, healthy(undefined, true));
			const all = await node.entries();
			// this pod has no record, so any other may have come later
			const ran = await node.call(host, "DEL", { on: "del" });
			expect([ran.code, ran.stdout]).toEqual([0, ""]);
			const left = await node.entries();
			expect(changes(isShield ? all : others, left)).toEqual([]);
		},
	);

	test.each<[string, boolean]>([
		["has ended shields nothing", false],
		["runs has the address now", true],
	])("a record whose pod's process %s", async (_, runs) => {
		const node = await createNode();
		await addRules(node);
		await addService(node);
		const { pid } = runs ? process : spawnSync("true");
		const env = {
			CNI_CONTAINERID: "ghost",
			CNI_NETNS: `/proc/${pid}/ns/net`,
		};
		await node.call(host, "ADD", { name: "former" }, env);
		await createAll(node.agent, healthy(undefined, true));
		const before = (await node.entries()).size;
		await node.call(host, "DEL", { on: "del" });
		const { size } = await node.entries();
		expect(size === before).toBe(runs);
	});

	test.each(["ADD", "DEL"])(
		"%s without CAP_NET_ADMIN succeeds, complains once, and changes nothing",
		async (verb) => {
			const node = await createNode();
			await createAll(node.agent, [...stale(), ...healthy(undefined, true)]);
			const before = await node.entries();
			const without = [
				"setpriv",
				"--bounding-set=-net_admin",
				"--inh-caps=-net_admin",
			];
			const ran = await node.call(host, verb, {}, {}, without);
			expect([ran.code, ran.stdout]).toEqual([
				0,
				verb === "ADD" ? `${JSON.stringify(RESULT)}\n` : "",
			]);
			expect(ran.stderr).toMatch(/^level=warn msg="cannot flush" .*EPERM.*\n$/);
			expect(ran.stderr.match(/\n/g)).toHaveLength(1);
			expect(changes(before, await node.entries())).toEqual([]);
		},
	);

	test("CHECK tells of stale entries, fails only if it is strict, and changes nothing; STATUS is silent", async () => {
		const node = await createNode();
		await addRules(node);
		await createAll(node.agent, healthy(undefined, true));
		expect(await node.call(host, "CHECK")).toMatchObject({
			code: 0,
			stdout: "",
		});
		await createAll(node.agent, stale());
		const before = await node.entries();
		const ran = await node.call(host, "CHECK");
		expect([ran.code, ran.stdout]).toEqual([0, ""]);
		expect(ran.stderr).toMatch(
			/^level=warn msg="conntrack entries keep traffic from this attachment" .*reasons=/,
		);
		const strict = await node.call(host, "CHECK", { strictCheck: true });
		expect(strict.code).toBe(1);
		expect(JSON.parse(strict.stdout)).toMatchObject({ code: 100 });
		expect(changes(before, await node.entries())).toEqual([]);
		expect(
			await node.call(host, "STATUS", { cniVersion: "1.1.0" }),
		).toMatchObject({ code: 0, stdout: "", stderr: "" });
	});
});
