// Whether a network namespace is gone, by its path: in doubt it is there.

import { expect, test } from "vitest";
import type { FullHost } from "../../../../src/host.ts";
import { hasEnded } from "../../../../src/state/namespace.ts";
import { type FakeHostOptions, fakeHost } from "../../../support/fakehost.ts";
import { POD } from "../../../support/unit/flushes.ts";

const NETNS = "/run/netns/cni-1";
const PROCESS = "/proc/4711/ns/net";
const ANOTHER = { "/run/netns/cni-2": "" };
const INITIAL = "pid:[4026531836]";

const failing = (code: string): FakeHostOptions => ({
	files: { ...ANOTHER, [NETNS]: "" },
	fail: (call, path) =>
		call === "readFile" && path === NETNS ? code : undefined,
});

test.each<[string, string | undefined, FakeHostOptions, boolean, string?]>([
	["a path that is absent, among others", NETNS, { files: ANOTHER }, true],
	[
		"a path that is absent where nothing else is",
		NETNS,
		{ directories: ["/run/netns"] },
		false,
	],
	["a path without a directory", NETNS, { directories: ["/run"] }, false],
	[
		"a path whose directory cannot be read",
		NETNS,
		{
			files: ANOTHER,
			fail: (call) => (call === "readDir" ? "EACCES" : undefined),
		},
		false,
	],
	["a namespace, which cannot be read", NETNS, failing("EINVAL"), false],
	["a path that may not be opened", NETNS, failing("EACCES"), false],
	[
		"an empty file, which may be a namespace for the runtime",
		NETNS,
		{ files: { ...ANOTHER, [NETNS]: "" } },
		false,
	],
	["no path", undefined, { files: ANOTHER }, false],
	["an empty path", "", { files: ANOTHER }, false],
	["a path that is relative", "run/netns/cni-1", { files: ANOTHER }, false],
	["a process that has ended", PROCESS, {}, true, INITIAL],
	[
		"a process that runs",
		PROCESS,
		{ files: { [PROCESS]: "" } },
		false,
		INITIAL,
	],
	["a process of other PIDs than ours", PROCESS, {}, false, "pid:[4026532201]"],
	["a process, where our PIDs cannot be told", PROCESS, {}, false],
	["a thread that has ended", "/proc/1/task/9/ns/net", {}, false, INITIAL],
	["a descriptor that is closed", "/proc/4711/fd/7", {}, false, INITIAL],
])("%s", (_, netns, options, want, pids) => {
	const fake = fakeHost(options);
	const full: FullHost = {
		...fake,
		full: () => full,
		readLink: (path) =>
			path === "/proc/self/ns/pid" && pids !== undefined
				? pids
				: fake.readLink(path),
	};
	const a = { ...POD, ...(netns !== undefined && { netns }) };
	expect(hasEnded(full, a)).toBe(want);
});
