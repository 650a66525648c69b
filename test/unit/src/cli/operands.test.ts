// Words without a flag: ports and a pod where they mean one thing, and else an answer.

import { describe, expect, test } from "vitest";
import {
	OPERANDS,
	readOperands,
	type Said,
} from "../../../../src/cli/operands.ts";
import type { Pods } from "../../../../src/cli/pods.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const KNOWN = ["statsd-2", "default/statsd-2", "4f2e91ab", "12345"];
const NOTHING: Said = { hostPort: [], pod: undefined };

function read(operands: readonly string[], flags = NOTHING): Said {
	const pods: Pods = {
		lacking: undefined,
		knows: (word) => KNOWN.includes(word),
		find(word, what) {
			if (!KNOWN.includes(word)) throw new UsageError(`${what}: ${word}`);
			return { name: word, has: [], had: [], others: new Map() };
		},
		nameFor: () => undefined,
	};
	const host = fakeHost({ argv: ["flush", ...operands, "-n"] });
	return readOperands(host, operands, flags, () => pods);
}

const span = (first: number, last = first) => ({ first, last });

describe("reads", () => {
	test.each<[string[], Said]>([
		[[], NOTHING],
		[["8125"], { ...NOTHING, hostPort: [[span(8125)]] }],
		[["8000-8010"], { ...NOTHING, hostPort: [[span(8000, 8010)]] }],
		[["53,5353"], { ...NOTHING, hostPort: [[span(53), span(5353)]] }],
		[["53", "5353"], { ...NOTHING, hostPort: [[span(53)], [span(5353)]] }],
		[["statsd-2"], { ...NOTHING, pod: "statsd-2" }],
		[["default/statsd-2"], { ...NOTHING, pod: "default/statsd-2" }],
		[["4f2e91ab", "53"], { hostPort: [[span(53)]], pod: "4f2e91ab" }],
	])("%j", (operands, want) => expect(read(operands)).toEqual(want));

	test("them beside the flags", () =>
		expect(read(["54"], { hostPort: [[span(53)]], pod: "x" })).toEqual({
			hostPort: [[span(53)], [span(54)]],
			pod: "x",
		}));
});

describe("answers", () => {
	const PLACES = (word: string) =>
		["--from", "--to", "--leads-to"].map((f) => `flush ${f} ${word} -n`);
	test.each<[string, string[]]>([
		["192.0.2.7", PLACES("192.0.2.7")],
		["192.0.2.0/24", PLACES("192.0.2.0/24")],
		["192.0.2.7:53", PLACES("192.0.2.7:53")],
		["[fd00::1]:53", PLACES("'[fd00::1]:53'")],
		[":53", PLACES(":53")],
		["12345", ["flush --host-port 12345 -n", "flush --pod 12345 -n"]],
	])("%s with the commands to type", (word, commands) => {
		try {
			read([word]);
		} catch (e) {
			expect(e).toBeInstanceOf(UsageError);
			expect((e as UsageError).commands).toEqual(commands);
			return;
		}
		expect.fail("no answer");
	});

	test.each([
		["statsd-9", "neither a port nor a pod: statsd-9"],
		["", "neither a port nor a pod: "],
		["192.0.2.7/24", "192.0.2.0/24: 192.0.2.7/24"],
		["99999", "PORTS: not a port: 99999"],
		["8010-8000", "PORTS: not a range of ports: 8010-8000"],
	])("%j with what is wrong", (word, message) =>
		expect(() => read([word])).toThrow(message),
	);

	test("two pods, because no entry leads to both", () =>
		expect(() => read(["statsd-2", "4f2e91ab"])).toThrow(
			"two pods at once: statsd-2 4f2e91ab",
		));
});

// completion offers the words between bars
test("the help's words are none to complete", () =>
	expect(OPERANDS).not.toContain("|"));
