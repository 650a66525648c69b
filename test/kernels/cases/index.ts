// All cases.

import type { Case } from "../script.ts";
import { ABSENT } from "./absent.ts";
import { MESSAGES } from "./messages.ts";
import { RULES } from "./rules.ts";
import { TRAP_CASES } from "./traps.ts";
import { VERBS } from "./verbs.ts";

export const CASES: readonly Case[] = [
	...ABSENT,
	...VERBS,
	...MESSAGES,
	...TRAP_CASES,
	...RULES,
];
