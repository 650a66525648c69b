// The records for a person: those that can be read, and how many cannot.

import { expect, test } from "vitest";
import { takeInventory } from "../../../../src/state/inventory.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { attached, recordsOf } from "../../../support/unit/world.ts";

const DIR = "/run/flush";
const POD = attached("p", mapping("IPv4", "udp"));
const LEFT = { ...attached("q", mapping("IPv4", "tcp")), unfinished: true };
const FILES = recordsOf(DIR, POD, LEFT);
const take = (
	files: Readonly<Record<string, string>>,
	fail?: (call: string, path: string) => string | undefined,
) => takeInventory(fakeHost({ files, ...(fail && { fail }) }), DIR);

test("an unfinished DEL's record is readable, but no attachment", () =>
	expect(take(FILES)).toEqual({
		attachments: [POD],
		foreign: [],
		unreadable: 0,
	}));

test.each<[string, Record<string, string>, number]>([
	[
		"of another version, and no record by their name",
		{ [`${DIR}/a.json`]: '{"version":9}' },
		1,
	],
	["cut", { [`${DIR}/a.json`]: "{", [`${DIR}/b.json`]: "" }, 2],
	["no record by its name", { [`${DIR}/lock`]: "", [`${DIR}/x.tmp`]: "" }, 0],
])("files that are %s are counted: %o", (_, more, want) =>
	expect(take({ ...FILES, ...more })).toEqual({
		attachments: [POD],
		foreign: [],
		unreadable: want,
	}),
);

test("records of another version are told apart, and one whose DEL has come is no attachment", () => {
	const text = (containerID: string, gone?: boolean): string =>
		JSON.stringify({
			version: 2,
			network: "net",
			containerID,
			ifname: "eth0",
			added: 5,
			gone,
		});
	const found = take({
		...FILES,
		[`${DIR}/net:f:eth0.json`]: text("f"),
		[`${DIR}/net:g:eth0.json`]: text("g", true),
	});
	expect(found).toMatchObject({
		attachments: [POD],
		foreign: [{ containerID: "f", added: 5, vague: true }],
		unreadable: 0,
	});
	expect(found.foreign).toHaveLength(1);
});

test("a record that may not be read is counted", () => {
	const fail = (call: string, path: string) =>
		call === "readFile" && path.includes(":p:") ? "EACCES" : undefined;
	expect(take(FILES, fail)).toEqual({
		attachments: [],
		foreign: [],
		unreadable: 1,
	});
});

test("a record that is deleted while they are read is not unreadable", () => {
	const host = fakeHost({ files: FILES });
	const [, path = ""] = host.files.keys();
	const found = takeInventory(
		{
			...host,
			readFile(name) {
				if (host.files.has(path)) host.unlink(path);
				return host.readFile(name);
			},
		},
		DIR,
	);
	expect(found).toEqual({ attachments: [POD], foreign: [], unreadable: 0 });
});

test("without a directory there are none", () =>
	expect(take({})).toEqual({ attachments: [], foreign: [], unreadable: 0 }));

test("throws if the directory cannot be read", () => {
	const fail = (call: string) => (call === "readDir" ? "EACCES" : undefined);
	expect(() => take(FILES, fail)).toThrow("EACCES");
});
