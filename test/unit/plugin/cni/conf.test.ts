// The configuration on stdin: defaults, and the keys that the schema refuses.

import { describe, expect, test } from "vitest";
import { readConf } from "../../../../plugin/cni/conf.ts";
import { inWords, isProblem } from "../../../../plugin/cni/errors.ts";

const BASE = { cniVersion: "1.0.0", name: "net", type: "conntrack-flush" };
const read = (members: Record<string, unknown>) => {
	const document = { ...BASE, ...members };
	return readConf("ADD", document, JSON.stringify(document));
};
async function refusal(members: Record<string, unknown>): Promise<unknown> {
	return read(members).then(
		() => expect.fail("accepted"),
		(e: unknown) => (isProblem(e) ? inWords(e) : e),
	);
}

describe("readConf", () => {
	test("without keys of ours gives the defaults", async () => {
		expect(await read({})).toMatchObject({
			name: "net",
			on: "both",
			scope: "ports",
			protocols: ["udp"],
			retireSeconds: 2,
			dataDir: "/run/cni/conntrack-flush",
			logLevel: "info",
			portMappings: [],
			prevResult: undefined,
		});
	});

	test("keeps the document as it came", async () => {
		const text = '{"name":"net","x":12345678901234567890}';
		const conf = await readConf("ADD", JSON.parse(text), text);
		expect(conf.text).toBe(text);
		expect(conf.members).toEqual(JSON.parse(text));
	});

	test.each<[string, unknown, object]>([
		["on", "add", { on: "add" }],
		["on", "del", { on: "del" }],
		["on", "both", { on: "both" }],
		["scope", "pod", { scope: "pod" }],
		["protocols", ["tcp", "sctp"], { protocols: ["tcp", "sctp"] }],
		["protocols", [], { protocols: [] }],
		["retireSeconds", 0, { retireSeconds: 0 }],
		["retireSeconds", 3600, { retireSeconds: 3600 }],
		["dataDir", "/x", { dataDir: "/x" }],
		["logLevel", "debug", { logLevel: "debug" }],
		["logFile", "/x", { members: { logFile: "/x" } }],
		["logFormat", "json", { members: { logFormat: "json" } }],
		["runtimeConfig", { portMappings: [1] }, { portMappings: [1] }],
		["runtimeConfig", { portMappings: null }, { portMappings: [] }],
		["runtimeConfig", {}, { portMappings: [] }],
		["runtimeConfig", null, { portMappings: [] }],
		["runtimeConfig", { mac: "x" }, { portMappings: [] }],
		["prevResult", {}, { prevResult: {} }],
		["prevResult", null, { prevResult: undefined }],
	])("takes %s: %j", async (key, value, want) => {
		expect(await read({ [key]: value })).toMatchObject(want);
	});

	test.each([
		"capabilities",
		"ipam",
		"args",
		"dns",
		"On",
		"ON",
		"retireseconds",
		"cni.dev/x",
		"__proto__",
		"constructor",
	])("passes the unknown key %s, whatever its value", async (key) => {
		for (const value of [null, 7, "x", [], { on: 7 }]) {
			const document = JSON.parse(
				`{"name":"net",${JSON.stringify(key)}:${JSON.stringify(value)}}`,
			);
			expect(await readConf("ADD", document, "")).toMatchObject({ on: "both" });
		}
	});

	/** Values of every type; those that the key allows are left out. */
	const VALUES: readonly unknown[] = [
		...[null, true, false, 7, 0, 1.5, "x", "", [], [7], {}],
	];
	const KEYS: readonly [string, readonly unknown[]][] = [
		["on", []],
		["scope", []],
		["protocols", [[]]],
		["retireSeconds", [7, 0]],
		["strictStatus", [true, false]],
		["strictCheck", [true, false]],
		["oneCPUPerFlow", [true, false]],
		["dataDir", []],
		["logLevel", []],
		["logFile", []],
		["logFormat", []],
		["prevResult", [null, {}]],
		["runtimeConfig", [null, {}]],
	];
	const CHAIN = ["prevResult", "runtimeConfig"];
	const wrong = KEYS.flatMap(([key, allowed]) =>
		VALUES.filter(
			(v) => !allowed.some((a) => JSON.stringify(a) === JSON.stringify(v)),
		).map((v): [string, unknown] => [key, v]),
	);
	test.each(wrong)(
		"refuses %s: %j with code 7, naming key and value",
		async (key, value) => {
			const e = await refusal({ [key]: value });
			expect(e).toMatchObject({ name: "CniError", code: 7 });
			const { message, details } = e as { message: string; details: string };
			// [7] is refused for its item
			const inner =
				key === "protocols" && Array.isArray(value)
					? [`${key}.0`, 7]
					: [key, value];
			expect(message).toBe(`invalid ${inner[0]}: ${JSON.stringify(inner[1])}`);
			expect(details).not.toBe("");
		},
	);

	test.each(["GC", "STATUS"])(
		"looks in %s at nothing that belongs to an attachment",
		async (command) => {
			for (const key of CHAIN)
				for (const value of VALUES) {
					const conf = await readConf(command, { ...BASE, [key]: value }, "");
					expect(conf).toMatchObject({ portMappings: [] });
					expect(conf.prevResult).toBeUndefined();
				}
		},
	);

	test.each<[Record<string, unknown>, string, string]>([
		[{ on: "ADD" }, 'invalid on: "ADD"', "must be one of both, add, del"],
		[{ scope: "all" }, 'invalid scope: "all"', "must be one of ports, pod"],
		[
			{ protocols: ["udp", "icmp"] },
			'invalid protocols.1: "icmp"',
			"must be one of udp, tcp, sctp",
		],
		[
			{ protocols: ["UDP"] },
			'invalid protocols.0: "UDP"',
			"must be one of udp, tcp, sctp",
		],
		[{ retireSeconds: -1 }, "invalid retireSeconds: -1", "must be >= 0"],
		[{ retireSeconds: 3601 }, "invalid retireSeconds: 3601", "must be <= 3600"],
		[{ retireSeconds: 2.5 }, "invalid retireSeconds: 2.5", "must be integer"],
		[{ dataDir: "run" }, 'invalid dataDir: "run"', 'must match pattern "^/"'],
		[{ logFile: "" }, 'invalid logFile: ""', 'must match pattern "^/"'],
		[
			{ logLevel: "trace" },
			'invalid logLevel: "trace"',
			"must be one of debug, info, warn, error",
		],
		[
			{ runtimeConfig: { portMappings: {} } },
			"invalid runtimeConfig.portMappings: {}",
			"must be an array",
		],
		[
			{ runtimeConfig: { portMappings: "x" } },
			'invalid runtimeConfig.portMappings: "x"',
			"must be an array",
		],
		[{ prevResult: [] }, "invalid prevResult: []", "must be an object"],
	])("says what is expected: %j", async (members, message, details) => {
		expect(await refusal(members)).toMatchObject({ code: 7, message, details });
	});

	test("names the key that is wrong among right ones", async () => {
		const members = {
			on: "add",
			protocols: ["tcp"],
			logLevel: 3,
			dataDir: "/x",
		};
		expect(await refusal(members)).toMatchObject({
			message: "invalid logLevel: 3",
		});
	});
});
