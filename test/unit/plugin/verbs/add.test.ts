// ADD as a runtime calls it: its result, its record, and the entries that it removes.

import { describe, expect, test } from "vitest";
import { readConf } from "../../../../plugin/cni/conf.ts";
import { add } from "../../../../plugin/verbs/add.work.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	CONF,
	call,
	FILE,
	MAPPING,
	RESULT,
} from "../../../support/unit/calls.ts";

const withMapping = (m: object) => ({
	...CONF,
	runtimeConfig: { portMappings: [m] },
});

/** It ends as the engine does when the memory is used up. */
const TOO_MUCH = {
	get hostPort(): number {
		throw null;
	},
};

test("five thousand ports in a row are one item of the record, and each is looked after", async () => {
	const portMappings = Array.from({ length: 5000 }, (_, i) => ({
		hostPort: 4000 + i,
		containerPort: 1228 + i,
		protocol: "udp",
		hostIP: "",
	}));
	const called = await call("ADD", {
		conf: { ...CONF, runtimeConfig: { portMappings } },
	});
	expect([called.code, called.deleted]).toEqual([0, [1, 2]]);
	expect(called.out).toBe(`${JSON.stringify(RESULT)}\n`);
	const { mappings } = JSON.parse(called.host.files.get(FILE) ?? "");
	expect(mappings).toMatchObject([
		{ hostPort: 4000, containerPort: 1228, count: 5000 },
	]);
});

describe("ports that do not fit into the memory", () => {
	test("do not fail the pod: its addresses are recorded, and the log says why", async () => {
		const host = fakeHost({ env: { CNI_NETNS: "/run/netns/x" } });
		const conf = await readConf(
			"ADD",
			{ ...CONF, runtimeConfig: { portMappings: [TOO_MUCH] } },
			"",
		);
		const args = { containerID: "4f2e", ifname: "eth0", args: "" };
		await add(host, args, conf);
		expect(host.written(2)).toBe(
			'level=error msg="cannot finish ADD" event=ADD network=podnet container=4f2e error="out of memory"\n',
		);
		expect(JSON.parse(host.files.get(FILE) ?? "")).toMatchObject({
			mappings: [],
			pods: [{ family: 2, proto: 17, podIP: "10.88.0.2" }],
			vague: true,
		});
		expect(host.calls.some((c) => c.startsWith("netlink"))).toBe(false);
	});
});

describe("ADD", () => {
	test("removes what is stale, keeps the rest, records the attachment, and says so in one line", async () => {
		const called = await call("ADD");
		expect(called.code).toBe(0);
		expect(called.deleted).toEqual([1, 2]);
		expect(JSON.parse(called.host.files.get(FILE) ?? "")).toMatchObject({
			network: "podnet",
			containerID: "4f2e",
			ifname: "eth0",
			pod: "ns/pod",
			mappings: [
				{
					family: 2,
					proto: 17,
					hostPort: 8125,
					hostIP: null,
					podIP: "10.88.0.2",
					containerPort: 5353,
				},
			],
		});
		expect(called.err).toMatch(
			/^level=info msg=flushed event=ADD network=podnet container=4f2e pod=ns\/pod .*deleted=2 .*\n$/,
		);
		expect(called.err.match(/\n/g)).toHaveLength(1);
	});

	test.each([
		[
			"as it came, with white space",
			'{"cniVersion" : "1.0.0",\n\t"ips":[ {"address":"10.88.0.2/16"} ]}',
		],
		[
			"with numbers that JavaScript cannot hold",
			'{"cniVersion":"1.0.0","ips":[{"address":"10.88.0.2/16"}],"x":12345678901234567890,"y":1.0}',
		],
		[
			"with unknown members and escapes",
			'{"cniVersion":"1.0.0","ips":[],"\\u0078":"\\/","prevResult":{"ips":1},"dns":{}}',
		],
		["with another version", '{"cniVersion":"0.4.0"}'],
		["with a version in other letters", '{"CniVersion":"1.0.0","ips":[]}'],
		["with a version that is none", '{"ips":[],"cniVersion":null}'],
		["of an old version", '{"cniVersion":"0.2.0","ip4":{"ip":"10.88.0.2/16"}}'],
	])("gives prevResult %s, byte for byte", async (_, prevResult) => {
		const text = JSON.stringify({ ...CONF, prevResult: undefined });
		const conf = `${text.slice(0, -1)}, "prevResult" : ${prevResult} }`;
		for (const on of ["", '"on":"add",', '"on":"del",']) {
			const called = await call("ADD", { conf: conf.replace("{", `{${on}`) });
			expect([called.code, called.out]).toEqual([0, `${prevResult}\n`]);
		}
	});

	// SPEC.md, section 5: every result has the version of the request
	test.each([
		["empty", "{}", '{"cniVersion":"1.0.0"}'],
		["empty, with white space", "{ \n}", '{"cniVersion":"1.0.0" \n}'],
		[
			"of an old version",
			'{"ip4":{"ip":"10.88.0.2/16"}}',
			'{"cniVersion":"1.0.0","ip4":{"ip":"10.88.0.2/16"}}',
		],
		[
			"with white space and numbers that JavaScript cannot hold",
			'{ "x" : 12345678901234567890 }',
			'{"cniVersion":"1.0.0", "x" : 12345678901234567890 }',
		],
		[
			"with a version further down",
			'{"ips":[{"cniVersion":"1.0.0"}]}',
			'{"cniVersion":"1.0.0","ips":[{"cniVersion":"1.0.0"}]}',
		],
	])(
		"gives a prevResult without a version that of the request: %s",
		async (_, prevResult, want) => {
			const text = JSON.stringify({ ...CONF, prevResult: undefined });
			for (const gap of ["", " "]) {
				const conf = `${text.slice(0, -1)},"prevResult":${gap}${prevResult}}`;
				const called = await call("ADD", { conf });
				expect([called.code, called.out]).toEqual([0, `${want}\n`]);
			}
		},
	);

	test("gives a prevResult back that is nested deeper than the stack", async () => {
		const deep = `{"cniVersion":"1.0.0","x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
		const text = JSON.stringify({ ...CONF, prevResult: undefined });
		const conf = `${text.slice(0, -1)},"prevResult":${deep}}`;
		const called = await call("ADD", { conf });
		expect(called.code).toBe(0);
		expect(called.out === `${deep}\n`).toBe(true);
	});

	test("takes a request without a version for one of 0.1.0", async () => {
		const conf = { ...CONF, cniVersion: undefined, prevResult: { ips: [] } };
		const called = await call("ADD", { conf });
		expect(called.out).toBe('{"cniVersion":"0.1.0","ips":[]}\n');
	});

	test("a second time keeps the pod's own entries", async () => {
		const { host } = await call("ADD");
		const files = Object.fromEntries(host.files);
		const again = await call("ADD", { host: { files } });
		expect(again.deleted).toEqual([1, 2]);
	});

	test("of a second pod on another hostIP leaves the first one's flows", async () => {
		const first = await call("ADD", {
			conf: withMapping({ ...MAPPING, hostIP: "203.0.113.10" }),
			kernel: { entries: [] },
			env: { CNI_CONTAINERID: "first" },
		});
		const entries = [
			{
				id: 1,
				orig: "192.0.2.7:1 > 203.0.113.10:8125",
				reply: "10.88.0.2:5353 > 192.0.2.7:1",
			},
		];
		const pod = JSON.stringify(CONF).replace("10.88.0.2/16", "10.88.0.3/16");
		const second = await call("ADD", {
			conf: pod,
			host: { files: Object.fromEntries(first.host.files) },
			kernel: { entries },
		});
		expect(second.deleted).toEqual([]);
		const without = await call("ADD", { conf: pod, kernel: { entries } });
		expect(without.deleted).toEqual([1]);
	});

	test("takes containerd's spelling", async () => {
		const called = await call("ADD", {
			conf: withMapping({
				HostPort: 8125,
				ContainerPort: 5353,
				Protocol: "udp",
				HostIP: "",
			}),
		});
		expect(called.deleted).toEqual([1, 2]);
	});

	test("takes a result of 0.2.0", async () => {
		const conf = {
			...CONF,
			cniVersion: "0.2.0",
			prevResult: { cniVersion: "0.2.0", ip4: { ip: "10.88.0.2/16" } },
		};
		expect((await call("ADD", { conf })).deleted).toEqual([1, 2]);
	});

	test("does nothing twice for the same port of UDP and TCP", async () => {
		const conf = {
			...CONF,
			protocols: ["udp", "tcp"],
			runtimeConfig: {
				portMappings: [MAPPING, { ...MAPPING, protocol: "tcp" }],
			},
		};
		const called = await call("ADD", { conf });
		expect(called.deleted).toEqual([1, 2]);
		expect(called.err).toContain("deleted=2 ");
	});

	test("writes to the directory and the log that the configuration names", async () => {
		const conf = {
			...CONF,
			dataDir: "/run/x",
			logFile: "/var/log/x.log",
			logLevel: "info",
		};
		const { host, err } = await call("ADD", {
			conf,
			host: { directories: ["/var/log"] },
		});
		expect([...host.files.keys()].sort()).toEqual([
			"/run/x/podnet:4f2e:eth0.json",
			"/var/log/x.log",
		]);
		expect(err).toBe("");
	});

	test("at level error says nothing when all went well", async () => {
		expect(
			(await call("ADD", { conf: { ...CONF, logLevel: "error" } })).err,
		).toBe("");
	});
});

describe("ADD opens no socket, touches no file and says nothing", () => {
	test.each<[string, object]>([
		["on=del", { ...CONF, on: "del" }],
		["without runtimeConfig", { ...CONF, runtimeConfig: undefined }],
		["without port mappings", { ...CONF, runtimeConfig: {} }],
		[
			"with null for port mappings",
			{ ...CONF, runtimeConfig: { portMappings: null } },
		],
		["with an empty list", { ...CONF, runtimeConfig: { portMappings: [] } }],
		[
			"with mappings of other protocols only",
			withMapping({ ...MAPPING, protocol: "tcp" }),
		],
		["with a hostPort of 0", withMapping({ ...MAPPING, hostPort: 0 })],
		[
			"with a hostIP of the other family",
			withMapping({ ...MAPPING, hostIP: "fd03::1" }),
		],
		[
			"with a pod that has no address",
			{ ...CONF, prevResult: { ...RESULT, ips: [] } },
		],
		["with no protocols to handle", { ...CONF, protocols: [] }],
	])("%s", async (_, conf) => {
		const called = await call("ADD", {
			conf,
			host: {
				netlink: () => {
					throw new Error("a socket");
				},
			},
		});
		expect([called.code, called.err, called.host.calls]).toEqual([0, "", []]);
		expect(JSON.parse(called.out)).toEqual(
			Object.assign({}, (conf as typeof CONF).prevResult),
		);
	});
});

test("without CNI_COMMAND it is a command line, whatever stands on stdin", async () => {
	const called = await call("", {
		env: { CNI_COMMAND: undefined },
		host: { argv: ["--version"] },
	});
	expect(called.out).toMatch(/^conntrack-flush \d+\.\d+\.\d+\n$/);
	expect(called.host.calls).toEqual([]);
});
