// The attachment that a CNI call is about: podTargets and protocols. The rows of wrong
// port mappings are in ../cni/conf.verbs.test.ts.

import { expect, test } from "vitest";
import type { PluginConf } from "../../../../plugin/cni/conf.ts";
import { readConf } from "../../../../plugin/cni/conf.ts";
import {
	attachmentOf,
	protocolsOf,
} from "../../../../plugin/verbs/attachment.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const P4 = "10.88.0.2";
const P6 = "fd88::2";
const ARGS = { containerID: "4f2e", ifname: "eth0", args: "" };

const conf = (members: Record<string, unknown>): Promise<PluginConf> =>
	readConf("ADD", { name: "net", ...members }, "");
const attachment = async (members: Record<string, unknown>) =>
	attachmentOf(
		{ host: fakeHost(), dataDir: "/run/x", log: () => {}, event: "ADD" },
		ARGS,
		await conf(members),
		"strict",
	);

test("with scope pod, podTargets are each address with each protocol", async () => {
	const { podTargets } = await attachment({
		scope: "pod",
		protocols: ["udp", "tcp"],
		prevResult: { ips: [{ address: `${P4}/16` }, { address: `${P6}/64` }] },
	});
	expect(podTargets.map((p) => [p.family, p.proto, p.podIP])).toEqual([
		[2, 17, P4],
		[2, 6, P4],
		[10, 17, P6],
		[10, 6, P6],
	]);
});

test("of thousands of wrong port mappings some are told, and the others counted", async () => {
	const told: string[] = [];
	const portMappings = Array.from({ length: 3000 }, (_, i) => ({
		hostPort: 65_000 + i,
		containerPort: 80,
		protocol: "udp",
	}));
	const a = await attachmentOf(
		{
			host: fakeHost(),
			dataDir: "/run/x",
			log: (...line) => told.push(JSON.stringify(line)),
			event: "ADD",
		},
		ARGS,
		await conf({
			runtimeConfig: { portMappings },
			prevResult: { ips: [{ address: `${P4}/16` }] },
		}),
		"strict",
	);
	expect(a.mappings).toHaveLength(536);
	expect(told).toHaveLength(11);
	expect(told[0]).toContain("portMappings[536].hostPort: 65536");
	expect(told[10]).toBe(
		'["warn","more port mappings are wrong",{"values":2454}]',
	);
});

test.each<[string, string | undefined]>([
	["as the runtime names it", "/run/netns/x"],
	["unless there is none", undefined],
	["unless it is empty", ""],
])("has the path of the network namespace, %s", async (_, netns) => {
	const host = fakeHost({
		...(netns !== undefined && { env: { CNI_NETNS: netns } }),
	});
	const context = { host, dataDir: "/run/x", log: () => {}, event: "ADD" };
	const a = await attachmentOf(context, ARGS, await conf({}), "strict");
	expect(a.netns).toBe(netns || undefined);
	expect("netns" in a).toBe(Boolean(netns));
});

test("with scope ports there are none", async () => {
	const { podTargets } = await attachment({
		prevResult: { ips: [{ address: `${P4}/16` }] },
	});
	expect(podTargets).toEqual([]);
});

test("a protocol that is named twice counts once", () =>
	expect(protocolsOf(["udp", "tcp", "udp"])).toEqual([17, 6]));

test("protocols come as numbers, each once", () =>
	expect(protocolsOf(["udp", "sctp", "udp"])).toEqual([17, 132]));
