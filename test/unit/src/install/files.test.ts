// Files that are replaced whole, and what each failure leaves.

import { describe, expect, test } from "vitest";
import type { FileStat, FullHost } from "../../../../src/host.ts";
import {
	apply,
	isReadOnly,
	nudge,
	Overtaken,
	refuseLink,
	removeEmpty,
	removeFile,
	removeTemporaries,
	replace,
} from "../../../../src/install/files.ts";
import { Refusal } from "../../../../src/install/refusal.ts";
import {
	type FakeHost,
	type FakeHostOptions,
	fakeHost,
	sysError,
} from "../../../support/fakehost.ts";
import { CONF, DROP_IN, FILE } from "../../../support/unit/installing.ts";

const TEMPORARY = `${CONF}/.10-net.conflist.conntrack-flush-new`;
const CHANGE = { path: FILE, before: "old", after: "new" };

function nodeWith(options: FakeHostOptions = {}): FakeHost {
	return fakeHost({ files: { [FILE]: "old" }, ...options });
}

/** Returns the host, for which the path is a link. */
function linked(host: FakeHost): FullHost {
	return { ...host, readLink: () => "/elsewhere" };
}

describe("a change", () => {
	test("of a file: a synced temporary is renamed, and the directory synced", () => {
		const host = nodeWith();
		apply(host, CHANGE);
		expect(host.files.get(FILE)).toBe("new");
		expect(host.calls.filter((c) => !/^(stat|read)/.test(c))).toEqual([
			`writeFile ${TEMPORARY}`,
			`sync ${TEMPORARY}`,
			`rename ${TEMPORARY}`,
			`sync ${CONF}`,
		]);
	});

	test("keeps the file's mode", () => {
		const host = nodeWith();
		host.writeFile(FILE, "old", 0o600);
		apply(host, CHANGE);
		expect(host.stat(FILE).mode).toBe(0o600);
	});

	test("makes a new file with its directory, for everybody to read", () => {
		const host = nodeWith();
		apply(host, { path: DROP_IN, before: undefined, after: "{}" });
		expect(host.files.get(DROP_IN)).toBe("{}");
		expect(host.stat(DROP_IN).mode).toBe(0o644);
	});

	test("deletes a file, and syncs its directory", () => {
		const host = nodeWith();
		apply(host, { path: FILE, before: "old", after: undefined });
		expect(host.files.has(FILE)).toBe(false);
		expect(host.calls.at(-1)).toBe(`sync ${CONF}`);
	});

	test("that deletes a file finds it deleted: nothing more to do", () => {
		const host = nodeWith({ files: {} });
		apply(host, { path: FILE, before: "old", after: undefined });
		expect(host.calls).toEqual([`unlink ${FILE}`]);
	});

	test("of a file that somebody has written meanwhile is not made", () => {
		const host = nodeWith({ files: { [FILE]: "theirs" } });
		expect(() => apply(host, CHANGE)).toThrow(Overtaken);
		expect([...host.files]).toEqual([[FILE, "theirs"]]);
	});

	test("of a link is refused", () => {
		const host = nodeWith();
		expect(() => apply(linked(host), CHANGE)).toThrow(/is a link\n/);
		expect([...host.files]).toEqual([[FILE, "old"]]);
	});

	test.each<[string, string | undefined, string | undefined]>([
		["makes", undefined, "new"],
		["deletes", "old", undefined],
	])("that %s a file asks for no link", (_, before, after) => {
		const host = nodeWith();
		refuseLink(linked(host), { path: FILE, before, after });
	});
});

describe("the owner", () => {
	const ownedBy = (
		owner: Partial<FileStat>,
		fail?: FakeHostOptions["fail"],
	): FakeHost => nodeWith({ stat: () => owner, ...(fail && { fail }) });
	const failing = (code: string) => (call: string) =>
		call === "chown" ? code : undefined;

	test("is root already: nothing is given away", () => {
		const host = ownedBy({ uid: 0, gid: 0 });
		apply(host, CHANGE);
		expect(host.calls.filter((c) => c.startsWith("chown"))).toEqual([]);
	});

	test.each<Partial<FileStat>>([
		{ uid: 1000, gid: 0 },
		{ uid: 0, gid: 1000 },
	])("$uid:$gid gets the temporary, before it is renamed", (owner) => {
		const host = ownedBy(owner);
		apply(host, CHANGE);
		expect(host.calls).toContain(`chown ${TEMPORARY}`);
	});

	test("cannot get it, for want of CAP_CHOWN: the file is changed still", () => {
		const host = ownedBy({ uid: 0, gid: 5 }, failing("EPERM"));
		apply(host, CHANGE);
		expect(host.files.get(FILE)).toBe("new");
	});

	test("cannot get it for another reason: the file stays", () => {
		const host = ownedBy({ uid: 1000, gid: 0 }, failing("EIO"));
		expect(() => apply(host, CHANGE)).toThrow(/EIO/);
		expect([...host.files]).toEqual([[FILE, "old"]]);
	});
});

describe("a replacement that fails leaves the file of before and no temporary", () => {
	test.each(["writeFile", "sync", "rename"])("at %s", (at) => {
		const host = nodeWith({
			fail: (call) => (call === at ? "ENOSPC" : undefined),
		});
		const fill = (path: string): void => host.writeFile(path, "new", 0o644);
		expect(() => replace(host, FILE, fill)).toThrow(/ENOSPC/);
		expect([...host.files]).toEqual([[FILE, "old"]]);
	});

	test("by the check, which comes last before the rename", () => {
		const host = nodeWith();
		const fill = (path: string): void => host.writeFile(path, "new", 0o644);
		const check = (): void => {
			expect(host.calls.at(-1)).toBe(`sync ${TEMPORARY}`);
			throw new Error("no");
		};
		expect(() => replace(host, FILE, fill, check)).toThrow("no");
		expect([...host.files]).toEqual([[FILE, "old"]]);
	});

	test("with advice where the system forbids root to write", () => {
		const host = nodeWith({
			fail: (call) => (call === "writeFile" ? "EACCES" : undefined),
		});
		const fill = (path: string): void => host.writeFile(path, "new", 0o644);
		expect(() => replace(host, FILE, fill)).toThrow(Refusal);
	});
});

test("only our own temporaries are removed", () => {
	const host = nodeWith();
	host.writeFile(TEMPORARY, "half", 0o600);
	host.writeFile(`${CONF}/.10-net.conflist.new`, "theirs", 0o600);
	removeTemporaries(host, CONF);
	removeTemporaries(host, "/nowhere");
	expect([...host.files.keys()]).toEqual([
		FILE,
		`${CONF}/.10-net.conflist.new`,
	]);
});

test.each<[string, string | undefined, boolean]>([
	["that exists", undefined, true],
	["that is absent", "ENOENT", false],
	["of a read-only file system", "EROFS", false],
])("removal of a file %s says %j", (_, code, want) => {
	const host = nodeWith({ fail: () => code });
	expect(removeFile(host, FILE)).toBe(want);
});

test("removal of a file that is refused is an error", () => {
	const host = nodeWith({ fail: () => "EACCES" });
	expect(() => removeFile(host, FILE)).toThrow(/EACCES/);
});

test("a read-only file system is told by its errno", () => {
	expect(isReadOnly(sysError("EROFS", "unlink"))).toBe(true);
	expect(isReadOnly(sysError("EACCES", "unlink"))).toBe(false);
	expect(isReadOnly(new Error("EROFS"))).toBe(false);
});

test("a directory is removed only if it is empty, and may be absent", () => {
	const host = nodeWith({ directories: ["/etc/cni/net.d/n"] });
	for (const dir of [CONF, "/etc/cni/net.d/n", "/nowhere"])
		removeEmpty(host, dir);
	expect(host.readDir(CONF)).toEqual(["10-net.conflist"]);
});

test("containerd is made to look by a file that is deleted and that no runtime reads", () => {
	const host = nodeWith();
	nudge(host, CONF);
	expect(host.calls).toEqual([
		`writeFile ${CONF}/.conntrack-flush.nudge`,
		`unlink ${CONF}/.conntrack-flush.nudge`,
	]);
	expect([...host.files.keys()]).toEqual([FILE]);
});
