// The finding about what the plugin itself has said.

import { expect, test } from "vitest";
import { checkPlugin } from "../../../../src/doctor/plugin.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/run/cni/conntrack-flush";
const found = (text: string) =>
	checkPlugin(fakeHost({ files: { [`${DIR}/unusable`]: text } }), DIR);

test("the plugin has said nothing", () =>
	expect(checkPlugin(fakeHost({}), DIR)).toEqual([]));

test.each([
	["the kernel's reason", "NetlinkError: count entries: EPERM\n", "EPERM"],
	["one with control characters", "\u001b[2J\n", ": ?[2J"],
])("the plugin could not use conntrack: %s", (_, text, words) =>
	expect(found(text)).toMatchObject([
		{ check: "plugin", status: "fail", found: expect.stringContaining(words) },
	]),
);
