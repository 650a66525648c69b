// Requests that cannot be read: the error document of the specification on stdout, exit
// code 1, nothing changed. VERSION answers everybody.

import { describe, expect, test } from "vitest";
import {
	CONF,
	call,
	ENV,
	errorOf,
	expectUntouched,
	recordsIn,
} from "../../../support/unit/calls.ts";

const VERBS = ["ADD", "DEL", "CHECK", "GC", "STATUS"];
const LATEST = {
	...CONF,
	cniVersion: "1.1.0",
	"cni.dev/valid-attachments": [],
};

describe("stdin", () => {
	const texts: [string, string][] = [
		["nothing", ""],
		["white space", " \n"],
		["a document that is cut", JSON.stringify(CONF).slice(0, -1)],
		["two documents", "{}{}"],
		["a trailing comma", '{"name":"podnet",}'],
		["single quotes", "{'name':'podnet'}"],
		["a byte order mark", "\ufeff{}"],
		["an array", "[]"],
		["null", "null"],
		["a string", '"x"'],
		["a number", "7"],
	];
	describe.each([...VERBS, "VERSION"])("%s", (verb) => {
		const isBlank = (text: string) => text.trim() === "";
		const wrong = texts.filter(
			([, text]) => verb !== "VERSION" || !isBlank(text),
		);
		test.each(wrong)("with %s is error 6", async (_, conf) => {
			const called = await call(verb, { conf });
			expect(errorOf(called)).toMatchObject({
				code: 6,
				msg: expect.stringContaining("network configuration on stdin"),
			});
			expectUntouched(called);
		});

		test.each([
			["EIO", 5, "EIO"],
			["EBADF", 5, "EBADF"],
			["EISDIR", 5, "EISDIR"],
			["EFBIG", 5, "longer than 16 MB"],
			["EILSEQ", 6, "EILSEQ"], // it was read, but is no text
		])("that cannot be read (%s) is error %i", async (error, code, details) => {
			const called = await call(verb, { host: { stdin: { error } } });
			expect(errorOf(called)).toMatchObject({
				code,
				msg: expect.stringContaining("network configuration on stdin"),
				details: expect.stringContaining(details),
			});
		});

		test("for which there is no memory says so", async () => {
			const called = await call(verb, {
				host: { stdin: { thrown: null } },
			});
			expect(errorOf(called)).toMatchObject({
				code: 6,
				details: "out of memory",
			});
		});
	});
});

describe("cniVersion", () => {
	test.each([7, true, [], {}, ["1.0.0"]])(
		"of another type is error 6: %j",
		async (cniVersion) => {
			const called = await call("ADD", { conf: { ...CONF, cniVersion } });
			expect(errorOf(called)).toMatchObject({
				code: 6,
				msg: `invalid cniVersion: ${JSON.stringify(cniVersion)}`,
			});
			expectUntouched(called);
		},
	);

	test.each([
		"0.0.1",
		"0.5.0",
		"1.2.0",
		"2.0.0",
		"1.0",
		"v1.0.0",
		"1.0.0 ",
		"latest",
	])("that is not supported is error 1: %j", async (cniVersion) => {
		for (const verb of VERBS) {
			const called = await call(verb, { conf: { ...CONF, cniVersion } });
			expect(errorOf(called)).toMatchObject({
				code: 1,
				msg: `incompatible cniVersion: ${JSON.stringify(cniVersion)}`,
				details: expect.stringContaining("0.1.0, "),
			});
			expectUntouched(called);
		}
	});

	test.each([
		["CHECK", "0.3.1"],
		["CHECK", undefined],
		["GC", "1.0.0"],
		["GC", undefined],
		["GC", null],
		["STATUS", "1.0.0"],
	])("%s is not in %s: error 1", async (verb, cniVersion) => {
		const called = await call(verb, { conf: { ...CONF, cniVersion } });
		expect(errorOf(called)).toMatchObject({
			code: 1,
			msg: expect.stringContaining(`has no ${verb}`),
		});
		expectUntouched(called);
	});

	test.each([
		"",
		null,
		"0.1.0",
		"0.2.0",
		"0.3.0",
		"0.3.1",
		"0.4.0",
		"1.0.0",
		"1.1.0",
		undefined,
	])("%s is supported", async (cniVersion) => {
		for (const verb of ["ADD", "DEL"])
			expect((await call(verb, { conf: { ...CONF, cniVersion } })).code).toBe(
				0,
			);
	});
});

describe("the cniVersion of an error", () => {
	test.each([
		["0.3.1", "0.3.1"],
		["1.0.0", "1.0.0"],
		["1.1.0", "1.1.0"],
		["", "0.1.0"],
		[undefined, "0.1.0"],
		["9.9.9", "1.1.0"],
		[7, "1.1.0"],
	])("is the request's, if that can be: %j", async (cniVersion, want) => {
		const conf = { ...CONF, cniVersion, name: "" };
		const { out } = await call("ADD", { conf });
		expect(JSON.parse(out).cniVersion).toBe(want);
	});

	test.each([
		["stdin cannot be parsed", "ADD", "{"],
		["the command is unknown", "UPDATE", JSON.stringify(CONF)],
	])("is the newest where %s", async (_, verb, conf) => {
		const { out } = await call(verb, { conf });
		expect(JSON.parse(out).cniVersion).toBe("1.1.0");
	});

	test("is the request's where the version has no such verb", async () => {
		const conf = { ...CONF, cniVersion: "0.3.1" };
		const { out } = await call("CHECK", { conf });
		expect(JSON.parse(out).cniVersion).toBe("0.3.1");
	});
});

describe("the environment", () => {
	const NEEDED: Readonly<Record<string, readonly string[]>> = {
		ADD: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS", "CNI_PATH"],
		DEL: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
		CHECK: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS", "CNI_PATH"],
		GC: ["CNI_PATH"],
		STATUS: ["CNI_PATH"],
	};
	const rows = Object.entries(NEEDED).flatMap(([verb, names]) =>
		names.map((name) => [verb, name] as const),
	);

	test.each(rows)(
		"%s without %s is error 4, which names it",
		async (verb, name) => {
			for (const value of [undefined, ""]) {
				const called = await call(verb, {
					conf: LATEST,
					env: { [name]: value },
				});
				expect(errorOf(called)).toMatchObject({
					code: 4,
					msg: `missing ${name}`,
				});
				expectUntouched(called);
			}
		},
	);

	test("all that is missing is named at once", async () => {
		const called = await call("ADD", {
			env: { CNI_CONTAINERID: "", CNI_PATH: undefined },
		});
		expect(errorOf(called)).toMatchObject({
			code: 4,
			msg: "missing CNI_CONTAINERID, CNI_PATH",
		});
	});

	test.each(VERBS)("%s works with no more than it needs", async (verb) => {
		const env = Object.fromEntries(
			Object.keys(ENV).map((name) => [
				name,
				NEEDED[verb]?.includes(name) ? ENV[name] : undefined,
			]),
		);
		expect((await call(verb, { conf: LATEST, env })).out).not.toContain(
			'"code":4',
		);
	});

	test.each([
		"",
		"add",
		"ADD ",
		"UPDATE",
		"constructor",
		"__proto__",
		"toString",
	])("the command %j is error 4", async (command) => {
		const called = await call(command);
		expect(errorOf(called)).toMatchObject({
			code: 4,
			msg: `unknown CNI_COMMAND: ${command}`,
		});
		expectUntouched(called);
	});

	test.each([
		["CNI_CONTAINERID", "../x"],
		["CNI_CONTAINERID", "-x"],
		["CNI_CONTAINERID", "a b"],
		["CNI_CONTAINERID", "a\n"],
		["CNI_CONTAINERID", "ä"],
		["CNI_IFNAME", "sixteen-letters-"],
		["CNI_IFNAME", "."],
		["CNI_IFNAME", ".."],
		["CNI_IFNAME", "a/b"],
		["CNI_IFNAME", "a:b"],
		["CNI_IFNAME", "a b"],
		["CNI_IFNAME", "a\tb"],
		["CNI_IFNAME", "a\vb"],
		["CNI_IFNAME", "a\u0085b"],
		["CNI_IFNAME", "a\u00a0b"],
		["CNI_IFNAME", "a\u2003b"],
		["CNI_IFNAME", "a\u3000b"],
		["CNI_IFNAME", "\u00e4".repeat(8)], // 16 bytes
	])(
		"%s of %j is error 4, which names it and its value",
		async (name, value) => {
			for (const verb of ["ADD", "DEL", "CHECK"]) {
				const called = await call(verb, { env: { [name]: value } });
				expect(errorOf(called)).toMatchObject({
					code: 4,
					msg: `invalid ${name}: ${JSON.stringify(value)}`,
				});
				expectUntouched(called);
			}
		},
	);
});

test("a name and a container's ID of any length are right, as libcni takes them", async () => {
	const name = "n".repeat(5000);
	const env = { CNI_CONTAINERID: "c".repeat(5000) };
	const added = await call("ADD", { conf: { ...CONF, name }, env });
	expect([added.code, added.host.files.size]).toEqual([0, 1]);
	const { host, code } = await call("DEL", {
		conf: { cniVersion: "0.3.1", name },
		env,
		host: { files: Object.fromEntries(added.host.files) },
	});
	expect([code, recordsIn(host)]).toEqual([0, []]);
});

describe("VERSION", () => {
	const supported = [
		"0.1.0",
		"0.2.0",
		"0.3.0",
		"0.3.1",
		"0.4.0",
		"1.0.0",
		"1.1.0",
	];
	test.each([
		["as podman asks", '{"cniVersion":"1.0.0"}', "1.0.0"],
		["with an old version", '{"cniVersion":"0.3.1"}', "0.3.1"],
		["with a version of tomorrow", '{"cniVersion":"9.9.9"}', "1.1.0"],
		["without a version", "{}", "0.1.0"],
		["with null for a version", '{"cniVersion":null}', "0.1.0"],
		["with nothing on stdin", "", "1.1.0"],
		["with white space on stdin", " \n", "1.1.0"],
		["with a whole configuration", JSON.stringify(CONF), "1.0.0"],
	])("%s", async (_, conf, cniVersion) => {
		const called = await call("VERSION", {
			conf,
			env: {
				CNI_CONTAINERID: "dummy",
				CNI_NETNS: "dummy",
				CNI_IFNAME: undefined,
				CNI_PATH: undefined,
			},
		});
		expect(called.out).toBe(
			`${JSON.stringify({ cniVersion, supportedVersions: supported })}\n`,
		);
		expect([called.code, called.err, called.host.calls]).toEqual([0, "", []]);
	});
});
