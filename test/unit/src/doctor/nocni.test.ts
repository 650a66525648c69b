// Whether a node has no use for CNI, and what doctor then leaves out.

import { describe, expect, test } from "vitest";
import { findNoCNI } from "../../../../src/doctor/nocni.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { DIR } from "../../../support/unit/calls.ts";
import { cached } from "../../../support/unit/checkup.ts";
import { CACHE } from "../../../support/unit/world.ts";

const WHERE = {
	root: "",
	binDirs: [],
	confDir: undefined,
	confName: undefined,
	cacheDir: CACHE,
	dataDir: DIR,
};

test("a node with nothing of CNI has none", () =>
	expect(findNoCNI(fakeHost(), WHERE)).toMatchObject({
		check: "CNI",
		status: "ok",
	}));

describe("a node may have CNI", () => {
	test.each<[string, Parameters<typeof fakeHost>[0], object]>([
		[
			"that has an empty directory for it",
			{ directories: ["/etc/cni/net.d"] },
			{},
		],
		["of whose pods one is recorded", { files: { [`${DIR}/x.json`]: "" } }, {}],
		["of whose pods one is cached", { files: cached("10.88.0.2/16") }, {}],
		["of Kubernetes", { directories: ["/var/lib/kubelet"] }, {}],
		["of CRI-O", { directories: ["/run/crio"] }, {}],
		["that is seen from a pod", { env: { KUBERNETES_SERVICE_HOST: "x" } }, {}],
		["that is seen under a prefix", {}, { root: "/host" }],
		["of which somebody says where it is", {}, { confDir: "/x" }],
		["of which nobody may know", { fail: () => "EACCES" }, {}],
	])("%s", (_, options, where) =>
		expect(
			findNoCNI(fakeHost(options), { ...WHERE, ...where }),
		).toBeUndefined(),
	);
});
