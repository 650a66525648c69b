// The checks of a node, one by one, and what the command makes of them.

import { describe, expect, test } from "vitest";
import { checkConflist } from "../../../../src/doctor/conflist.ts";
import type { Finding } from "../../../../src/doctor/finding.ts";
import {
	attr,
	be32,
	doneMessage,
	errorMessage,
	message,
	nfgenmsg,
} from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import type { Reply, Request } from "../../../support/fakekernel.ts";
import {
	type CallOptions,
	call,
	DIR,
	expectUntouched,
} from "../../../support/unit/calls.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";
import { ENTRIES, records } from "../../../support/unit/garbage.ts";

const CONF_DIR = "/etc/cni/net.d";
const CACHE = "/var/lib/cni/results";
const PORTMAP = { type: "portmap", capabilities: { portMappings: true } };
const OURS = { type: "conntrack-flush", capabilities: { portMappings: true } };
const DEL = { ...OURS, on: "del" };
const ADD = { ...OURS, on: "add" };
const list = (...plugins: object[]): string =>
	JSON.stringify({ name: "podnet", cniVersion: "1.0.0", plugins });
const GOOD = list({ type: "bridge" }, PORTMAP, OURS);

/** `fail: what …`, without paths. */
const brief = (findings: readonly Finding[]): string[] =>
	findings.map((f) => `${f.status}: ${f.found.replaceAll(`${CONF_DIR}/`, "")}`);

describe("conflist", () => {
	const check = (files: Record<string, string>) =>
		checkConflist(
			fakeHost({
				files: Object.fromEntries(
					Object.entries(files).map(([name, text]) => [
						`${CONF_DIR}/${name}`,
						text,
					]),
				),
			}),
			CONF_DIR,
			undefined,
		);
	test.each<[string, Record<string, string>, RegExp[]]>([
		[
			"after portmap",
			{ "10.conflist": GOOD },
			[/^ok: 10.conflist lists the plugin, after portmap$/],
		],
		[
			"around portmap",
			{ "10.conflist": list(DEL, PORTMAP, ADD) },
			[/^ok: .*, around portmap$/],
		],
		[
			"not listed",
			{ "10.conflist": list(PORTMAP) },
			[/^fail: 10.conflist does not list the plugin$/],
		],
		[
			"before portmap",
			{ "10.conflist": list(OURS, PORTMAP) },
			[/^fail: entry 1 .* before portmap/],
		],
		[
			"without the capability",
			{ "10.conflist": list(PORTMAP, { type: "conntrack-flush" }) },
			[/^fail: entry 2 .* capability/],
		],
		[
			"with the capability set to false",
			{
				"10.conflist": list(PORTMAP, {
					...OURS,
					capabilities: { portMappings: false },
				}),
			},
			[/^fail: .* capability/],
		],
		[
			"the wrong way around",
			{ "10.conflist": list(ADD, PORTMAP, DEL) },
			[/^fail: entry 1 .*ADD/, /^fail: entry 3 .*DEL/],
		],
		[
			"nothing acts on DEL",
			{ "10.conflist": list(PORTMAP, ADD) },
			[/^warn: .* acts on DEL$/],
		],
		[
			"nothing acts on ADD",
			{ "10.conflist": list(DEL, PORTMAP) },
			[/^warn: .* acts on ADD$/],
		],
		[
			"CRI-O: the pod as a whole, and no portmap",
			{
				"10.conflist": list(
					{ type: "bridge" },
					{ type: "conntrack-flush", scope: "pod" },
				),
			},
			[/^ok: 10.conflist lists the plugin$/],
		],
		[
			"no portmap",
			{ "10.conflist": list(OURS) },
			[/^warn: .* does not list portmap$/],
		],
		[
			"the first by name is what counts",
			{ "20.conflist": GOOD, "10.conflist": list(PORTMAP) },
			[/^fail: 10.conflist/],
		],
		[
			"other files do not count",
			{ "00.txt": "x", "10.conflist": GOOD, "05.conflist.bak": "x" },
			[/^ok/],
		],
		[
			"one that cannot be read, with which containerd loads nothing",
			{ "00.conf": "{", "10.conflist": GOOD },
			[/^fail: 00.conf is no network configuration: not JSON$/],
		],
		[
			"a plugin that is null",
			{ "10.conflist": '{"name":"n","plugins":[null]}' },
			[/^fail: 10.conflist is no network configuration: plugin 0 has no type$/],
		],
		[
			"a single plugin",
			{ "10.conf": JSON.stringify({ type: "bridge" }) },
			[/^fail: 10.conf configures the single plugin bridge$/],
		],
		[
			"behind Multus, which passes on to the next",
			{
				"00-multus.conf": JSON.stringify({ name: "m", type: "multus" }),
				"10.conflist": GOOD,
			},
			[/^ok: 10.conflist lists the plugin, after portmap$/],
		],
		[
			"a drop-in behind Multus, which reads none",
			{
				"00-multus.conf": JSON.stringify({ name: "m", type: "multus" }),
				"10.conflist": list(PORTMAP),
				"podnet/90-x.conf": JSON.stringify(OURS),
			},
			[/^fail: 10.conflist does not list/],
		],
		[
			"a drop-in that is not loaded, as a text",
			{
				"10.conflist": JSON.stringify({
					name: "podnet",
					plugins: [PORTMAP],
					loadOnlyInlinedPlugins: "true",
				}),
				"podnet/90-x.conf": JSON.stringify(OURS),
			},
			[/^fail: .* does not list/],
		],
		[
			"twice after portmap",
			{ "10.conflist": list(PORTMAP, OURS, OURS) },
			[
				/^warn: entries 2 and 3 of .* all act on ADD/,
				/^warn: entries 2 and 3 of .* all act on DEL/,
			],
		],
		[
			"in the conflist and in a drop-in",
			{
				"10.conflist": list(DEL, PORTMAP, ADD),
				"podnet/90-x.conf": JSON.stringify(OURS),
			},
			[/^warn: entries 3 and 4 .* ADD/, /^warn: entries 1 and 4 .* DEL/],
		],
		[
			"before portmap for DEL, after it for both",
			{ "10.conflist": list(DEL, PORTMAP, OURS) },
			[/^warn: entries 1 and 3 .* DEL/],
		],
		[
			"on a verb that there is not",
			{ "10.conflist": list(PORTMAP, { ...OURS, on: "ADD" }) },
			[
				/^fail: entry 2 of 10.conflist has "on": "ADD", which every call refuses/,
			],
		],
		[
			"around portmap, with records in two places",
			{ "10.conflist": list(DEL, PORTMAP, { ...ADD, dataDir: "/run/x" }) },
			[/^fail: .* different directories: .*flush, \/run\/x$/],
		],
		[
			"around portmap, one of them with the directory that is the default",
			{ "10.conflist": list({ ...DEL, dataDir: DIR }, PORTMAP, ADD) },
			[/^ok: .*, around portmap$/],
		],
		[
			"a drop-in",
			{
				"10.conflist": list(PORTMAP),
				"podnet/90-x.conf": JSON.stringify(OURS),
			},
			[/^ok: .* after portmap/],
		],
		[
			"a drop-in of another network",
			{ "10.conflist": list(PORTMAP), "other/90-x.conf": JSON.stringify(OURS) },
			[/^fail: .* does not list/],
		],
		[
			"a drop-in that is not loaded",
			{
				"10.conflist": JSON.stringify({
					name: "podnet",
					plugins: [PORTMAP],
					loadOnlyInlinedPlugins: true,
				}),
				"podnet/90-x.conf": JSON.stringify(OURS),
			},
			[/^fail: .* does not list/],
		],
		["no files", { "x.txt": "" }, [/^fail: .* has no configuration$/]],
		[
			"nothing but null",
			{ "10.conflist": "null" },
			[/^fail: .* not a JSON object$/],
		],
	])("%s", (_, files, want) => {
		const found = brief(check(files));
		expect(found.length, found.join("\n")).toBe(want.length);
		want.forEach((w, i) => {
			expect(found[i]).toMatch(w);
		});
	});

	test("no directory", () => {
		const found = checkConflist(fakeHost({}), CONF_DIR, undefined);
		expect(brief(found)).toEqual([`fail: there is no directory ${CONF_DIR}`]);
	});

	test("every failure and warning says what to do", () => {
		for (const files of [
			{},
			{ "a.conf": "{" },
			{ "a.conf": list() },
			{ "a.conf": list(OURS, PORTMAP, DEL) },
		])
			for (const f of check(files))
				expect(f.advice === undefined).toBe(f.status === "ok");
	});
});

describe("the command", () => {
	const RULES = readRecorded("rules.hex");
	interface Options {
		readonly files?: Readonly<Record<string, string>>;
		readonly rules?: readonly string[];
		readonly fill?: readonly [number, number];
		readonly answer?: (r: Request) => readonly Reply[] | undefined;
		readonly kernel?: CallOptions["kernel"];
		readonly flags?: readonly string[];
		readonly columns?: number;
		readonly fail?: (call: string, path: string) => string | undefined;
	}
	const doctor = (options: Options = {}) => {
		const [entries, max] = options.fill ?? [3, 1000];
		const answer = (r: Request): readonly Reply[] | undefined => {
			const special = options.answer?.(r);
			if (special) return special;
			switch (r.protocol === 12 ? r.type : 0) {
				case 0x0105:
					return [
						message(
							{ type: r.type, seq: r.seq },
							nfgenmsg(0),
							attr(1, be32(entries)),
							attr(2, be32(max)),
						),
					];
				case 0x0104:
					return [doneMessage(r.seq)];
				case 0x0a07:
					return [
						...RULES.filter(({ name }) => options.rules?.includes(name)).map(
							({ message: bytes }) => {
								const copy = bytes.slice();
								new DataView(copy.buffer).setUint32(8, r.seq, true);
								return copy;
							},
						),
						doneMessage(r.seq),
					];
				case 0x0101:
					// the probe for filtered dumps
					return r.payload[0] === 99 ? [errorMessage(22, r.seq)] : undefined;
				default:
					return undefined;
			}
		};
		return call("", {
			env: { CNI_COMMAND: undefined },
			kernel: { answer, ...options.kernel },
			host: {
				argv: ["doctor", ...(options.flags ?? [])],
				...(options.fail && { fail: options.fail }),
				...(options.columns && { columns: options.columns }),
				files: {
					[`${CONF_DIR}/10.conflist`]: GOOD,
					"/proc/sys/kernel/osrelease": "6.1.0-1\n",
					...options.files,
				},
			},
		});
	};
	const cached = (address: string) => ({
		[`${CACHE}/podnet-4f2e-eth0`]: JSON.stringify({
			result: { ips: [{ address }] },
		}),
	});

	test("a node on which all is well: exit 0, nothing changed", async () => {
		const called = await doctor();
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.out).toBe(`ok    capability: CAP_NET_ADMIN is there
ok    ctnetlink: answers
ok    kernel: Linux 6.1.0-1: filtered dump yes, kernel flush no, retire yes
ok    conflist: ${CONF_DIR}/10.conflist lists the plugin, after portmap
ok    DNAT rules: 0 of hostPorts, none left over
ok    stale entries: no attachment is recorded in ${DIR} or cached in /var/lib/cni
ok    table fill: 3 of 1000 entries (0.3 %)
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
		expect(out).toMatch(/20\.conflist lists the plugin, around portmap/);
	});

	describe("records", () => {
		test("that cannot be read are counted", async () => {
			const { code, out } = await doctor({
				kernel: { entries: [] },
				files: {
					...(await records("a", "b")),
					[`${DIR}/x:y:z.json`]: "{",
				},
			});
			expect(code).toBe(0);
			expect(out).toMatch(
				`warn  records: 1 in ${DIR} cannot be read, and their pods are not known\n`,
			);
			expect(out).toMatch(/^ok {4}stale entries: none, of 2 attachments/m);
		});

		test("in a directory that cannot be read: nothing is said of stale entries", async () => {
			const { code, out } = await doctor({
				fail: (c, path) =>
					c === "readDir" && path === DIR ? "EACCES" : undefined,
			});
			expect(code).toBe(0);
			expect(out).toMatch(
				/^warn {2}records: .*EACCES\n {6}say where .*--data-dir/m,
			);
			expect(out).not.toContain("stale entries");
		});
	});

	test("two records of one hostPort: what leads to either is healthy, as list and reconcile have it", async () => {
		const { code, out } = await doctor({
			files: await records("a", "b"),
			kernel: {
				entries: [2, 3].map((n) => ({
					id: n,
					orig: `192.0.2.7:${n} > 203.0.113.1:8125`,
					reply: `10.88.0.${n}:5353 > 192.0.2.7:${n}`,
					status: ["DST_NAT"],
				})),
			},
		});
		expect(code).toBe(0);
		expect(out).toMatch(/^ok {4}stale entries: none, of 2 attachments$/m);
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
			].map((c) => [c, "ok"]),
		);
	});

	test.each<[string, Options, RegExp]>([
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

	test("a kernel that has nothing of it: a warning, exit 0", async () => {
		const { code, out } = await doctor({
			answer: (r) =>
				r.type === 0x0100
					? [errorMessage(95, r.seq)]
					: r.type === 0x0101 && r.payload[0] === 99
						? [doneMessage(r.seq)]
						: undefined,
		});
		expect(code).toBe(0);
		expect(out).toMatch(
			/^warn {2}kernel: .*filtered dump no, kernel flush no, retire no\n {6}list the plugin twice/m,
		);
	});

	describe("rules", () => {
		const DNAT = ["iptables-dnat", "ip6tables-dnat", "nft-dnat"];
		test("of other pods than any that is known: exit 3, and what to type; foreign tables do not count", async () => {
			const { code, out } = await doctor({
				rules: DNAT,
				files: cached("10.88.0.3/16"),
			});
			expect(code).toBe(3);
			expect(
				out
					.match(/^fail {2}DNAT rules.*\n.*/gm)
					?.map((t) => t.replace(/handle \d+/, "handle N")),
			).toEqual([
				"fail  DNAT rules: hostPort 8125 leads to 10.88.0.2 port 5353, and no pod has that address\n      nft delete rule ip nat CNI-DN-1 handle N",
				"fail  DNAT rules: hostPort 8080 leads to fd88::2 port 80, and no pod has that address\n      nft delete rule ip6 nat CNI-DN-1 handle N",
			]);
		});

		test.each<[string, Record<string, string>]>([
			["libcni's cache", cached("10.88.0.2/16")],
			[
				"libcni's cache, in a result of the oldest version",
				{ [`${CACHE}/x`]: '{"result":{"ip4":{"ip":"10.88.0.2/16"}}}' },
			],
		])("of a pod that is in %s", async (_, files) => {
			const { code, out } = await doctor({
				rules: ["iptables-dnat"],
				files: { ...files, [`${CACHE}/broken`]: "{" },
			});
			expect(code).toBe(0);
			expect(out).toContain(
				"ok    DNAT rules: 1 of hostPorts, none left over\n",
			);
		});

		test("of a pod that is recorded", async () => {
			const { out } = await doctor({
				rules: ["iptables-dnat"],
				files: await records("a"),
			});
			expect(out).toContain(
				"ok    DNAT rules: 1 of hostPorts, none left over\n",
			);
		});

		test("no pod is known at all: a warning, because it may be us who look in the wrong place", async () => {
			const { code, out } = await doctor({ rules: DNAT });
			expect(code).toBe(0);
			expect(out).toMatch(
				/^warn {2}DNAT rules: 2 of hostPorts, but no pod is known.*\n {6}say where/m,
			);
		});

		test.each(["ip", "ip6"])(
			"legacy %stables are pointed out",
			async (name) => {
				const files = { [`/proc/net/${name}_tables_names`]: "filter\nnat\n" };
				const { code, out } = await doctor({ files });
				expect(code).toBe(0);
				expect(out).toMatch(
					/^warn {2}DNAT rules: legacy iptables.*\n {6}look.*tables-legacy -t nat -S/m,
				);
				const none = await doctor({
					files: { [`/proc/net/${name}_tables_names`]: "filter\n" },
				});
				expect(none.out).not.toContain("legacy");
			},
		);

		test("a kernel without nf_tables has none", async () => {
			const { code, out } = await doctor({
				answer: (r) =>
					r.type === 0x0a07 ? [errorMessage(22, r.seq)] : undefined,
			});
			expect(code).toBe(0);
			expect(out).toMatch(/^ok {4}DNAT rules: this kernel has no nf_tables$/m);
		});

		test.each([
			[0x0a07, "DNAT rules"],
			[0x0102, "kernel"],
		])(
			"one that fails (%i): a warning, and the rest is checked",
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

		test("a dump that began anew counts no rule twice", async () => {
			const { out } = await doctor({
				rules: ["iptables-dnat"],
				files: cached("10.88.0.2/16"),
				answer: (r) =>
					r.type === 0x0a07 && r.nth === 0 ? ["ENOBUFS"] : undefined,
			});
			expect(out).toContain("DNAT rules: 1 of hostPorts");
		});
	});

	test("stale entries: exit 3, with reasons, and they stay", async () => {
		const called = await doctor({
			files: await records("a", "b"),
			kernel: {
				entries: [
					...ENTRIES,
					{ id: 9, orig: "192.0.2.7:9 > 203.0.113.1:8125" },
				],
			},
		});
		expect(called.code).toBe(3);
		// those towards the pods, each of them another's for the other mapping of the port
		expect(called.out).toMatch(
			/^fail {2}stale entries: \d keep traffic from 2 attachments \(.*no-dnat: 1/m,
		);
		expect(called.out).toContain("conntrack-flush list --stale");
		expectUntouched(called);
	});

	test.each([
		[799, /^ok {4}table fill: 799 of 1000 entries \(79.9 %\)$/m],
		[800, /^warn {2}table fill: 800 of 1000 entries \(80.0 %\)\n {6}raise/m],
	])("%i of 1000 entries, exit 0", async (entries, want) => {
		const { code, out } = await doctor({ fill: [entries, 1000] });
		expect(code).toBe(0);
		expect(out).toMatch(want);
	});

	test("records that cannot be read: a warning, and the rest is checked", async () => {
		const { code, out } = await doctor({
			fail: (c, path) =>
				c === "readDir" && path === DIR ? "EACCES" : undefined,
		});
		expect(code).toBe(0);
		expect(out).toMatch(/^warn {2}records: .*EACCES\n {6}say where/m);
		expect(out).toMatch(/^ok {4}table fill/m);
	});
});
