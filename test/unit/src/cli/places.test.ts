// The flags for the node's places: what each takes, and where they lead.

import { expect, test } from "vitest";
import type { Option } from "../../../../src/cli/command.ts";
import {
	interval,
	LISTEN,
	PLACES,
	TEXTFILE,
	whereOf,
} from "../../../../src/cli/places.ts";
import { UsageError } from "../../../../src/cli/usage.ts";

type Kind = Pick<Option<unknown>, "parse">;
const { runtimeVersion } = PLACES;

test.each<[string, Kind, string, unknown]>([
	["an IPv4 address to serve at", LISTEN, "127.0.0.1:9470", "127.0.0.1:9470"],
	["any IPv4 address", LISTEN, "0.0.0.0:1", "0.0.0.0:1"],
	[
		"an IPv6 address, as it was typed",
		LISTEN,
		"[::FFFF]:65535",
		"[::FFFF]:65535",
	],
	["any IPv6 address", LISTEN, "[::]:9470", "[::]:9470"],
	["a file of metrics", TEXTFILE, "/var/a.prom", "/var/a.prom"],
	["a file of metrics in this directory", TEXTFILE, "a.prom", "a.prom"],
	["an interval of its least length", interval(10, false), "10ms", 10],
	["an interval of 0, where that means once", interval(10, true), "0", 0],
	[
		"a runtime",
		runtimeVersion,
		"containerd://2.1.0",
		{ name: "containerd", major: 2, minor: 1 },
	],
	[
		"a runtime whose version has a v",
		runtimeVersion,
		"cri-o://v1.33.0",
		{ name: "cri-o", major: 1, minor: 33 },
	],
])("%s", (_, kind, t, want) => expect(kind.parse(t, "--x")).toEqual(want));

const LISTENING =
	"--x: not an address and a port such as 127.0.0.1:9470 or [::1]:9470: ";
const PROM =
	"--x: not a name in .prom, which are all that node_exporter reads: ";
test.each<[string, Kind, string, string]>([
	["no address", LISTEN, ":9470", LISTENING],
	["no port", LISTEN, "127.0.0.1", LISTENING],
	["port 0", LISTEN, "127.0.0.1:0", LISTENING],
	["a port above 65535", LISTEN, "127.0.0.1:65536", LISTENING],
	["a port of six digits", LISTEN, "127.0.0.1:009470", LISTENING],
	[
		"a name, which the server does not look up",
		LISTEN,
		"localhost:9470",
		LISTENING,
	],
	["an IPv6 address without brackets", LISTEN, "::1:9470", LISTENING],
	["an IPv4 address in brackets", LISTEN, "[127.0.0.1]:9470", LISTENING],
	["half an address", LISTEN, "127.0.1:9470", LISTENING],
	["words behind the port", LISTEN, "127.0.0.1:9470 ", LISTENING],
	["another ending", TEXTFILE, "/var/a.txt", PROM],
	["an ending without a name", TEXTFILE, "/var/.prom", PROM],
	[
		"an interval too short",
		interval(10, false),
		"9ms",
		"--x: less than 10 ms: ",
	],
	["an interval of 0", interval(10, false), "0", "--x: less than 10 ms: "],
	[
		"an interval too short, where 0 means once",
		interval(10, true),
		"9ms",
		"--x: less than 10 ms: ",
	],
	[
		"a runtime without a version",
		runtimeVersion,
		"containerd",
		"--x: not like containerd://2.1.0: ",
	],
])("%s is an error of usage", (_, kind, t, message) => {
	expect(() => kind.parse(t, "--x")).toThrow(UsageError);
	expect(() => kind.parse(t, "--x")).toThrow(message + t);
});

test("the flags say where everything is", () =>
	expect(
		whereOf(
			{
				cniBinDir: ["/bin"],
				cniConfDir: "/net.d",
				hostRoot: "/host",
				cniCacheDir: "/cache",
				dataDir: "/data",
				runtimeVersion: undefined,
			},
			"10-net.conflist",
		),
	).toEqual({
		root: "/host",
		binDirs: ["/bin"],
		confDir: "/net.d",
		confName: "10-net.conflist",
		cacheDir: "/cache",
		dataDir: "/data",
	}));
