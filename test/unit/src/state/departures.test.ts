// Departures: DEL and GC remember which pods left, in little room, and commands tell it.

import { describe, expect, test } from "vitest";
import { readDepartures } from "../../../../src/state/departures.read.ts";
import { noteDeparture } from "../../../../src/state/departures.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { CONF, call, DIR, FILE } from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";
import { attached } from "../../../support/unit/world.ts";

const LATEST = `${DIR}/departed`;
const BEFORE = `${DIR}/departed.1`;
const udp = mapping("IPv4", "udp");
const P = attached("p", udp, { ...udp, hostPort: 53 });
const cli = { CNI_COMMAND: undefined };

describe("a departure", () => {
	test("is remembered with its time, whatever the pod's number of ports", () => {
		const host = fakeHost({ directories: [DIR], clock: { ms: 1000.4 } });
		noteDeparture(host, DIR, P);
		expect(host.files.get(LATEST)).toBe('[1000,"ns/p",["10.88.0.2"]]\n');
		expect(host.stat(LATEST).mode).toBe(0o600);
		expect([...readDepartures(host, DIR)]).toEqual([
			["10.88.0.2", { pod: "ns/p", at: 1000 }],
		]);
	});

	test("is the last one from its address", () => {
		const host = fakeHost({ directories: [DIR] });
		noteDeparture(host, DIR, P);
		host.clock.ms = 5000;
		noteDeparture(host, DIR, { ...P, pod: undefined });
		expect(readDepartures(host, DIR).get("10.88.0.2")).toEqual({
			pod: undefined,
			at: 5000,
		});
	});

	test.each(["ENOENT", "ENOSPC", "EROFS", "EACCES"])(
		"that cannot be written (%s) is no failure",
		(code) => {
			const host = fakeHost({
				fail: (c) => (c === "appendFile" ? code : undefined),
			});
			noteDeparture(host, DIR, P);
			expect([...readDepartures(host, DIR)]).toEqual([]);
		},
	);

	test("is dropped when two files are full, and never before a hundred others", () => {
		const host = fakeHost({ directories: [DIR] });
		for (let n = 0; n < 5000; n++) {
			host.clock.ms = n;
			const podIP = `10.${n >> 8}.0.${n & 255}`;
			noteDeparture(host, DIR, { ...P, mappings: [{ ...udp, podIP }] });
		}
		const sizes = [LATEST, BEFORE].map((p) => host.files.get(p)?.length ?? 0);
		expect(Math.max(...sizes)).toBeLessThan(66_000);
		expect([...host.files.keys()].sort()).toEqual([LATEST, BEFORE]);
		const times = [...readDepartures(host, DIR).values()].map(({ at }) => at);
		expect(Math.max(...times)).toBe(4999);
		expect(times.length).toBeGreaterThan(1000);
		expect(times.length).toBeLessThan(5000);
	});

	test("that was cut, or is none, hides no other", () => {
		const files = {
			[LATEST]:
				'nonsense\n{"a":1}\n[1,2,3]\n[1,null,["x\\u001b"]]\n[7,null,["10.88.0.2"]]\n[8,"ns/',
			[BEFORE]: "\0",
		};
		expect([...readDepartures(fakeHost({ files }), DIR)]).toEqual([
			["10.88.0.2", { pod: undefined, at: 7 }],
		]);
	});
});

test("DEL remembers whom it has looked after", async () => {
	const files = await records("4f2e");
	const { host } = await call("DEL", { host: { files } });
	expect([host.files.has(FILE), host.files.get(LATEST)]).toEqual([
		false,
		'[1000,"ns/pod",["10.88.0.2"]]\n',
	]);
});

test("DEL of a pod that no record names remembers what the request says of it", async () => {
	const { host } = await call("DEL", { host: { directories: [DIR] } });
	expect([...host.files]).toEqual([
		[LATEST, expect.stringMatching(/^\[\d+,"ns\/pod",\["10.88.0.2"\]\]\n$/)],
	]);
});

test("DEL of a pod without port mappings leaves nothing", async () => {
	const { host } = await call("DEL", {
		conf: { ...CONF, runtimeConfig: undefined },
		host: { directories: [DIR] },
	});
	expect([...host.files.keys()]).toEqual([]);
});

test("gc remembers what it has dropped", async () => {
	const { host } = await call("", {
		env: cli,
		conf: "a\n",
		host: {
			argv: ["gc", "--valid", "-", "--older-than", "0"],
			files: await records("a", "b"),
		},
	});
	expect(host.files.get(LATEST)).toBe('[1000,"ns/pod",["10.88.0.3"]]\n');
});

describe("what leads to a pod that has left", () => {
	const asked = async (...argv: string[]) =>
		call("", {
			env: cli,
			host: {
				argv,
				clock: { ms: 241_000 },
				files: {
					...(await records("a")),
					[LATEST]: '[1000,"ns/old",["10.88.0.9"]]\n',
				},
			},
		});

	test.each([[["list"]], [["flush", "--stale", "-n"]]])(
		"%j says when it left",
		async (argv) =>
			expect((await asked(...argv)).out).toContain(
				"sends to 10.88.0.9, which left this node 4 min ago; the live pod is ns/pod at 10.88.0.2\n",
			),
	);

	test("list tells programs who that was", async () => {
		const { out } = await asked("list", "-o", "json", "--stale");
		expect(JSON.parse(out)[0]).toMatchObject({ departed: { pod: "ns/old" } });
	});

	test("reconcile says so too", async () =>
		expect((await asked("reconcile", "-n")).out).toContain(
			": leads to 10.88.0.9:5353, which left this node 4 min ago, not to the pod (ns/pod)\n",
		));
});
