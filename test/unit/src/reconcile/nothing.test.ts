// The words of a command that knows no hostPort.

import { expect, test } from "vitest";
import { IPPROTO_UDP } from "../../../../src/net/proto.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { unmappedInWords } from "../../../../src/reconcile/nothing.ts";
import { mapping } from "../../../support/unit/flows.ts";
import {
	attached,
	CACHE,
	cachedFile,
	DIR,
	world,
} from "../../../support/unit/world.ts";

const udp = mapping("IPv4", "udp");
const P = attached("p", udp);
/** A pod under CRI-O. */
const VAGUE = { ...attached("v"), podTargets: [udp] };
const NONE = `no port mapping is recorded in ${DIR} or cached in ${CACHE}`;

test.each<[string, readonly Attachment[], object, string | undefined]>([
	["nothing is known", [], {}, NONE],
	["a mapping is recorded", [VAGUE, P], {}, undefined],
	["a mapping is cached", [], cachedFile(P), undefined],
	[
		"a pod without hostPorts is cached",
		[],
		cachedFile(P, { plugin: "x" }),
		NONE,
	],
	[
		"one pod is recorded without its ports",
		[VAGUE],
		{},
		`${NONE} (1 pod is recorded without ports)`,
	],
	[
		"two are, and one has none",
		[VAGUE, { ...attached("w"), vague: true }, attached("n")],
		{},
		`${NONE} (2 pods are recorded without ports)`,
	],
])("%s", (_, records, files, want) => {
	const { context } = world([], records, {
		files: files as Record<string, string>,
	});
	const cache = { dir: CACHE, protocols: [IPPROTO_UDP] } as const;
	expect(unmappedInWords(context, cache)).toBe(want);
});
