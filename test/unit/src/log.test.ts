// The lines of the log, and the places that they go to.

import { describe, expect, test } from "vitest";
import {
	type Fields,
	isUsedUp,
	LEVELS,
	type Level,
	logger,
	once,
} from "../../../src/log.ts";
import { fakeHost } from "../../support/fakehost.ts";

/** The line of one message. */
function line(fields: Fields, common: Fields = {}): string {
	const host = fakeHost();
	logger(host, "debug", undefined, common)("info", "flushed", fields);
	return host.written(2);
}

test("a line has level, message, what is common, and the fields, in that order", () =>
	expect(line({ deleted: 3, ok: true }, { event: "DEL", pod: "ns/name" })).toBe(
		"level=info msg=flushed event=DEL pod=ns/name deleted=3 ok=true\n",
	));

test.each<[string, Fields[string], string]>([
	["a word", "dbnet", "dbnet"],
	["a number", -1.5, "-1.5"],
	["a pod's name", "ns/name-1.2_3", "ns/name-1.2_3"],
	["an address with its port", "[fd88::2]:53", '"[fd88::2]:53"'],
	["an IPv6 address", "fd88::2", "fd88::2"],
	["a count by reason", "dead-pod:3,no-dnat:1", "dead-pod:3,no-dnat:1"],
	["nothing", "", '""'],
	["a space", "a b", '"a b"'],
	["an equals sign", "a=b", '"a=b"'],
	["quotes", 'say "hi"', '"say \\"hi\\""'],
	["a backslash", "a\\b", '"a\\\\b"'],
	[
		"a new line, which must not begin another",
		"a\nlevel=error msg=x",
		'"a\\nlevel=error msg=x"',
	],
	["a new line at the end", "a\n", '"a\\n"'],
	["a carriage return", "a\rb", '"a\\rb"'],
	["a tab", "a\tb", '"a\\tb"'],
	["NUL", "a\0b", '"a\\u0000b"'],
	["escape, which colours a terminal", "\u001b[31m", '"\\u001b[31m"'],
	["delete", "a\u007fb", '"a\\u007fb"'],
	["the eight-bit escape", "a\u009b31m", '"a\\u009b31m"'],
	["the eight-bit next line", "a\u0085b", '"a\\u0085b"'],
	["Unicode's line separator", "a\u2028b", '"a\\u2028b"'],
	["Unicode's paragraph separator", "a\u2029b", '"a\\u2029b"'],
	["embedding", "a\u202ab", '"a\\u202ab"'],
	["override, which shows the rest backwards", "a\u202eb", '"a\\u202eb"'],
	["isolate", "a\u2066b", '"a\\u2066b"'],
	["end of isolate", "a\u2069b", '"a\\u2069b"'],
	[
		"what stands beside them",
		"\u2027\u202f\u2065\u206a",
		'"\u2027\u202f\u2065\u206a"',
	],
	["letters that are not ASCII", "größe", '"größe"'],
	["half a character", "a\ud800", '"a\\ud800"'],
])("a value is written so that it can be read back: %s", (_, value, want) =>
	expect(line({ x: value })).toBe(`level=info msg=flushed x=${want}\n`),
);

test("a field without a value is left out", () =>
	expect(line({ a: undefined, b: 1 }, { pod: undefined })).toBe(
		"level=info msg=flushed b=1\n",
	));

describe("levels", () => {
	const rows = LEVELS.flatMap((least, i) =>
		LEVELS.map((level, j): [Level, Level, boolean] => [least, level, j >= i]),
	);
	test.each(rows)("at %s, %s is written: %s", (least, level, want) => {
		const host = fakeHost();
		logger(host, least, undefined, {})(level, "x", {});
		expect(host.written(2) !== "").toBe(want);
	});
});

test("standard error may be JSON too, without a time: the runtime adds its own", () => {
	const host = fakeHost();
	logger(
		host,
		"info",
		undefined,
		{ event: "ADD" },
		true,
	)("info", "x", { n: 1 });
	expect(host.written(2)).toBe(
		'{"level":"info","msg":"x","event":"ADD","n":1}\n',
	);
});

describe("a log file", () => {
	const FILE = "/var/log/flush.log";
	test("gets every line, standard error none", () => {
		const host = fakeHost({ directories: ["/var/log"] });
		host.now = () => Date.UTC(2026, 10, 30, 13, 16, 5, 7);
		const log = logger(host, "info", FILE, {});
		log("info", "one", {});
		log("debug", "two", {});
		log("error", "three", {});
		expect(host.files.get(FILE)).toBe(
			"time=2026-11-30T13:16:05.007Z level=info msg=one\ntime=2026-11-30T13:16:05.007Z level=error msg=three\n",
		);
		expect(host.written(2)).toBe("");
		// one write for each line, so that lines of several processes stay whole
		expect(host.calls).toEqual([`appendFile ${FILE}`, `appendFile ${FILE}`]);
	});

	test("has an object in each line if it is to be JSON, with the time first", () => {
		const host = fakeHost({ directories: ["/var/log"] });
		host.now = () => Date.UTC(2026, 10, 30);
		const common = { event: "DEL", pod: undefined };
		const log = logger(host, "info", FILE, common, true);
		log("warn", "cannot flush", { error: "a\n\u202eb", deleted: 3 });
		const text = host.files.get(FILE) ?? "";
		expect(text).toBe(
			'{"time":"2026-11-30T00:00:00.000Z","level":"warn","msg":"cannot flush","event":"DEL","error":"a\\n\\u202eb","deleted":3}\n',
		);
		expect(JSON.parse(text)).toMatchObject({ error: "a\n\u202eb" });
	});

	test.each(["ENOENT", "EACCES", "ENOSPC", "EROFS", "EISDIR"])(
		"that fails with %s gives its lines to standard error",
		(code) => {
			const host = fakeHost({
				fail: (call) => (call === "appendFile" ? code : undefined),
			});
			logger(host, "info", FILE, {})("warn", "x", {});
			expect(host.written(2)).toBe("level=warn msg=x\n");
		},
	);

	test("when standard error is closed too, nothing is thrown", () => {
		const host = fakeHost({ fail: () => "EPIPE" });
		expect(() => logger(host, "info", FILE, {})("warn", "x", {})).not.toThrow();
		expect(() =>
			logger(host, "info", undefined, {})("warn", "x", {}),
		).not.toThrow();
	});
});

test("what has one cause is written once", () => {
	const host = fakeHost();
	const log = once(logger(host, "info", undefined, {}));
	log("warn", "one", {});
	log("warn", "two", {});
	expect(host.written(2)).toBe("level=warn msg=one\n");
});

test("nothing is ever written to standard output", () => {
	const host = fakeHost();
	for (const level of LEVELS)
		logger(host, "debug", undefined, {})(level, "x", {});
	expect(host.written(1)).toBe("");
	expect(host.written(2).split("\n")).toHaveLength(LEVELS.length + 1);
});

test.each<[unknown, boolean]>([
	[null, true],
	[Object.assign(new Error("out of memory"), { name: "InternalError" }), true],
	[new Error("InternalError"), false],
	[undefined, false],
])("whether memory or stack are used up: %s, %s", (thrown, is) => {
	expect(isUsedUp(thrown)).toBe(is);
});
