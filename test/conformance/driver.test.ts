// The drivers of network interfaces, of the kinds that a node has.

import { afterAll, beforeAll, describe, test } from "vitest";
import { must, run } from "../support/exec.ts";
import { fakeHost } from "../support/fakehost.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import type { Call, Outcome } from "./probe.ts";
import { check, commandOf, HOSTS, outcomesInFake, type Want } from "./run.ts";

const LONGEST = "fifteen-letters";

const rows: readonly (readonly [name: string, call: Call, want: Want])[] = [
	["a veth", ["driver", "left"], { value: "veth" }],
	["the longest name", ["driver", LONGEST], { value: "veth" }],
	["a bridge", ["driver", "bridge"], { value: "bridge" }],
	["one that has no driver", ["driver", "lo"], ["EOPNOTSUPP", "ioctl"]],
	["no interface", ["driver", "nothing"], ["ENODEV", "ioctl"]],
	["no name", ["driver", ""], ["ENODEV", "ioctl"]],
	["a name that is too long", ["driver", `${LONGEST}!`], ["EINVAL", "ioctl"]],
];
const calls = rows.map(([, call]) => call);

let ns: Namespace;
beforeAll(async () => {
	ns = await createNamespace("driver");
	for (const words of [
		`link add left type veth peer name ${LONGEST}`,
		"link add bridge type bridge",
	])
		await must(ns.inside(["ip", ...words.split(" ")]));
});
afterAll(() => ns.remove());

describe.each(HOSTS)("%s", (host) => {
	let results: readonly Outcome[] = [];
	beforeAll(async () => {
		const { stdout } = await run(ns.inside(commandOf(host, calls)));
		results = JSON.parse(stdout);
	});

	test.each(rows.map(([name, , want], i) => [name, want, i] as const))(
		"%s",
		(_, want, i) => check(results[i], want),
	);
});

test("the fake host knows the interfaces of its test, and without any no such call", async () => {
	const knowing = fakeHost({
		driver: (name) => (name === "left" ? "veth" : undefined),
	});
	const asked: Call[] = [
		["driver", "left"],
		["driver", "nothing"],
	];
	const [veth, nothing] = await outcomesInFake(knowing, asked);
	check(veth, { value: "veth" }, "fake");
	check(nothing, ["ENODEV", "ioctl"], "fake");
	const [got] = await outcomesInFake(fakeHost(), asked);
	check(got, ["ENOSYS", "ioctl"], "fake");
});
