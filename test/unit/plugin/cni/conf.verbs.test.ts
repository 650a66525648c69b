// Configurations that cannot be used: error 7 names the key and the value, and nothing is
// changed.

import { describe, expect, test } from "vitest";
import {
	CONF,
	call,
	errorOf,
	expectUntouched,
	MAPPING,
	recordsIn,
} from "../../../support/unit/calls.ts";

const VERBS = ["ADD", "DEL", "CHECK", "GC", "STATUS"];
const LATEST = {
	...CONF,
	cniVersion: "1.1.0",
	"cni.dev/valid-attachments": [],
};

describe("the configuration", () => {
	test.each([undefined, null, 7, "", "-x", "a/b", "a b", "../x"])(
		"without a name that is one is error 7: %j",
		async (name) => {
			for (const verb of VERBS) {
				const called = await call(verb, { conf: { ...LATEST, name } });
				expect(errorOf(called)).toMatchObject({
					code: 7,
					msg: `invalid name: ${JSON.stringify(name)}`,
				});
				expectUntouched(called);
			}
		},
	);

	// JSON.stringify recurses, and JSON.parse need not
	const DEEP = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
	const deep = (key: string): string =>
		JSON.stringify({ ...LATEST, [key]: undefined }).replace(
			"{",
			`{"${key}":${DEEP},`,
		);

	test.each(["runtimeConfig", "prevResult", "name"])(
		"with a %s that is nested deeper than the stack is error 7",
		async (key) => {
			const called = await call("ADD", { conf: deep(key) });
			expect(errorOf(called)).toMatchObject({
				code: 7,
				msg: `invalid ${key}: a value that is nested too deeply`,
			});
		},
	);

	test("with such a value, DEL goes on without it", async () => {
		const called = await call("DEL", { conf: deep("runtimeConfig") });
		expect([called.code, called.out]).toEqual([0, ""]);
		expect(called.err).toContain("a value that is nested too deeply");
	});

	test.each([
		["on", 7],
		["scope", "node"],
		["protocols", "udp"],
		["retireSeconds", "2"],
		["strictStatus", "true"],
		["strictCheck", 1],
		["oneCPUPerFlow", 1],
		["dataDir", "relative"],
		["logLevel", null],
		["logFile", []],
		["logFormat", []],
		["prevResult", "x"],
		["runtimeConfig", []],
	])(
		"with a wrong %s is error 7, which names key and value: %j",
		async (key, value) => {
			const verbs = ["prevResult", "runtimeConfig"].includes(key)
				? ["ADD", "CHECK"]
				: ["ADD", "CHECK", "GC", "STATUS"];
			for (const verb of verbs) {
				const called = await call(verb, { conf: { ...LATEST, [key]: value } });
				expect(errorOf(called)).toMatchObject({
					code: 7,
					msg: `invalid ${key}: ${JSON.stringify(value)}`,
				});
				expectUntouched(called);
			}
		},
	);

	test.each([
		["on", 7],
		["scope", "node"],
		["protocols", "tcp"],
		["protocols", ["tcp", "icmp"]],
		["retireSeconds", "60"],
		["strictCheck", "true"],
		["oneCPUPerFlow", "true"],
		["dataDir", "relative"],
		["logLevel", null],
		["logFile", []],
		["logFormat", []],
		["prevResult", []],
		["prevResult", "x"],
		["runtimeConfig", []],
		["runtimeConfig", { portMappings: {} }],
	])(
		"with a wrong %s does not fail DEL, which says so and goes by the default or the record: %j",
		async (key, value) => {
			const { host } = await call("ADD", { kernel: { entries: [] } });
			const called = await call("DEL", {
				conf: { ...CONF, [key]: value },
				host: { files: Object.fromEntries(host.files) },
			});
			expect([called.code, called.out]).toEqual([0, ""]);
			expect([...called.kernel.retired]).toEqual([[3, 2]]);
			expect(recordsIn(called.host)).toEqual([]);
			const [warning, ...rest] = called.err.split("\n").slice(0, -1);
			expect(warning).toMatch(
				new RegExp(`^level=warn msg="invalid ${key}.*: .* event=DEL `),
			);
			expect(warning).toContain("as if it were not there");
			expect(rest).toHaveLength(1);
			expect(rest[0]).toMatch(/^level=info msg=flushed /);
		},
	);

	test("with several wrong keys does not fail DEL, which names each", async () => {
		const wrong = { on: 1, scope: 2, logLevel: 3, prevResult: 4 };
		const called = await call("DEL", { conf: { ...CONF, ...wrong } });
		expect([called.code, called.out]).toEqual([0, ""]);
		for (const key of Object.keys(wrong))
			expect(called.err).toContain(`msg="invalid ${key}: `);
		expect(called.err.match(/\n/g)).toHaveLength(4);
	});

	test("shows no more of a value than a line holds", async () => {
		const on = "x".repeat(1 << 20);
		const { msg } = errorOf(await call("ADD", { conf: { ...CONF, on } }));
		expect(msg).toMatch(/^invalid on: "x{199}…$/);
	});

	test.each([
		[
			{ ...MAPPING, hostPort: "8125" },
			'invalid portMappings[1].hostPort: "8125"',
		],
		[
			{ ...MAPPING, containerPort: 5.5 },
			"invalid portMappings[1].containerPort: 5.5",
		],
		[{ ...MAPPING, protocol: 17 }, "invalid portMappings[1].protocol: 17"],
		[{ ...MAPPING, hostIP: ["x"] }, 'invalid portMappings[1].hostIP: ["x"]'],
		[null, "invalid portMappings[1]: null"],
		[[], "invalid portMappings[1]: []"],
	])(
		"on ADD and CHECK with a port mapping of a wrong type is error 7: %j",
		async (item, msg) => {
			const conf = {
				...LATEST,
				runtimeConfig: { portMappings: [MAPPING, item] },
			};
			for (const verb of ["ADD", "CHECK"]) {
				const called = await call(verb, { conf });
				expect(errorOf(called)).toMatchObject({ code: 7, msg });
				expectUntouched(called);
			}
		},
	);

	// portmap lets such a pod start, and makes no rule for it
	test.each([
		[{ ...MAPPING, hostIP: "x" }, 'invalid portMappings[0].hostIP: \\"x\\"'],
		[
			{ ...MAPPING, hostIP: "fe80::1%eth0" },
			'invalid portMappings[0].hostIP: \\"fe80::1%eth0\\"',
		],
		[
			{ ...MAPPING, hostPort: 70000 },
			"invalid portMappings[0].hostPort: 70000",
		],
		[
			{ ...MAPPING, containerPort: 0 },
			"invalid portMappings[0].containerPort: 0",
		],
	])(
		"with a port mapping for which there is no rule starts the pod, and says so once: %j",
		async (item, msg) => {
			for (const verb of ["ADD", "CHECK", "DEL"]) {
				const called = await call(verb, {
					conf: { ...CONF, runtimeConfig: { portMappings: [item] } },
				});
				expect([called.code, called.deleted]).toEqual([0, []]);
				expect(called.err).toContain(`level=warn msg="${msg}"`);
				expect(called.err.match(/\n/g)).toHaveLength(1);
				expect(called.kernel.requests).toEqual([]);
				expectUntouched(called);
			}
			const both = [item, MAPPING];
			const called = await call("ADD", {
				conf: { ...CONF, runtimeConfig: { portMappings: both } },
			});
			expect([called.code, called.deleted]).toEqual([0, [1, 2]]);
		},
	);

	test("a port mapping of a protocol that is not handled is not looked at", async () => {
		const item = { protocol: "tcp", hostPort: "x", hostIP: 7 };
		for (const verb of ["ADD", "CHECK", "DEL"]) {
			const called = await call(verb, {
				conf: { ...CONF, runtimeConfig: { portMappings: [item] } },
			});
			expect([called.code, called.err]).toEqual([0, ""]);
		}
	});

	test.each([undefined, null])(
		"on ADD and CHECK without prevResult is error 7: %j",
		async (prevResult) => {
			for (const verb of ["ADD", "CHECK"])
				for (const on of ["both", "add", "del"]) {
					const called = await call(verb, {
						conf: { ...CONF, on, prevResult },
					});
					expect(errorOf(called)).toMatchObject({
						code: 7,
						msg: "missing prevResult",
					});
					expectUntouched(called);
				}
		},
	);
});
