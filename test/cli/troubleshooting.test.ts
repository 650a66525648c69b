// Every command of docs/troubleshooting.md can be typed as it stands there, on a node with a
// pod that was replaced. Those for kubectl are run nowhere.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { undoAll } from "../support/undo.ts";
import { createStage, HOST_PORT, type Stage } from "./stage.ts";

const PAGE = readFileSync("docs/troubleshooting.md", "utf8");
const LINES = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)]
	.flatMap(([, block = ""]) => block.trimEnd().split("\n"))
	.map((line) => line.replace(/ +#.*/, ""));
const OURS = LINES.filter((line) => line.startsWith("conntrack-flush "));
/** What a reader puts in. */
const VALUES: Readonly<Record<string, string>> = {
	CLIENT: "203.0.113.2",
	HEALTHY_PORT: "9125",
	PORT: String(HOST_PORT),
};
const CHECK_FAILED = 3;

let stage: Stage;
beforeAll(async () => {
	stage = await createStage();
	const old = await stage.start("statsd-1");
	await stage.send(20_001);
	await old.stop();
	await stage.start("statsd-2");
}, 60_000);
afterAll(undoAll);

test("the page has commands of ours, and for kubectl, and no others", () => {
	expect(OURS.length).toBeGreaterThan(12);
	const others = LINES.filter((line) => !OURS.includes(line));
	expect(others.filter((line) => !line.startsWith("kubectl "))).toEqual([]);
});

describe("answers what is asked", () => {
	test.each(OURS)("%s", async (line) => {
		const typed = line.replace(
			/\b[A-Z_]{4,}\b/g,
			(word) => VALUES[word] ?? word,
		);
		expect(typed).not.toMatch(/\b[A-Z_]{4,}\b/);
		const { code, stdout } = await stage.type(
			// the node's configuration is where the stage has put it
			typed.replace(
				/^(conntrack-flush (doctor|install))/,
				"$1 --cni-conf-dir /run/net.d",
			),
		);
		expect(stdout).not.toBe("");
		const isCheck = /doctor|--check/.test(line);
		const npd = line.includes("--npd");
		const allowed = npd ? [0, 1] : isCheck ? [0, CHECK_FAILED] : [0];
		expect(allowed, stdout).toContain(code);
	});
});

test("--npd prints a line of 80 characters at most", async () => {
	const { stdout } = await stage.type(
		"conntrack-flush doctor --npd --cni-conf-dir /run/net.d",
	);
	expect(stdout).toMatch(/^.{2,80}\n$/);
});
