// The text of `install --mode print`. Its JSON can be copied into a configuration.

import { describe, expect, test } from "vitest";
import { advise } from "../../../../src/install/advice.ts";
import {
	type Keys,
	singleItem,
	splitItems,
} from "../../../../src/install/edit.ts";

const KEYS: Keys = { protocols: ["udp", "tcp"], dataDir: "/run/flush" };

/** Returns the plugin items of ours that the text shows, one on each line of its own. */
function itemsIn(text: string): Keys[] {
	return text
		.split("\n")
		.filter((line) => line.includes(`"conntrack-flush"`))
		.map((line) => JSON.parse(line.replace(/,$/, "")));
}

describe.each<[string, Keys]>([
	["without keys", {}],
	["with the keys of the call", KEYS],
])("%s", (_, keys) => {
	test("split around portmap, and a single plugin item for a drop-in", () => {
		expect(itemsIn(advise(false, keys))).toEqual([
			...splitItems(keys),
			singleItem(false, keys),
		]);
	});

	test("under CRI-O a single plugin item, in the conflist or in a drop-in", () => {
		const single = singleItem(true, keys);
		expect(itemsIn(advise(true, keys))).toEqual([single, single]);
	});
});

test.each([false, true])(
	"it says where the executable goes (CRI-O: %s)",
	(ofCrio) =>
		expect(advise(ofCrio, {})).toMatch(
			/\nCopy the executable conntrack-flush into the directory of .* before/,
		),
);

test("it says where each goes, in this order", () => {
	expect(advise(false, {})).toMatch(
		/two plugin items .* one before portmap and one after it:\n[\s\S]*"on": "del"[\s\S]*"portmap"[\s\S]*"on": "add"[\s\S]*a single plugin item into a file[\s\S]*NETWORK\/90-conntrack-flush\.conf/,
	);
	expect(advise(true, {})).toMatch(
		/a single plugin item at the end of the plugins of the conflist:\n[\s\S]*NETWORK\/90-conntrack-flush\.conf/,
	);
});
