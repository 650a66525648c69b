// The kinds of values that flags take: what each reads, and its error for the rest.

import { expect, test } from "vitest";
import type { Option } from "../../../../src/cli/command.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import {
	ADDRESS,
	choice,
	DIR,
	DURATION,
	duration,
	FAMILY,
	INTERVAL,
	number,
	oneOf,
	PLACE,
	PORT,
	PORTS,
	PROTO,
	text,
} from "../../../../src/cli/values.ts";
import { AF_INET6 } from "../../../../src/net/ip.ts";
import { IPPROTO_SCTP } from "../../../../src/net/proto.ts";
import { type } from "../../../support/unit/commandline.ts";

type Kind = Pick<Option<unknown>, "parse">;
const WORD = choice("WORD", { one: 1, two: 2 });
const SAME = oneOf("WORD", ["one", "two"]);

test.each<[string, Kind, string, unknown]>([
	["text is read as it is", text("FILE"), " x=-", " x=-"],
	["a choice is what its word stands for", WORD, "two", 2],
	["a choice is read in any case", WORD, "TWO", 2],
	["one of several words stands for itself", SAME, "one", "one"],
	["a directory is absolute", DIR, "/run/x", "/run/x"],
	["a directory has no slash at its end", DIR, "/run/x//", "/run/x"],
	["the root is the empty text", DIR, "/", ""],
	["the lowest port", PORT, "1", 1],
	["the highest port", PORT, "65535", 65535],
	[
		"ports, in a row or not",
		PORTS,
		"53,8000-8010",
		[
			{ first: 53, last: 53 },
			{ first: 8000, last: 8010 },
		],
	],
	["ports anywhere", PLACE, ":53", { ports: { first: 53, last: 53 } }],
	["an IPv4 address", ADDRESS, "192.0.2.1", "192.0.2.1"],
	["an IPv6 address in its canonical form", ADDRESS, "FD00:0::1", "fd00::1"],
	["a protocol", PROTO, "sctp", IPPROTO_SCTP],
	["a family", FAMILY, "ipv6", AF_INET6],
	["a number may have zeros before it", number("N", 0, 9), "007", 7],
	["seconds", DURATION, "2s", 2000],
	["milliseconds", DURATION, "500ms", 500],
	["several parts", DURATION, "1h1m30s", 3_690_000],
	["no digit before the dot", DURATION, ".5s", 500],
	["no digit after the dot", DURATION, "1.s", 1000],
	["nanoseconds", DURATION, "1000000ns", 1],
	["microseconds, with U+00B5", DURATION, "1000\u00b5s", 1],
	["microseconds, with U+03BC", DURATION, "1000\u03bcs", 1],
	["a zero needs no unit", DURATION, "0", 0],
	["an interval of its least length", INTERVAL, "100ms", 100],
])("%s", (_, kind, t, want) => expect(kind.parse(t, "--x")).toEqual(want));

test.each<[string, Kind, string, string, string?]>([
	["another word", WORD, "three", "--x: not one of one, two: three"],
	["a slip of a word", WORD, "tow", "--x: not one of one, two: tow", "two"],
	["a relative directory", DIR, "run", "--x: not an absolute path: run"],
	["an empty directory", DIR, "", "--x: not an absolute path: "],
	["port 0", PORT, "0", "--x: not a port: 0"],
	["port 0 among ports", PORTS, "53,0", "--x: not a port: 0"],
	["no port among ports", PORTS, "53,,54", "--x: not a port: "],
	[
		"a range that ends before it begins",
		PORTS,
		"81-80",
		"--x: not a range of ports: 81-80",
	],
	[
		"an address that may be a prefix",
		PLACE,
		"10.88.0.2/16",
		"--x: neither an address nor a prefix, which would be 10.88.0.0/16: 10.88.0.2/16",
	],
	[
		"a name in place of an address",
		PLACE,
		"node-1",
		"--x: not an address, a prefix or ports (10.88.0.2, 10.88.0.0/16, :53, 10.88.0.2:53, [fd00::2]:53): node-1",
	],
	["a port above 65535", PORT, "65536", "--x: not a port: 65536"],
	["a port with a sign", PORT, "+1", "--x: not a port: +1"],
	["a port in hex", PORT, "0x10", "--x: not a port: 0x10"],
	["half an address", ADDRESS, "10.88.0", "--x: not an IP address: 10.88.0"],
	["a name", ADDRESS, "localhost", "--x: not an IP address: localhost"],
	[
		"a number too large",
		number("N", 1, 9),
		"10",
		"--x: not a number from 1 to 9: 10",
	],
	[
		"a number too small",
		number("N", 1, 9),
		"0",
		"--x: not a number from 1 to 9: 0",
	],
	[
		"a fraction",
		number("N", 1, 9),
		"1.5",
		"--x: not a number from 1 to 9: 1.5",
	],
	[
		"a number without a unit",
		DURATION,
		"30",
		"--x: not a duration such as 500ms or 1m30s: 30",
		"30s",
	],
	[
		"another unit",
		DURATION,
		"1d",
		"--x: not a duration such as 500ms or 1m30s: 1d",
	],
	[
		"a negative time",
		DURATION,
		"-1s",
		"--x: not a duration such as 500ms or 1m30s: -1s",
	],
	[
		"a dot without digits",
		DURATION,
		".s",
		"--x: not a duration such as 500ms or 1m30s: .s",
	],
	[
		"no time at all",
		DURATION,
		"",
		"--x: not a duration such as 500ms or 1m30s: ",
	],
	["less than an interval", INTERVAL, "99ms", "--x: shorter than 100ms: 99ms"],
	[
		"less than the least",
		duration("1s"),
		"999ms",
		"--x: shorter than 1s: 999ms",
	],
])("%s is an error of usage", (_, kind, t, message, instead) => {
	const caught = (() => {
		try {
			return kind.parse(t, "--x");
		} catch (e) {
			return e;
		}
	})();
	expect(caught).toBeInstanceOf(UsageError);
	expect(caught).toMatchObject({ message });
	expect((caught as UsageError).instead).toBe(instead);
});

// every object inherits these names, a table of protocols too
test.each(["constructor", "__proto__", "toString", "hasOwnProperty"])(
	"%s: an inherited name is no protocol of ours",
	async (name) => {
		const called = await type("list", "--proto", name);
		expect([called.code, called.out]).toEqual([2, ""]);
		expect(called.err).toBe(
			`conntrack-flush: --proto: not one of udp, tcp, sctp, all, icmp, dccp, gre, esp, ah, icmpv6, udplite: ${name}\nSee conntrack-flush list --help.\n`,
		);
	},
);
