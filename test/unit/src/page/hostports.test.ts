// The section of hostPorts: its rows, its commands and its empty states.

import { describe, expect, test } from "vitest";
import { hostPortsSection } from "../../../../src/page/hostports.ts";
import type { HostPort } from "../../../../src/page/tally.ts";
import { EPOCH } from "../../../support/fakehost.ts";
import {
	ATTACHMENT,
	hostPort,
	tallied,
	textOf,
} from "../../../support/unit/pages.ts";

const shown = (
	hostPorts: readonly HostPort[],
	change: Partial<ReturnType<typeof tallied>> = {},
	flags = "",
): string =>
	hostPortsSection(
		{ at: EPOCH, tally: { ...tallied(...hostPorts), ...change } },
		undefined,
		flags,
	).html;

describe("a row says", () => {
	const COUNTS = { entries: 7, live: 3, stale: 4, bypassing: 1 };
	test.each<[string, Partial<HostPort>, string]>([
		[
			"who has it, for how long, and its entries",
			COUNTS,
			"udp 8125 ns/pod for 1 min 7 3 4 1",
		],
		[
			"the container, if the runtime named no pod",
			{ attachment: { ...ATTACHMENT, pod: undefined } },
			"udp 8125 container 4f2e4f2e4f2e for 1 min 0",
		],
		["no time that nobody knows", { heldMs: undefined }, "udp 8125 ns/pod 0"],
		[
			"the address that it is for",
			{ hostIP: "203.0.113.1" },
			"udp 203.0.113.1:8125 ns/pod",
		],
		["many ports in one", { count: 100, proto: 6 }, "tcp 8125-8224 ns/pod"],
		[
			"many ports of one address",
			{ hostIP: "fd00::1", count: 3 },
			"udp [fd00::1]:8125-8127 ns/pod",
		],
		[
			"the command for one address",
			{ hostIP: "203.0.113.1" },
			"list --host-port 8125 --host-ip 203.0.113.1 --proto udp",
		],
		[
			"where the rules of another program send it",
			{ attachment: undefined, target: "172.17.0.2:53" },
			"udp 8125 published by the rules of another program, at 172.17.0.2:53",
		],
		[
			"which command shows it",
			{},
			"see them: conntrack-flush list --host-port 8125 --proto udp",
		],
		[
			"which command repairs it, if it needs that",
			{ stale: 1 },
			"remove it: conntrack-flush flush --stale --host-port 8125 --proto udp -n",
		],
		[
			"the same for what the rules alone tell",
			{ stale: 1, attachment: undefined },
			"flush --stale --rules --host-port 8125",
		],
		[
			"clients, if there are any in it",
			{ stale: 1, examples: ["192.0.2.7:3 sends to <b>"] },
			"stale: 192.0.2.7:3 sends to <b>",
		],
	])("%s", (_, change, want) =>
		expect(textOf(shown([hostPort(change)]))).toContain(want),
	);

	test("nothing of a repair that no command can make", () =>
		expect(
			shown([hostPort({ attachment: undefined, proto: 6, stale: 1 })]),
		).not.toContain("--stale"));

	test("nothing of a repair, if there is nothing to repair", () =>
		expect(shown([hostPort({ live: 2 })])).not.toContain("--stale"));

	test("with which flags a command finds the records", () =>
		expect(shown([hostPort()], {}, " --data-dir /x")).toContain(
			"--proto udp --data-dir /x</code>",
		));
});

test("a hostile name is text", () => {
	const pod = `<script>alert(1)</script>" onload="x`;
	const html = shown([hostPort({ attachment: { ...ATTACHMENT, pod } })]);
	expect(html).not.toContain("<script");
	expect(html).not.toContain('onload="');
	expect(textOf(html)).toContain(pod);
});

test("what is stale comes first, and then the ports in their order", () => {
	const html = shown([
		hostPort({ hostPort: 9 }),
		hostPort({ hostPort: 7, stale: 1 }),
		hostPort({ hostPort: 8 }),
	]);
	expect([...html.matchAll(/scope="row">udp (\d)/g)].map(([, p]) => p)).toEqual(
		["7", "8", "9"],
	);
});

test("so many rows at most, and what is left out is counted", () => {
	const many = Array.from({ length: 150 }, (_, i) =>
		hostPort({ hostPort: 1000 + i, entries: 2, live: 2, count: 10 }),
	);
	const html = shown(many, {
		portsLeftOut: 30,
		others: { entries: 5, live: 0, stale: 5, bypassing: 4 },
	});
	expect([...html.matchAll(/scope="row"/g)]).toHaveLength(100);
	expect(html).toContain(
		"And 530 more ports, with 105 entries: 100 live, 5 stale, 4 of these bypassing.",
	);
	expect(html).toContain("Stale entries keep traffic from their pods: 5.");
	expect(html).toContain("305 entries: 300 live, 5 stale");
});

describe("in words", () => {
	test.each<[string, string, string]>([
		["no hostPort", shown([]), "No pod with a hostPort is recorded or cached"],
		[
			"all is well",
			shown([hostPort()]),
			"No entry keeps traffic from its pod.",
		],
		[
			"rules that cannot be read",
			shown([], { withoutRules: "Error: EPERM" }),
			"Judged by the records alone: Error: EPERM",
		],
		[
			"entries that cannot be read",
			shown([], { undecodable: 3 }),
			"3 entries could not be decoded.",
		],
		[
			"a table that cannot be read",
			hostPortsSection(undefined, "NetlinkError: EPERM", "").html,
			"The entries could not be counted: NetlinkError: EPERM",
		],
	])("%s", (_, html, want) => expect(textOf(html)).toContain(want));
});
