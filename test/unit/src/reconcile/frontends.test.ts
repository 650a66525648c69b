// The document of frontends: what it refuses, and with which words.

import { describe, expect, test } from "vitest";
import {
	DocumentError,
	readFrontends,
} from "../../../../src/reconcile/frontends.ts";
import { BOOKS } from "../../../support/book.ts";
import { DNS, document } from "../../../support/unit/world.ts";

const { V, P } = BOOKS.IPv4;
describe("a document that is wrong is refused, with key and value", () => {
	const one = (change: object): string => document({ ...DNS, ...change });
	test.each<[string, string, string]>([
		["no JSON", "{", "not JSON: "],
		["nothing", "", "not JSON: "],
		["another document", "[]", "invalid document: [] (must be object)"],
		["no frontends", "{}", "missing frontends"],
		[
			"what kubectl prints",
			'{"kind":"List","items":[]}',
			"a List of kubectl's is for --services",
		],
		[
			"an empty list, more likely a command that failed",
			document(),
			"frontends is empty",
		],
		[
			"a frontend that is none",
			document(DNS, 7 as unknown as object),
			"invalid frontends.1: 7 (must be object)",
		],
		[
			"no endpoints, which are not the same as none",
			one({ endpoints: undefined }),
			"missing frontends.0.endpoints",
		],
		[
			"addresses without a port",
			one({ port: undefined }),
			"missing frontends.0.port",
		],
		[
			"neither addresses nor a nodePort: it claims nothing",
			document({ endpoints: [] }),
			"missing frontends.0.ips or frontends.0.nodePort",
		],
		["no address", one({ ips: [] }), "frontends.0.ips is empty"],
		[
			"a port without addresses",
			one({ ips: undefined, nodePort: 30053 }),
			"missing frontends.0.ips",
		],
		[
			"a key that it does not know",
			one({ nodeport: 1 }),
			"unknown key: frontends.0.nodeport",
		],
		["a key of the document", '{"services":[]}', "missing frontends"],
		[
			"a port beyond the last",
			one({ port: 65536 }),
			"invalid frontends.0.port: 65536 (must be <= 65535)",
		],
		[
			"a nodePort of 0",
			one({ nodePort: 0 }),
			"invalid frontends.0.nodePort: 0 (must be >= 1)",
		],
		[
			"a port in quotes",
			one({ port: "53" }),
			'invalid frontends.0.port: "53" (must be a port, or "FROM-TO")',
		],
		[
			"half a port",
			one({ port: 53.5 }),
			"invalid frontends.0.port: 53.5 (must be integer,string)",
		],
		...["53-53", "54-53", "0-53", "53-65536", "53-", "-53", "a-b"].map(
			(port): [string, string, string] => [
				`${port}, which is no range`,
				one({ nodePort: port }),
				`invalid frontends.0.nodePort: "${port}" (must be a port, or "FROM-TO")`,
			],
		),
		[
			"an endpoint of another length than the frontend",
			one({ port: "100-199", nodePort: undefined, endpoints: [`${P}:1-99`] }),
			`invalid frontends.0.endpoints.0: "${P}:1-99" (must have as many ports as the frontend)`,
		],
		[
			"an endpoint of some ports of a frontend with one",
			one({ nodePort: undefined, endpoints: [`${P}:1-99`] }),
			`invalid frontends.0.endpoints.0: "${P}:1-99" (must have as many ports as the frontend)`,
		],
		[
			"a nodePort of another length than the endpoints",
			one({ port: "100-198", nodePort: 7, endpoints: [`${P}:1-99`] }),
			`invalid frontends.0.endpoints.0: "${P}:1-99" (must have as many ports as the frontend)`,
		],
		[
			"an endpoint that ends before it begins",
			one({ port: "100-198", endpoints: [`${P}:99-1`] }),
			`invalid frontends.0.endpoints.0: "${P}:99-1" (must be ADDRESS:PORT or [ADDRESS]:PORT, or have FROM-TO`,
		],
		[
			"a protocol without ports",
			one({ protocol: "icmp" }),
			'invalid frontends.0.protocol: "icmp" (must be one of udp, tcp, sctp, UDP, TCP, SCTP)',
		],
		[
			"a headless Service's address",
			one({ ips: [V, "None"] }),
			'invalid frontends.0.ips.1: "None" (must be an IP address)',
		],
		[
			"an endpoint without a port",
			one({ endpoints: [P] }),
			`invalid frontends.0.endpoints.0: "${P}" (must be ADDRESS:PORT or [ADDRESS]:PORT`,
		],
		[
			"an endpoint of port 0",
			one({ endpoints: [`${P}:0`] }),
			"invalid frontends.0.endpoints.0: ",
		],
		[
			"an IPv6 endpoint without brackets",
			one({ endpoints: ["fd88::2:5353"] }),
			'invalid frontends.0.endpoints.0: "fd88::2:5353" ',
		],
		[
			"an endpoint at the unspecified IPv6 address",
			one({ endpoints: ["[::]:53"] }),
			'invalid frontends.0.endpoints.0: "[::]:53" (must be ADDRESS:PORT or [ADDRESS]:PORT',
		],
		[
			"an IPv4 endpoint in brackets",
			one({ endpoints: [`[${P}]:53`] }),
			"invalid frontends.0.endpoints.0: ",
		],
		[
			"a value as long as a table",
			one({ name: Array.from({ length: 99 }, () => "abc") }),
			"invalid frontends.0.name: [",
		],
	])("%s", async (_, text, message) => {
		const error = await readFrontends(text).catch((e: unknown) => e);
		expect(error).toBeInstanceOf(DocumentError);
		expect((error as Error).message.slice(0, message.length)).toBe(message);
		expect((error as Error).message.length).toBeLessThan(200);
	});

	test("a range is one claim, however many ports it has", async () => {
		const ranges = { port: "10000-19999", nodePort: "30000-39999" };
		const endpoints = [`${P}:20000-29999`, `[fd88::2]:20000-29999`];
		const claims = await readFrontends(one({ ...ranges, endpoints }));
		expect(claims.map(({ ip, port, count }) => [ip, port, count])).toEqual([
			[V, 10_000, 10_000],
			[null, 30_000, 10_000],
		]);
	});

	test("but for what it may leave out", async () => {
		const text = '{"$schema":"x","frontends":[{"nodePort":1,"endpoints":[]}]}';
		expect(await readFrontends(text)).toHaveLength(2);
	});
});
