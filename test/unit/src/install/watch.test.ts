// The part of `install --watch` that repairs, on a node in memory, and how often the
// agent reconciles.

import { expect, test } from "vitest";
import { main } from "../../../../plugin/main.ts";
import type { Wishes } from "../../../../src/install/plan.ts";
import { keeper } from "../../../../src/install/watch.ts";
import type { Log } from "../../../../src/log.ts";
import { type FakeHost, fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { ROUTES } from "../../../support/unit/calls.ts";
import { ENTRIES, records } from "../../../support/unit/garbage.ts";
import {
	BINARY,
	DROP_IN,
	FILE,
	LIST,
	NODE,
	WHERE,
} from "../../../support/unit/installing.ts";

const WISHES = { mode: "auto", runtime: undefined, keys: {} } as const;

function keeping(
	files: Readonly<Record<string, string>> = NODE,
	wishes: Wishes = WISHES,
): {
	readonly host: FakeHost;
	readonly lines: string[];
	look(): { readonly installed: boolean; readonly configured: boolean };
} {
	const host = fakeHost({ files });
	const lines: string[] = [];
	const log: Log = (level, msg, { why = "" }) =>
		void lines.push(`${level} ${msg} ${why}`.trim());
	const look = keeper(host, WHERE, wishes, log);
	// time passes between two looks: a file of the same size that is written at the
	// same time looks unchanged
	return {
		host,
		lines,
		look() {
			host.clock.ms += 10;
			return { ...look() };
		},
	};
}

test("puts everything in place, and says what it did", () => {
	const { look, lines, host } = keeping();
	expect(look()).toMatchObject({ installed: true, configured: true });
	expect(host.files.get(FILE)).toContain("conntrack-flush");
	expect(lines).toEqual([
		"info executable installed",
		"info mode the runtime's version is not known",
		"info configured",
	]);
});

test("while nothing changes it reads no file, writes none and says nothing", () => {
	const { look, lines, host } = keeping();
	look();
	look();
	const [calls, said] = [host.calls.length, lines.length];
	for (let n = 0; n < 5; n++)
		expect(look()).toMatchObject({ installed: true, configured: true });
	const names = host.calls.slice(calls).map((call) => call.split(" ")[0]);
	expect([...new Set(names)].sort()).toEqual(["readDir", "stat"]);
	expect(lines).toHaveLength(said);
});

test.each<[string, (host: FakeHost) => void, string]>([
	["the conflist is written anew", (h) => h.writeFile(FILE, LIST, 0o644), FILE],
	["the executable is gone", (h) => h.unlink(BINARY), BINARY],
	[
		"the executable is another",
		(h) => h.writeFile(BINARY, "other", 0o755),
		BINARY,
	],
	[
		"a network comes before",
		(h) => h.writeFile("/etc/cni/net.d/05-a.conflist", LIST, 0o644),
		"/etc/cni/net.d/05-a.conflist",
	],
])("%s: at the next look it is right again", (_, harm, path) => {
	const { look, host } = keeping();
	look();
	const want = path === BINARY ? "executable" : host.files.get(FILE);
	harm(host);
	expect(look()).toMatchObject({ installed: true, configured: true });
	expect(host.files.get(path)).toBe(want);
});

test.each([
	["the executable", BINARY, WISHES],
	["the drop-in", DROP_IN, { ...WISHES, mode: "dropin" }],
] as const)(
	"%s is deleted as often as anybody likes: it comes back each time",
	(_, path, wishes) => {
		const { look, host } = keeping(NODE, wishes);
		look();
		for (let n = 0; n < 3; n++) {
			host.unlink(path);
			expect(look()).toMatchObject({ installed: true, configured: true });
			expect(host.files.has(path), `time ${n}`).toBe(true);
		}
	},
);

test("the executable is deleted while there is no configuration: it comes back each time", () => {
	const { [FILE]: _, ...files } = NODE;
	const { look, host } = keeping({ ...files, "/etc/cni/net.d/x": "" });
	look();
	for (let n = 0; n < 3; n++) {
		host.unlink(BINARY);
		expect(look().installed).toBe(true);
		expect(host.files.has(BINARY), `time ${n}`).toBe(true);
	}
});

test("what is wrong is said once, and its end is seen", () => {
	const { look, lines, host } = keeping({ ...NODE, [FILE]: "{" });
	for (let n = 0; n < 3; n++)
		expect(look()).toMatchObject({ installed: true, configured: false });
	expect(lines.filter((line) => line.includes("not JSON"))).toHaveLength(1);
	host.writeFile(FILE, LIST, 0o644);
	expect(look()).toMatchObject({ installed: true, configured: true });
});

test("what keeps the plugin from its work is said once", () => {
	const deaf = LIST.replace("true", "false");
	const { look, lines, host } = keeping({ ...NODE, [FILE]: deaf });
	look();
	host.writeFile(FILE, deaf.replace("bridge", "bridge "), 0o644);
	look();
	host.writeFile(FILE, deaf, 0o644);
	expect(look()).toMatchObject({ installed: true, configured: true });
	expect(lines.filter((line) => line.includes("portmap, plugin"))).toHaveLength(
		1,
	);
});

test("a file to which a Multus leads is put right again too", () => {
	const path = "/run/multus/10-net.conflist";
	const multus = `{"name":"m","type":"multus","clusterNetwork":"${path}"}`;
	const { look, host } = keeping({
		...NODE,
		[FILE]: "",
		[path]: LIST,
		"/etc/cni/net.d/00-multus.conf": multus,
	});
	look();
	look();
	const want = host.files.get(path);
	expect(want).toContain("conntrack-flush");
	host.writeFile(path, LIST, 0o644);
	look();
	expect(host.files.get(path)).toBe(want);
});

test("no configuration yet: it waits, the executable in place", () => {
	const { [FILE]: _, ...files } = NODE;
	const { look, lines, host } = keeping({ ...files, "/etc/cni/net.d/x": "" });
	for (let n = 0; n < 3; n++)
		expect(look()).toMatchObject({ installed: true, configured: false });
	expect(lines.filter((line) => line.startsWith("info waiting"))).toHaveLength(
		1,
	);
	expect(host.files.get(BINARY)).toBe("executable");
});

test("a disk that is full: neither, until it is not", () => {
	let isFull = true;
	const host = fakeHost({
		files: NODE,
		fail: (call) => (call === "copyFile" && isFull ? "ENOSPC" : undefined),
	});
	const look = keeper(host, WHERE, WISHES, () => {});
	expect(look()).toMatchObject({ installed: false, configured: false });
	expect(host.files.get(FILE)).toBe(LIST);
	isFull = false;
	host.clock.ms += 5000;
	expect(look()).toMatchObject({ installed: true, configured: true });
});

test("another installer on the node: it waits for its end", () => {
	let isThere = true;
	const host = fakeHost({
		files: NODE,
		fail: (call) => (call === "flock" && isThere ? "EAGAIN" : undefined),
	});
	const look = keeper(host, WHERE, WISHES, () => {});
	expect(look()).toMatchObject({ installed: false, configured: false });
	isThere = false;
	expect(look()).toMatchObject({ installed: true, configured: true });
});

test.each([
	["0", 1],
	["1s", 4],
	["1m", 1],
])(
	"reconciles at its start and every --reconcile-interval %s",
	async (every, passes) => {
		const clock = { ms: 1000 };
		/** The times at which the table was looked at, in fifths of a second. */
		const opened = new Set<number>();
		const kernel = fakeKernel({ clock, entries: ENTRIES, routes: ROUTES });
		const node = fakeHost({
			clock,
			files: { ...NODE, ...(await records("a", "b", "c")) },
			netlink(protocol, timeoutMs) {
				opened.add(Math.floor(clock.ms / 200));
				return kernel.netlink(protocol, timeoutMs);
			},
			argv: ["install", "--watch", "--reconcile-interval", every],
		});
		const last = clock.ms + 3500;
		const host = {
			...node,
			signal: () => (clock.ms > last ? ("SIGTERM" as const) : undefined),
		};
		expect(await main(host)).toBe(0);
		expect(opened.size).toBe(passes);
		expect(node.files.get(FILE)).toContain("conntrack-flush");
	},
);
