// The word that was probably meant, if one is near.

import { expect, test } from "vitest";
import { nearest, UsageError } from "../../../../src/cli/usage.ts";

const WORDS = ["list", "flush", "install", "uninstall", "--host-ip", "-o"];

test.each<[string, string, readonly string[], string | undefined]>([
	["a missing letter", "lst", WORDS, "list"],
	["a wrong letter", "flash", WORDS, "flush"],
	["two letters that have changed places", "lits", WORDS, "list"],
	["two of two letters that have changed places", "sl", ["ls"], "ls"],
	["the case", "LIST", WORDS, "list"],
	["missing hyphens", "host-ip", WORDS, "--host-ip"],
	["too many hyphens", "---host-ip", WORDS, "--host-ip"],
	["a beginning that only one word has", "uni", WORDS, "uninstall"],
	[
		"a beginning that two words have: none is near",
		"st",
		["stop", "start"],
		undefined,
	],
	["a word that is far from all", "frobnicate", WORDS, undefined],
	["hyphens alone", "--", WORDS, undefined],
	["nothing", "", WORDS, undefined],
	["no words to choose from", "list", [], undefined],
])("%s", (_, word, valid, want) => expect(nearest(word, valid)).toBe(want));

test.each([[undefined], ["--host-ip"]])(
	"the error keeps what to type instead: %s",
	(instead) =>
		expect(new UsageError("unknown flag: --hostip", instead)).toMatchObject({
			name: "UsageError",
			message: "unknown flag: --hostip",
			instead,
		}),
);
