// The manual page: complete, and without a line that roff would misread.

import { expect, test } from "vitest";
import { command } from "../../../../src/cli/command.ts";
import { manCommand } from "../../../../src/cli/man.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	commandNames,
	flagsOf,
	type,
} from "../../../support/unit/commandline.ts";

test("has every command and every flag", async () => {
	const { code, out, host } = await type("man");
	expect([code, host.calls]).toEqual([0, []]);
	const plain = out.replaceAll("\\-", "-");
	for (const name of await commandNames()) {
		expect(plain).toContain(`.SS "${name}`);
		for (const flag of await flagsOf(name))
			expect(plain, `${name} ${flag}`).toContain(`\\fB${flag}\\fR`);
	}
});

test("has no line that roff would take for a request", async () => {
	const { out } = await type("man");
	const requests = out.match(/^[.'].*/gm) ?? [];
	expect(
		requests.filter(
			(r) => !/^\.(TH|SH|SS|TP|PP|B|I|BR|RB|br|nf|fi|RS|RE)\b/.test(r),
		),
	).toEqual([]);
});

test("escapes what roff would read: a dot or a quote at the beginning of a line, hyphens, backslashes", async () => {
	const strange = command({
		name: "strange",
		summary: "",
		about: ".SH a-b\n'c \\d",
		flags: {},
		examples: [],
		run: async () => 0,
	});
	const host = fakeHost();
	await manCommand(async () => [strange], "1.2.3").run(host, {}, []);
	expect(host.written(1)).toContain("\n\\&.SH a\\-b\n\\&'c \\ed\n");
	expect(host.written(1)).toContain('"conntrack-flush 1.2.3"');
});
