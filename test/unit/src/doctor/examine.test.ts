// All checks of a node together, and what the command makes of them.

import { describe, expect, test } from "vitest";
import type { Finding } from "../../../../src/doctor/finding.ts";
import { errorMessage } from "../../../support/entries.ts";
import { DIR, expectUntouched } from "../../../support/unit/calls.ts";
import {
	ADD,
	CONF_DIR,
	DEL,
	doctor,
	GOOD,
	list,
	type NodeOptions,
	PORTMAP,
} from "../../../support/unit/checkup.ts";
import { dnat } from "../../../support/unit/nftables.ts";

test("a node on which all is well: exit 0, nothing changed", async () => {
	const called = await doctor();
	expect([called.code, called.err]).toEqual([0, ""]);
	expect(called.out).toBe(`ok    capability: CAP_NET_ADMIN is there
ok    ctnetlink: answers
ok    kernel: Linux 6.1.0-1: filtered dump yes, kernel flush no, retire yes
ok    conflist: ${CONF_DIR}/10.conflist lists the plugin, after portmap
ok    DNAT rules: none of portmap, netavark, Docker, CRI-O or Incus
ok    stale entries: no port mapping is recorded in ${DIR} or cached in /var/lib/cni
ok    table fill: 3 of 1000 entries (0.3 %)
ok    races: no packets of new flows were lost
ok    SNAT rules: none
`);
	expectUntouched(called);
});

test("a directory of configurations that cannot be read keeps nothing else from being checked", async () => {
	const { code, out } = await doctor({
		fail: (c, path) =>
			c === "readDir" && path === CONF_DIR ? "EACCES" : undefined,
	});
	expect(code).toBe(0);
	expect(out).toMatch(/^warn {2}conflist: could not be checked: .*EACCES/m);
	expect(out).toMatch(/^ok {4}table fill/m);
});

/** A node of Docker. */
const DOCKER = {
	chains: [
		{
			family: 2,
			table: "nat",
			chain: "DOCKER",
			rules: [dnat(8125, "172.17.0.2", 5353)],
		},
	],
};
const CHECKED = `ok    capability: CAP_NET_ADMIN is there
ok    ctnetlink: answers
ok    kernel: Linux 6.1.0-1: filtered dump yes, kernel flush no, retire yes
`;
const OTHERS = `\
ok    DNAT rules: 1 of docker, none left over
ok    stale entries: none, of the ports that rules publish
ok    table fill: 3 of 1000 entries (0.3 %)
ok    races: no packets of new flows were lost
ok    SNAT rules: none
`;

describe("a node without CNI", () => {
	test("is known as such, and everything else is checked: exit 0", async () => {
		const { code, out } = await doctor({ ...DOCKER, hasNoCNI: true });
		expect(code).toBe(0);
		expect(out).toBe(
			`${CHECKED}ok    CNI: this node has none: there is no directory of configurations, and no attachment is recorded
${OTHERS}`,
		);
	});

	test("that has an empty directory for it is not known as such, and hears of the flag", async () => {
		const { code, out } = await doctor({
			...DOCKER,
			hasNoCNI: true,
			files: { [`${CONF_DIR}/README`]: "" },
		});
		expect(code).toBe(3);
		expect(out).toMatch(/^fail {2}conflist: .* has no configuration$/m);
		expect(out.replace(/\s+/g, " ")).toContain("--without cni");
	});

	test("is what --without cni says: neither a conflist nor a record is missing or wrong", async () => {
		const { code, out } = await doctor({
			...DOCKER,
			flags: ["--without", "cni"],
			files: {
				[`${CONF_DIR}/10.conflist`]: list(PORTMAP),
				[`${DIR}/x:y:z.json`]: "{",
				[`${DIR}/unusable`]: "why",
			},
		});
		expect([code, out]).toEqual([
			0,
			`${CHECKED}ok    CNI: left out, by --without cni\n${OTHERS}`,
		]);
	});

	test("hears nothing of an arrangement of plugin items if its kernel cannot retire", async () => {
		const { out } = await doctor({
			hasNoCNI: true,
			answer: (r) =>
				r.protocol === 12 && r.type === 0x0100
					? [errorMessage(95, r.seq)]
					: undefined,
		});
		expect(out).toMatch(/^ok {4}kernel: .* retire no$/m);
	});

	test("hears what no kernel can do without", async () => {
		const { code, out } = await doctor({
			hasNoCNI: true,
			answer: (r) => [errorMessage(1, r.seq)],
		});
		expect(code).toBe(3);
		expect(out).toMatch(/^fail {2}capability/);
		expect(out).toMatch(/^ok {4}CNI: this node has none/m);
	});
});

test("no directory of configurations where one may be: what to type", async () => {
	const { code, out } = await doctor({ flags: ["--host-root", "/host"] });
	expect(code).toBe(3);
	expect(out).toMatch(
		/^fail {2}conflist: none of .*is there\n(.*\n)*? .*--cni-conf-dir/m,
	);
});

test.each<[string, string[], string]>([
	["k3s, without a flag", [], "/var/lib/rancher/k3s/agent/etc/cni/net.d"],
	["where it is told", ["--cni-conf-dir", "/x"], "/x"],
	["under a prefix", ["--host-root", "/host"], "/host/etc/cni/net.d"],
])("the configuration is found: %s", async (_, flags, dir) => {
	const { out } = await doctor({
		flags,
		files: { [`${dir}/05.conflist`]: GOOD },
	});
	expect(out).toMatch(
		`ok    conflist: ${dir}/05.conflist lists the plugin, after portmap\n`,
	);
});

test("the file of the network is the one that is named", async () => {
	const { out } = await doctor({
		flags: ["--master-cni-file-name", "20.conflist"],
		files: { [`${CONF_DIR}/20.conflist`]: list(DEL, PORTMAP, ADD) },
	});
	expect(out).toMatch(/20\.conflist lists the plugin, split around portmap/);
});

test("on a terminal it has no line that does not fit", async () => {
	const { out } = await doctor({ columns: 60 });
	expect(out).toContain(
		"ok    kernel: Linux 6.1.0-1: filtered dump yes, kernel\n      flush no, retire yes\n",
	);
	expect(out.split("\n").filter((l) => l.length > 60)).toEqual([]);
});

test("as JSON", async () => {
	const { out } = await doctor({ flags: ["-o", "json"] });
	expect(JSON.parse(out).map((f: Finding) => [f.check, f.status])).toEqual(
		[
			"capability",
			"ctnetlink",
			"kernel",
			"conflist",
			"DNAT rules",
			"stale entries",
			"table fill",
			"races",
			"SNAT rules",
		].map((c) => [c, "ok"]),
	);
});

test.each<[string, NodeOptions, RegExp]>([
	[
		"the capability is missing",
		{ answer: (r) => [errorMessage(1, r.seq)] },
		/^fail {2}capability: CAP_NET_ADMIN is missing/,
	],
	[
		"ctnetlink is missing",
		{ answer: (r) => [errorMessage(22, r.seq)] },
		/^fail {2}ctnetlink: the kernel does not have it\n {6}modprobe nf_conntrack_netlink/,
	],
	[
		"netfilter's netlink is missing",
		{ kernel: { refuse: () => "EPROTONOSUPPORT" } },
		/^fail {2}ctnetlink: the kernel does not have it/,
	],
])("%s: what needs it is not checked, exit 3", async (_, options, want) => {
	const { code, out } = await doctor(options);
	expect(code).toBe(3);
	expect(out).toMatch(want);
	expect(out).toMatch(/^ok {4}conflist/m);
	expect(out).not.toMatch(/DNAT rules|stale|table fill|kernel:/);
});

test("a check for which there is too little memory: what that means, and not to try again", async () => {
	const { code, out } = await doctor({
		answer(r) {
			// as the engine does
			if (r.type === 0x0a04) throw null;
			return undefined;
		},
	});
	expect(code).toBe(0);
	expect(out).toMatch(
		/^warn {2}DNAT rules: could not be checked: out of memory\n {6}the rules, or ports that are not in a row, are too many/m,
	);
	expect(out).not.toContain("try again");
});

test.each([
	[0x0a04, "DNAT rules"],
	[0x0102, "kernel"],
])(
	"a check that fails (%i): a warning, and the rest is checked",
	async (type, check) => {
		const { code, out } = await doctor({
			answer: (r) => (r.type === type ? ["ENOMEM"] : undefined),
		});
		expect(code).toBe(0);
		expect(out).toMatch(
			new RegExp(`^warn {2}${check}: could not be checked: .*ENOMEM`, "m"),
		);
		expect(out).toMatch(/^ok {4}table fill/m);
	},
);
