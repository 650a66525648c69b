// The pod's name. A runtime passes it to the plugin as a text and libcni caches it as
// pairs, and both must be read alike.

import { describe, expect, test } from "vitest";
import { podNameIn, podNameOf } from "../../../../src/libcni/podname.ts";
import { readCachedFile } from "../../../support/unit/cachedfile.ts";

type Pairs = readonly (readonly [string, unknown])[];
const NAMESPACE = "K8S_POD_NAMESPACE";
const NAME = "K8S_POD_NAME";

describe("the plugin and the cache read the same name", () => {
	test.each<
		[string, readonly (readonly [string, string])[], string | undefined]
	>([
		[
			"with its namespace",
			[
				[NAMESPACE, "ns"],
				[NAME, "pod"],
			],
			"ns/pod",
		],
		[
			"in the other order",
			[
				[NAME, "pod"],
				[NAMESPACE, "ns"],
			],
			"ns/pod",
		],
		[
			"among others",
			[
				["IgnoreUnknown", "1"],
				[NAMESPACE, "ns"],
				[NAME, "pod"],
				["K8S_POD_UID", "x"],
			],
			"ns/pod",
		],
		["without a namespace: just the name", [[NAME, "pod"]], "pod"],
		[
			"with an empty namespace: just the name",
			[
				[NAMESPACE, ""],
				[NAME, "pod"],
			],
			"pod",
		],
		[
			"an empty name is none",
			[
				[NAMESPACE, "ns"],
				[NAME, ""],
			],
			undefined,
		],
		["a namespace alone is none", [[NAMESPACE, "ns"]], undefined],
		["nothing", [], undefined],
		[
			"the last of two",
			[
				[NAME, "a"],
				[NAME, "b"],
			],
			"b",
		],
		["in another letter case is none", [["k8s_pod_name", "pod"]], undefined],
		["with an equals sign in it", [[NAME, "a=b"]], "a=b"],
	])("%s", (_, cniArgs, want) => {
		const args = cniArgs.map((pair) => pair.join("=")).join(";");
		expect(podNameIn(args)).toBe(want);
		expect(podNameOf(cniArgs)).toBe(want);
		expect(readCachedFile({ cniArgs })?.pod).toBe(want);
	});
});

test.each<[string, string | undefined]>([
	["K8S_POD_NAME", undefined],
	["K8S_POD_NAME=", undefined],
	[";;K8S_POD_NAME=pod;", "pod"],
	["=pod", undefined],
])("as a text, %j is %s", (args, want) => expect(podNameIn(args)).toBe(want));

test.each<[string, Pairs, string | undefined]>([
	["a name that is no text", [[NAME, 7]], undefined],
	[
		"a namespace that is no text",
		[
			[NAMESPACE, null],
			[NAME, "pod"],
		],
		"pod",
	],
])("as pairs: %s", (_, pairs, want) => expect(podNameOf(pairs)).toBe(want));

test.each<[string, unknown]>([
	["no list", "K8S_POD_NAME=pod"],
	["items that are no pairs", [null, 7, "K8S_POD_NAME=pod"]],
	["null", null],
])("cached arguments that are %s name no pod", (_, cniArgs) =>
	expect(readCachedFile({ cniArgs })?.pod).toBeUndefined(),
);
