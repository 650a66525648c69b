// The question before a wide removal, on a real terminal: a pseudoterminal of script(1).

import {
	afterAll,
	beforeAll,
	beforeEach,
	describe,
	expect,
	test,
} from "vitest";
import { readTable } from "../support/conntrack.ts";
import { must, run } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";

const FLUSH = `${OUR_BIN}/conntrack-flush flush --from 192.0.2.7`;
const QUESTION =
	"this removes 2 entries: 2 to 10.88.0.2, healthy or not, and what comes until you answer\r\nremove them? [y/N] ";

let node: Namespace;

beforeAll(async () => {
	node = await createNamespace("node");
});
afterAll(undoAll);
beforeEach(async () => {
	const entry = "conntrack -I -p udp --timeout 300 -d 203.0.113.1 --dport 8125";
	const lines = [
		`${entry} -s 192.0.2.7 --sport 1 --dst-nat 10.88.0.2:5353`,
		`${entry} -s 192.0.2.7 --sport 2 --dst-nat 10.88.0.2:5353`,
		`${entry} -s 192.0.2.8 --sport 3 --dst-nat 10.88.0.2:5353`,
	];
	const text = `conntrack -F\n${lines.join("\n")}`;
	await must(node.inside(["bash", "-ec", text]));
});

/** Types the line on a terminal, and then the answer. */
const onTerminal = (line: string, answer: string) =>
	run(node.inside(["script", "-qec", line, "/dev/null"]), { input: answer });

const left = async (): Promise<number[]> =>
	(await readTable(node)).map(({ orig }) => orig.sport).sort();

describe("on a terminal", () => {
	test.each<[string, string, number, number[]]>([
		["yes", "y\n", 0, [3]],
		["no", "n\n", 1, [1, 2, 3]],
		["an empty line", "\n", 1, [1, 2, 3]],
		["the end of the input", "\x04", 1, [1, 2, 3]],
	])(
		"%s is the answer to a question that says whom it concerns",
		async (_, answer, code, want) => {
			const ran = await onTerminal(FLUSH, answer);
			expect(ran.stdout).toContain(QUESTION);
			expect(ran.stdout).toContain(
				code === 0 ? "deleted 2, already gone 0, kept 1" : "nothing removed",
			);
			expect(ran.code).toBe(code);
			expect(await left()).toEqual(want);
		},
	);

	test.each([
		["--yes", `${FLUSH} --yes`],
		["a standard error that nobody sees", `${FLUSH} 2>/dev/null`],
		["an input that is no terminal", `${FLUSH} </dev/null`],
	])("%s keeps it from asking", async (_, line) => {
		const ran = await onTerminal(line, "n\n");
		expect(ran.stdout).not.toContain("[y/N]");
		expect(ran.code).toBe(0);
		expect(await left()).toEqual([3]);
	});
});

test("without a terminal nobody is asked", async () => {
	const ran = await run(node.inside(FLUSH.split(" ")), { input: "n\n" });
	expect(ran).toMatchObject({
		code: 0,
		stdout: "deleted 2, already gone 0, kept 1\n",
		stderr: "",
	});
	expect(await left()).toEqual([3]);
});
