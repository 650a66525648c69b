// What is read of IPVS, where there is some.

import { describe, expect, test } from "vitest";
import { readIPVS } from "../../../../src/rules/ipvs.read.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	ipvsFiles,
	NO_SERVICES,
	TWO_SERVICES,
} from "../../../support/unit/virtualservers.ts";

const read = (files: Readonly<Record<string, string>>) =>
	readIPVS(fakeHost({ files }));

test.each<[string, Record<string, string>]>([
	["whose kernel has none", {}],
	["without services and flows", ipvsFiles(NO_SERVICES)],
])("nothing on a node %s", (_, files) => expect(read(files)).toBeUndefined());

test("the services", () =>
	expect(read(ipvsFiles(TWO_SERVICES))).toMatchObject({ services: 2 }));

test("a list that comes in many parts", () => {
	const service = TWO_SERVICES.slice(NO_SERVICES.length);
	const files = ipvsFiles(NO_SERVICES + service.repeat(2000));
	expect(read(files)).toMatchObject({ services: 4000 });
});

test("flows of services that were removed", () =>
	expect(read(ipvsFiles(NO_SERVICES, { hasFlow: true }))).toMatchObject({
		services: 0,
	}));

test("what cannot be read is absent", () => {
	const host = fakeHost({
		files: ipvsFiles(TWO_SERVICES),
		fail: (_, path) => (path.startsWith("/proc/") ? "EACCES" : undefined),
	});
	expect(readIPVS(host)).toBeUndefined();
});

describe("flows end with their server", () => {
	test.each([
		["1", true],
		["2", true],
		["0", false],
	])("with expire_nodest_conn=%s: %s", (expires, want) =>
		expect(read(ipvsFiles(TWO_SERVICES, { expires }))?.expiresFlows).toBe(want),
	);

	test("not where nobody may know", () =>
		expect(read({ "/proc/net/ip_vs": TWO_SERVICES })?.expiresFlows).toBe(
			false,
		));
});
