// Something is shown until a signal comes.

import { expect, test } from "vitest";
import { EVERY_MS, showAgain } from "../../../../src/cli/again.ts";
import { fakeHost } from "../../../support/fakehost.ts";

async function shown(
	interval: number | undefined,
	isText: boolean,
	columns?: number,
) {
	const fake = fakeHost({ ...(columns && { columns }) });
	const sleeps: number[] = [];
	const host = {
		...fake,
		sleep: (ms: number) => void sleeps.push(ms),
		signal: () => (sleeps.length < 2 ? undefined : ("SIGTERM" as const)),
	};
	await showAgain(host, interval, isText, async () => host.write(1, "x\n"));
	return { sleeps, out: fake.written(1) };
}

test.each<[string, Parameters<typeof shown>, number, string]>([
	["text after an empty line", [500, true], 500, "x\n\nx\n"],
	[
		"text in its place on a terminal",
		[500, true, 80],
		500,
		"\x1b[2J\x1b[Hx\n\x1b[2J\x1b[Hx\n",
	],
	[
		"data as it is, every two seconds",
		[undefined, false, 80],
		EVERY_MS,
		"x\nx\n",
	],
])("%s", async (_, args, pause, out) =>
	expect(await shown(...args)).toEqual({ sleeps: [pause, pause], out }),
);
