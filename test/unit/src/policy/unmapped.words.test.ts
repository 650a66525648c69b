// The words of a command that knows no hostPort.

import { expect, test } from "vitest";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { unmappedInWords } from "../../../../src/policy/unmapped.words.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { attached, CACHE, DIR } from "../../../support/unit/world.ts";

const udp = mapping("IPv4", "udp");
const P = attached("p", udp);
/** A pod under CRI-O. */
const VAGUE = { ...attached("v"), podTargets: [udp] };
const NONE = `no port mapping is recorded in ${DIR} or cached in ${CACHE}`;

test.each<[string, readonly Attachment[], string | undefined]>([
	["nothing is known", [], NONE],
	["a mapping is known", [VAGUE, P], undefined],
	["a pod has no hostPort", [attached("n")], NONE],
	[
		"one pod is recorded without its ports",
		[VAGUE],
		`${NONE} (1 pod is recorded without ports)`,
	],
	[
		"two are, and one has none",
		[VAGUE, { ...attached("w"), vague: true }, attached("n")],
		`${NONE} (2 pods are recorded without ports)`,
	],
])("%s", (_, live, want) =>
	expect(unmappedInWords(live, DIR, CACHE)).toBe(want),
);
