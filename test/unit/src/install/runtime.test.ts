// The container runtime that a node shows, by its directories or by the mounts of
// the container that we run in.

import { describe, expect, test } from "vitest";
import type { Runtime } from "../../../../src/install/mode.ts";
import {
	isCrio,
	type Seen,
	seenRuntime,
} from "../../../../src/install/runtime.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const MOUNTINFO = "/proc/self/mountinfo";
const IN_POD = { KUBERNETES_SERVICE_HOST: "10.96.0.1" };
/** A mount of a container of CRI-O's or podman's. */
const OVERLAY =
	"31 30 0:25 /containers/storage/overlay-containers/4f2e/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw";
const CONTAINERD =
	"31 30 8:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/4f2e/hostname /etc/hostname rw - ext4 /dev/sda1 rw";

test.each<[string, string[], Seen]>([
	["nothing", [], undefined],
	["CRI-O", ["/run/crio"], "cri-o"],
	["containerd", ["/run/containerd"], "containerd"],
	["k3s's containerd", ["/run/k3s/containerd"], "containerd"],
	["both", ["/run/crio", "/run/containerd"], "both"],
])("the node's directories show %s", (_, directories, want) => {
	expect(seenRuntime(fakeHost({ directories }), { root: "" })).toBe(want);
});

test("the directories are looked for below the node's root", () => {
	const host = fakeHost({ directories: ["/host/run/crio"] });
	expect(seenRuntime(host, { root: "/host" })).toBe("cri-o");
	expect(seenRuntime(host, { root: "" })).toBeUndefined();
});

describe("without these directories, the container's own mounts are", () => {
	const seen = (
		mounts: string,
		env: Readonly<Record<string, string>> = IN_POD,
	): Seen => {
		const text = `29 1 0:26 / / rw - overlay overlay rw\n${mounts}\n`;
		const host = fakeHost({ files: { [MOUNTINFO]: text }, env });
		return seenRuntime(host, { root: "/host" });
	};

	test.each<[string, string, Seen]>([
		["containerd's container", CONTAINERD, "containerd"],
		[
			"k3s's",
			"31 30 8:1 /var/lib/rancher/k3s/agent/containerd/io.containerd.grpc.v1.cri/sandboxes/4f2e/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw",
			"containerd",
		],
		["CRI-O's", OVERLAY, "cri-o"],
		[
			"a node that has mounted its containers' files",
			CONTAINERD.replace("/etc/hostname", "/run/x"),
			undefined,
		],
		["a container's of an unknown runtime", "", undefined],
	])("%s", (_, mounts, want) => {
		expect(seen(mounts)).toBe(want);
	});

	test("podman's, which no kubelet has started", () => {
		expect(seen(OVERLAY, {})).toBeUndefined();
	});

	test("not to be read", () => {
		expect(
			seenRuntime(fakeHost({ env: IN_POD }), { root: "" }),
		).toBeUndefined();
	});
});

test.each<[string | undefined, Seen, boolean]>([
	["cri-o", "containerd", true],
	["cri-o", undefined, true],
	["containerd", "cri-o", false],
	[undefined, "cri-o", true],
	[undefined, "containerd", false],
	[undefined, "both", false],
	[undefined, undefined, false],
])("named %s, seen %s: CRI-O is %j", (name, seen, want) => {
	const runtime: Runtime | undefined =
		name === undefined ? undefined : { name, major: 1, minor: 30 };
	expect(isCrio(runtime, seen)).toBe(want);
});
