// ADDRESS:PORT, read and written.

import { describe, expect, test } from "vitest";
import { formatEndpoint, parseEndpoint } from "../../../../src/net/endpoint.ts";

describe("an endpoint", () => {
	test.each([
		["10.88.0.2:53", { ip: "10.88.0.2", port: 53 }],
		["[fd88::2]:53", { ip: "fd88::2", port: 53 }],
		["[FD88:0::2]:65535", { ip: "fd88::2", port: 65535 }],
		["[::ffff:10.88.0.2]:1", { ip: "10.88.0.2", port: 1 }],
		["[::]:1", { ip: "::", port: 1 }],
	])("%s is read", (text, want) => expect(parseEndpoint(text)).toEqual(want));

	test.each([
		"",
		"10.88.0.2",
		"10.88.0.2:",
		":53",
		"fd88::2:53",
		"[fd88::2]",
		"[10.88.0.2]:53",
		"10.88.0.2:0",
		"10.88.0.2:65536",
		"10.88.0.2:100000",
		"10.88.0.2:-1",
		"10.88.0.2:5.3",
		"10.88.0.2:0x35",
		"10.88.0:53",
		"10.88.0.256:53",
		"[fe80::1%eth0]:53",
		"localhost:53",
		" 10.88.0.2:53",
		"10.88.0.2:53\n",
	])("%j is none", (text) => expect(parseEndpoint(text)).toBeUndefined());

	test.each([
		["10.88.0.2", 53, "10.88.0.2:53"],
		["fd88::2", 53, "[fd88::2]:53"],
	])("of %s and %i is written, and read again", (ip, port, want) => {
		expect(formatEndpoint(ip, port)).toBe(want);
		expect(parseEndpoint(want)).toEqual({ ip, port });
	});
});
