// All cases.

import type { Case } from "../script.ts";
import { ABSENT } from "./absent.ts";
import { FLOWTABLES } from "./flowtable.ts";
import { IPVS_CASES } from "./ipvs.ts";
import { MESSAGES } from "./messages.ts";
import { RACES } from "./races.ts";
import { RULES } from "./rules.ts";
import { TRAP_CASES } from "./traps.ts";
import { VERBS } from "./verbs.ts";

/** The last. */
const COMPLAINTS: Case = {
	name: "the kernel has nothing to complain about",
	phase: "races",
	steps: () => [
		`bad_lines=$(dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|segfault') && fail "$bad_lines"`,
	],
};

export const CASES: readonly Case[] = [
	...ABSENT,
	...VERBS,
	...MESSAGES,
	...TRAP_CASES,
	...RULES,
	...FLOWTABLES,
	...IPVS_CASES,
	...RACES,
	COMPLAINTS,
];
