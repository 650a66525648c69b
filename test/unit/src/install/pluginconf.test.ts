// A plugin item as libcni decodes it.

import { describe, expect, test } from "vitest";
import { membersIn } from "../../../../src/install/gojson.ts";
import {
	decodeParts,
	decodePlugin,
} from "../../../../src/install/pluginconf.ts";

const decode = (members: string) =>
	decodePlugin(membersIn(`{"type":"a",${members}}`));

describe("is not loaded with", () => {
	test.each([
		[`"type":""`, "no type"],
		[`"TYPE":1`, "TYPE is no string"],
		[`"name":1`, "name is no string"],
		[`"cniVersion":1.0`, "cniVersion is no string"],
		[`"capabilities":"portMappings"`, "capabilities is no object"],
		[`"capabilities":["portMappings"]`, "capabilities is no object"],
		[
			`"capabilities":{"portMappings":"true"}`,
			"capabilities.portMappings is neither true nor false",
		],
		[`"ipam":"host-local"`, "ipam is no object"],
		[`"ipam":{"Type":1}`, "ipam.Type is no string"],
		[`"dns":[]`, "dns is no object"],
		[`"dns":{"nameservers":"10.0.0.1"}`, "dns.nameservers is no list"],
		[`"dns":{"search":[1]}`, "dns.search is no string"],
		[`"prevResult":"x"`, "prevResult is no object"],
		[`"cni.dev/valid-attachments":{}`, "cni.dev/valid-attachments is no list"],
		[
			`"cni.dev/valid-attachments":[{"ifname":0}]`,
			"cni.dev/valid-attachments.ifname is no string",
		],
	])("%s", (members, why) => {
		expect(() => decode(members)).toThrow(why);
	});
});

describe("is loaded with", () => {
	test.each([
		[`"ipam":{},"dns":{"nameservers":[null,"a"],"x":1}`, {}],
		[`"ipam":null,"dns":null,"type":null,"prevResult":null`, {}],
		[`"cni.dev/valid-attachments":[null,{}]`, {}],
		[`"capabilities":{"portMappings":true}`, { portMappings: true }],
		[`"capabilities":{"portMappings":null}`, { portMappings: false }],
		[
			`"capabilities":{"a":true},"Capabilities":{"b":false}`,
			{ a: true, b: false },
		],
		[`"capabilities":{"a":true},"capabilities":null`, {}],
	])("%s", (members, capabilities) => {
		expect(decode(members)).toEqual({ type: "a", capabilities });
	});
});

test("of an object without a type the rest is decoded all the same", () => {
	const parts = decodeParts(membersIn(`{"capabilities":{"a":true}}`));
	expect(parts).toEqual({ type: "", capabilities: { a: true } });
	expect(() => decodeParts(membersIn(`{"dns":1}`))).toThrow("dns is no object");
});
