// Big requests: what is joined, and that everything else is read as JSON.parse reads it.

import { describe, expect, test } from "vitest";
import { parseBig } from "../../../../plugin/cni/bigrequest.ts";
import {
	ROW_LENGTH,
	resolveMappings,
} from "../../../../src/libcni/portmappings.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../../../src/net/proto.ts";

const item = (port: number, more: object = {}) => ({
	hostPort: port,
	containerPort: port + 1000,
	protocol: "udp",
	...more,
});
/** In the order in which libcni writes members. */
const request = (portMappings: unknown, more: object = {}) => ({
	capabilities: { portMappings: true },
	cniVersion: "1.0.0",
	name: "net",
	prevResult: { ips: [{ address: "10.88.0.2/16" }] },
	runtimeConfig: { portMappings, ...more },
});
/** Returns the items, each with the number of those that it stands for. */
const read = (portMappings: unknown): unknown[] => {
	const found = parseBig(JSON.stringify(request(portMappings))) as {
		runtimeConfig: { portMappings: { [ROW_LENGTH]?: number }[] };
	};
	return found.runtimeConfig.portMappings.map((i) => [
		JSON.parse(JSON.stringify(i)),
		i[ROW_LENGTH] ?? 1,
	]);
};

describe("items", () => {
	test.each<[string, object[], [object, number][]]>([
		["in a row are one", [item(1), item(2), item(3)], [[item(1), 3]]],
		[
			"of another containerPort are two",
			[item(1), { ...item(2), containerPort: 1 }],
			[
				[item(1), 1],
				[{ ...item(2), containerPort: 1 }, 1],
			],
		],
		[
			"with a gap are two",
			[item(1), item(3)],
			[
				[item(1), 1],
				[item(3), 1],
			],
		],
		[
			"of two protocols in turns are two",
			[
				item(1),
				item(1, { protocol: "tcp" }),
				item(2),
				item(2, { protocol: "tcp" }),
			],
			[
				[item(1), 2],
				[item(1, { protocol: "tcp" }), 2],
			],
		],
		[
			"of two hostIPs are two",
			[item(1), item(2, { hostIP: "192.0.2.1" })],
			[
				[item(1), 1],
				[item(2, { hostIP: "192.0.2.1" }), 1],
			],
		],
		[
			"in containerd's letters are joined too",
			[
				{ HostPort: 1, ContainerPort: 2, Protocol: "UDP", HostIP: "" },
				{ HostPort: 2, ContainerPort: 3, Protocol: "UDP", HostIP: "" },
			],
			[[{ HostPort: 1, ContainerPort: 2, Protocol: "UDP", HostIP: "" }, 2]],
		],
		[
			"end with the last port",
			[item(65_535, { containerPort: 1 })],
			[[item(65_535, { containerPort: 1 }), 1]],
		],
	])("%s", (_, items, want) => {
		expect(read(items)).toEqual(want);
	});

	test("are the same mappings as those of JSON.parse", () => {
		const items = Array.from({ length: 300 }, (_, i) =>
			item(1 + i, { protocol: i % 2 ? "tcp" : "udp" }),
		).flatMap((i) => [i, { ...i, protocol: "udp" }]);
		const text = JSON.stringify(request(items));
		const mappingsOf = (conf: unknown) =>
			resolveMappings(
				(conf as { runtimeConfig: { portMappings: unknown[] } }).runtimeConfig
					.portMappings,
				[IPPROTO_UDP, IPPROTO_TCP],
				["10.88.0.2", "fd88::2"],
				() => expect.unreachable(),
			);
		expect(mappingsOf(parseBig(text))).toEqual(mappingsOf(JSON.parse(text)));
		// odd ports of tcp, and every port of udp as one row of each family
		expect(mappingsOf(parseBig(text))).toHaveLength(2 + 2 * 150);
	});
});

describe("everything else is read as JSON.parse reads it", () => {
	const good = JSON.stringify(request([item(1), item(2, { protocol: "tcp" })]));
	test.each([
		["a list of no objects", JSON.stringify(request([1, "2", null]))],
		["an empty list", JSON.stringify(request([]))],
		["no list", JSON.stringify(request({ a: [1] }))],
		["no such member", '{"name":"net"}'],
		["the name as a value", '{"name":"portMappings"}'],
		["white space", JSON.stringify(request([item(1)]), undefined, "\t")],
		[
			"an object in an item",
			JSON.stringify(request([item(1, { x: { y: 1 } })])),
		],
		["a brace in an item", JSON.stringify(request([item(1, { x: "}" })]))],
		["an item without ports", JSON.stringify(request([item(1), {}]))],
		[
			"ports that are none",
			JSON.stringify(request([item(0), item(70_000), item(1.5)])),
		],
		[
			"a list in another member",
			JSON.stringify({
				x: { portMappings: [item(1), item(2)] },
				...request([item(7)]),
			}),
		],
		[
			"a list that comes twice",
			good.replace(
				'"prevResult"',
				'"runtimeConfig":{"portMappings":[]},"prevResult"',
			),
		],
	])("%s", (_, text) => expect(parseBig(text)).toEqual(JSON.parse(text)));

	test("a text that is cut anywhere is a SyntaxError", () => {
		for (let n = 0; n < good.length; n++)
			expect(() => parseBig(good.slice(0, n))).toThrow(SyntaxError);
	});

	test.each([
		["without a comma", good.replace("},{", "}{")],
		["with two commas", good.replace("},{", "},,{")],
		["with a comma at the end", good.replace("}]}", "},]}")],
	])("a list %s is a SyntaxError", (_, text) => {
		expect(text).not.toBe(good);
		expect(() => parseBig(text)).toThrow(SyntaxError);
	});
});
