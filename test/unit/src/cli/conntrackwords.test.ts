// The lines that people type who know conntrack(8), as they stand in issues, scripts and
// manuals, and what becomes of each.

import { describe, expect, test } from "vitest";
import { noteOn, translate } from "../../../../src/cli/conntrackwords.ts";
import { flushCommand } from "../../../../src/cli/flush.ts";
import { listCommand } from "../../../../src/cli/list.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { expectUntouched } from "../../../support/unit/calls.ts";
import { type } from "../../../support/unit/commandline.ts";

const FLAGS = { list: listCommand.flags, flush: flushCommand.flags };

/** Returns our words for a line, or the commands of the answer after "type". */
function meaningOf(line: string): string | readonly string[] | undefined {
	try {
		return translate(line.split(" "), FLAGS)?.join(" ");
	} catch (e) {
		if (e instanceof UsageError) return e.commands;
		throw e;
	}
}

describe("takes", () => {
	test.each<[string, string]>([
		["-L", "list --all"],
		["--dump", "list --all"],
		["-L conntrack", "list --all"],
		["conntrack -L", "list --all"],
		["-G -p udp -s 192.0.2.7", "list --all --from 192.0.2.7 --proto udp"],
		["-C", "stats"],
		["--count", "stats"],
		["-C conntrack", "stats"],
		["-C -p udp", "stats -p udp"],
		["-S", "stats --per-cpu"],
		["-L -p udp", "list --all --proto udp"],
		["-L -p UDP", "list --all --proto udp"],
		["-L -pudp", "list --all --proto udp"],
		["-L -p 17", "list --all --proto udp"],
		["-L --proto udp", "list --all --proto udp"],
		["-L -p icmp", "list --all --proto icmp"],
		["-L -p 47", "list --all --proto gre"],
		["-p udp -L", "list --all --proto udp"],
		["-L -p udp --dport 8125", "list --all --to :8125 --proto udp"],
		["-L -p UDP --orig-port-dst 10001", "list --all --to :10001 --proto udp"],
		["-L -p udp --orig-port-dst=8125", "list --all --to :8125 --proto udp"],
		["-L -p tcp --sport 40000", "list --all --from :40000 --proto tcp"],
		["-L -s 192.0.2.7", "list --all --from 192.0.2.7"],
		["-L --src 192.0.2.7", "list --all --from 192.0.2.7"],
		["-L -d 10.96.0.10", "list --all --to 10.96.0.10"],
		[
			"-L -d 10.96.0.10 -o extended",
			"list --all --to 10.96.0.10 --output wide",
		],
		["-L -o extended", "list --all --output wide"],
		["-L -o id,extended", "list --all --output wide"],
		["-L -o json", "list --all --output json"],
		["-L --json", "list --all --output json"],
		["-L -f ipv6", "list --all --family ipv6"],
		[
			"-L -f ipv4 --zone 0 -p udp -s 192.0.2.7 -d 192.0.2.1 --sport 9 --dport 53",
			"list --all --from 192.0.2.7:9 --to 192.0.2.1:53 --proto udp --family ipv4 --zone 0",
		],
		["-L -w 3", "list --all --zone 3"],
		["-L -r 10.88.0.2", "list --all --leads-to 10.88.0.2"],
		[
			"-L --reply-src 10.88.0.2 --reply-port-src 53",
			"list --all --leads-to 10.88.0.2:53",
		],
		["-L -q 203.0.113.10", "list --all --answered-at 203.0.113.10"],
		[
			"-L --reply-dst 203.0.113.10 --reply-port-dst 9",
			"list --all --answered-at 203.0.113.10:9",
		],
		["-L --src-nat 203.0.113.10", "list --all --answered-at 203.0.113.10"],
		["-L -n 203.0.113.10", "list --all --answered-at 203.0.113.10"],
		["-L -g 10.88.0.2", "list --all --leads-to 10.88.0.2"],
		["-L --dst-nat 10.88.0.2", "list --all --leads-to 10.88.0.2"],
		["-D -s 192.0.2.7", "flush --from 192.0.2.7"],
		["-D -s 143.89.0.0/16", "flush --from 143.89.0.0/16"],
		["--delete --orig-src 192.0.2.7", "flush --from 192.0.2.7"],
		["-D --orig-dst 10.240.0.3 -p udp", "flush --to 10.240.0.3 --proto udp"],
		[
			"-D --orig-dst 10.96.0.10 --dst-nat 10.88.0.2 -p udp",
			"flush --to 10.96.0.10 --leads-to 10.88.0.2 --proto udp",
		],
		[
			"-D -p udp --orig-port-src 5060 --orig-dst 198.51.100.9 --orig-port-dst 5060",
			"flush --from :5060 --to 198.51.100.9:5060 --proto udp",
		],
		[
			"-D -p udp -s 192.0.2.7 --dport 53",
			"flush --from 192.0.2.7 --to :53 --proto udp",
		],
		[
			"-D -f ipv6 -d fd00::1 --dport 53 -p udp",
			"flush --to [fd00::1]:53 --proto udp --family ipv6",
		],
		["-D --reply-src 10.88.0.2", "flush --leads-to 10.88.0.2"],
		["-D -r 10.88.0.2 -p udp", "flush --leads-to 10.88.0.2 --proto udp"],
		["-D --reply-dst 203.0.113.10", "flush --answered-at 203.0.113.10"],
		["-D -q 203.0.113.10 -o id", "flush --answered-at 203.0.113.10"],
		["-D -p udp", "flush --proto udp"],
		["-D", "flush"],
		["-D conntrack -s 192.0.2.7 -w 0", "flush --from 192.0.2.7 --zone 0"],
		["-D -s 192.0.2.7 --zone 0", "flush --from 192.0.2.7 --zone 0"],
		["-D -s 192.0.2.7 -n", "flush --from 192.0.2.7 -n"],
		["-D -p udp --port 8125", "flush --host-port 8125 --proto udp"],
		["list -p udp", "list --proto udp"],
		["list --port 8125", "list --host-port 8125"],
		["list --json", "list --output json"],
		["list -o extended --stale", "list --output wide --stale"],
		[
			"list -s 192.0.2.7 --dport 53 -o json",
			"list --from 192.0.2.7 --to :53 --output json",
		],
		["list -n 203.0.113.10", "list --answered-at 203.0.113.10"],
		["list -w -p udp", "list --proto udp -w"],
		["flush -p udp 8125 -n", "flush --proto udp 8125 -n"],
		["flush -p udp --zone 3 8125", "flush --proto udp --zone 3 8125"],
		[
			"flush -s 192.0.2.7 --proto udp --proto tcp",
			"flush --from 192.0.2.7 --proto udp --proto tcp",
		],
		["flush --from 192.0.2.7 --dport 53", "flush --to :53 --from 192.0.2.7"],
		["flush -f ipv6 --stale", "flush --family ipv6 --stale"],
	])("%s", (line, want) => expect(meaningOf(line)).toBe(want));
});

describe("answers with what to type", () => {
	const ANY = "list --all";
	test.each<[string, string[]]>([
		["-F", ["flush --stale --dry-run", "flush --stale"]],
		["--flush", ["flush --stale --dry-run", "flush --stale"]],
		["-F conntrack", ["flush --stale --dry-run", "flush --stale"]],
		["-E", ["list --watch"]],
		["-E -p udp", ["list --watch"]],
		["--event --orig-src 192.0.2.7", ["list --watch"]],
		["-I -p udp -s 192.0.2.7", ["list --help"]],
		["-U -m 1", ["list --help"]],
		["-L expect", [ANY]],
		["-D expect", [ANY]],
		["-L dying", [ANY]],
		[
			"-D -p udp --dport 53",
			["flush --host-port 53 --proto udp", "flush --to :53 --proto udp"],
		],
		[
			"-D -p udp --orig-port-dst 8125",
			["flush --host-port 8125 --proto udp", "flush --to :8125 --proto udp"],
		],
		[
			"-D -p tcp --dport 22 -f ipv6",
			[
				"flush --host-port 22 --proto tcp --family ipv6",
				"flush --to :22 --proto tcp --family ipv6",
			],
		],
		["flush --dport 53 -n", ["flush --host-port 53 -n", "flush --to :53 -n"]],
		["-D --src-nat 203.0.113.10", ["flush --answered-at 203.0.113.10"]],
		[
			"-D -n 203.0.113.10 -p udp",
			["flush --answered-at 203.0.113.10 --proto udp"],
		],
		["-D -p icmp -s 192.0.2.7", [ANY]],
		["-L -o xml", [`${ANY} --output json`]],
		["-D -s 192.0.2.7 -o save", ["flush --from 192.0.2.7 --output json"]],
		["-L -z", [ANY]],
		["-L --src-nat", [`${ANY} -o wide`]],
		["-L -g", [`${ANY} -o wide`]],
		["-L -j -p udp", [`${ANY} --proto udp -o wide`]],
		["-L -m 5", [`${ANY} -o jsonl | jq -c 'select(.mark == 5)'`]],
		["--delete --mark 0x10", [`${ANY} -o jsonl | jq -c 'select(.mark == 16)'`]],
		["-L -m 1/1", [`${ANY} -o wide`]],
		[
			"-L -u ASSURED",
			[`${ANY} -o jsonl | jq -c 'select(.status | index("ASSURED"))'`],
		],
		[
			"--delete --orig-src 192.0.2.7 --proto udp --status UNREPLIED",
			[
				`${ANY} --from 192.0.2.7 --proto udp -o jsonl | jq -c 'select(.status | index("SEEN_REPLY") | not)'`,
			],
		],
		[
			"-L -p tcp --state ESTABLISHED",
			[
				`${ANY} --proto tcp -o jsonl | jq -c 'select(.tcpState == "ESTABLISHED")'`,
			],
		],
		["-D -i 42", [`${ANY} -o jsonl | jq -c 'select(.id == 42)'`]],
		["-D -s 10.88.0.0 --mask-src 255.255.0.0", [`${ANY} --from 10.88.0.0`]],
		["-D --orig-zone 9 -s 192.0.2.7", [`${ANY} --from 192.0.2.7 --zone 9`]],
		["-D -s 192.0.2.7 -w 3", ["flush --from 192.0.2.7 --zone 3"]],
		["-D -s 192.0.2.7 --zone=3 -n", ["flush --from 192.0.2.7 --zone=3 -n"]],
		["flush -w 3 8125", ["flush --zone 3 8125"]],
		["list -w 3 -p udp", ["list --zone 3", "list --watch 3"]],
	])("%s", (line, want) => expect(meaningOf(line)).toEqual(want));

	test.each([
		["-D -s", "-s needs a value"],
		["-D -s  -d 10.88.0.2", "-s needs a value"],
		["-D --src= -d 10.88.0.2", "--src needs a value"],
		["-D --src= 192.0.2.7 -d 10.88.0.2", "--src needs a value"],
		["flush --from 192.0.2.7 --dport ", "--dport needs a value"],
		["-D -s -p udp", "-s needs a value"],
		[
			"-D -s 192.0.2.7 --src 192.0.2.8",
			"--src or another name of it was given twice",
		],
		[
			"-D -r 10.88.0.2 -g 10.88.0.3",
			"no entry has both -r 10.88.0.2 and -g 10.88.0.3",
		],
	])("%s: %s", (line, message) =>
		expect(() => translate(line.split(" "), FLAGS)).toThrow(message),
	);
});

test.each([
	"frobnicate",
	"--frob",
	"-s 192.0.2.7",
	"gc -L",
	"list --frob",
	"list --stale --proto udp",
	"list -o jsn",
	"flush --stale -n -y",
	"flush",
	"",
	"toString",
	"--constructor -__proto__",
])("leaves alone what is none of its words: %s", (line) =>
	expect(meaningOf(line)).toBeUndefined(),
);

test("a removal that is taken has every condition that was typed", () => {
	const options = [
		["-s", "192.0.2.7"],
		["--sport", "1001"],
		["-d", "198.51.100.9"],
		["--dport", "1002"],
		["-r", "10.88.0.2"],
		["--reply-port-src", "1003"],
		["-q", "203.0.113.10"],
		["--reply-port-dst", "1004"],
		["-g", "10.88.0.9"],
		["-p", "udp"],
	] as const;
	let taken = 0;
	for (let set = 1; set < 1 << options.length; set++) {
		const typed = options.filter((_, i) => set & (1 << i));
		let words: string;
		try {
			words = translate(["-D", ...typed.flat()], FLAGS)?.join(" ") ?? "";
		} catch (e) {
			expect(e).toBeInstanceOf(UsageError);
			continue;
		}
		taken++;
		for (const [, value] of typed) expect(words).toContain(value);
	}
	expect(taken).toBeGreaterThan(500);
});

test("says what words were taken as, and what a removal leaves", () => {
	expect(noteOn(["flush", "--proto", "tcp", "-n"])).toBe(
		"taken as: conntrack-flush flush --proto tcp -n (TCP without NAT stays)",
	);
	expect(noteOn(["flush", "--proto", "udp"])).toBe(
		"taken as: conntrack-flush flush --proto udp",
	);
	expect(noteOn(["list", "--to", "[fd00::1]:53"])).toBe(
		"taken as: conntrack-flush list --to '[fd00::1]:53'",
	);
	expect(noteOn(["flush", "--from", "192.0.2.7"])).toBe(
		"taken as: conntrack-flush flush --from 192.0.2.7 (udp only; --proto all is for every protocol)",
	);
});

describe("on the command line", () => {
	test("what is taken runs, and says so", async () => {
		const called = await type("-D", "-s", "192.0.2.7", "-p", "udp");
		expect([called.code, called.err]).toEqual([
			0,
			"taken as: conntrack-flush flush --from 192.0.2.7 --proto udp\n",
		]);
		expect(called.out).toBe("deleted 3, already gone 0, kept 1\n");
	});

	test.each<[string, string]>([
		[
			"-F",
			"-F empties the whole table, which nothing here does\nType one of:\n  conntrack-flush flush --stale --dry-run\n  conntrack-flush flush --stale\n",
		],
		[
			"-E",
			"-E follows events, which nothing here does; list can repeat itself\nType:\n  conntrack-flush list --watch\n",
		],
		[
			"-D -p udp --dport 53",
			"port 53 may be one of this node, or of any host\nType one of:\n  conntrack-flush flush --host-port 53 --proto udp\n  conntrack-flush flush --to :53 --proto udp\n",
		],
	])("%s is answered, and nothing is done", async (line, answer) => {
		const called = await type(...line.split(" "));
		expectUntouched(called);
		expect(called.host.calls).toEqual([]);
		expect([called.code, called.out, called.err]).toEqual([
			2,
			"",
			`conntrack-flush: ${answer}`,
		]);
	});

	test("a removal of everything is none", async () => {
		for (const line of ["-D", "-D -p udp", "--delete conntrack"]) {
			const called = await type(...line.split(" "));
			expectUntouched(called);
			expect([called.code, called.out]).toEqual([2, ""]);
			expect(called.err).toMatch(
				/flush needs a condition: .*\nSee conntrack-flush flush --help\.\n$/,
			);
		}
	});
});
