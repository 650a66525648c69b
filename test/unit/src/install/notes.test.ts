// What keeps an installed plugin from its work.

import { expect, test } from "vitest";
import type { Called } from "../../../../src/install/choice.ts";
import { parseConflist } from "../../../../src/install/conflist.ts";
import { notesOn, remarksOn } from "../../../../src/install/notes.ts";
import { FILE, LIST } from "../../../support/unit/installing.ts";

const DEAF = LIST.replace("true", "false");
const MULTUS = {
	...{ path: "/m.conf", hasPortMappings: true, readsDropIns: true },
	shadowedBy: undefined,
};
const called = (more: Partial<Called> = {}, text = LIST): Called => ({
	...{ path: FILE, text, at: { from: 0, to: text.length } },
	list: parseConflist(FILE, text),
	...{ dropIns: new Map(), multus: undefined, passedOver: [] },
	hasEmptyNamesake: false,
	...more,
});
const item = (type: string, portMappings: boolean) => ({
	...{ type, capabilities: { portMappings }, keys: {} },
});

test.each<[string, Called, boolean, RegExp[]]>([
	["nothing", called(), false, []],
	[
		"a portmap without its capability",
		called({}, DEAF),
		false,
		[/^portmap, plugin 2 of .* no rule for a hostPort: add to it: "capab/],
	],
	["but not under CRI-O, which names no ports", called({}, DEAF), true, []],
	[
		"nor if another portmap has it",
		called({ dropIns: new Map([["1.conf", item("portmap", true)]]) }, DEAF),
		false,
		[],
	],
	[
		"a Multus without the capability",
		called({ multus: { ...MULTUS, hasPortMappings: false } }),
		false,
		[/^Multus, in \/m\.conf, .*learns of a hostPort/],
	],
	[
		"a network that the cluster may define",
		called({ multus: { ...MULTUS, shadowedBy: "n" } }),
		false,
		[/NetworkAttachmentDefinition .*kubectl get/],
	],
	[
		"our drop-in behind a Multus",
		called({
			multus: MULTUS,
			dropIns: new Map([["90.conf", item("conntrack-flush", true)]]),
		}),
		false,
		[/only Multus 4\.2\.2 and later/],
	],
	[
		"a file that CRI-O does not take",
		called({ passedOver: ["/x: why"] }),
		true,
		[/^CRI-O passes over \/x: why$/],
	],
])("is %s", (_, found, ofCrio, want) => {
	expect(notesOn(found, ofCrio)).toEqual(
		want.map((w) => expect.stringMatching(w)),
	);
});

test("what cannot be seen from here is not certain", () => {
	const multus = { ...MULTUS, hasPortMappings: false, shadowedBy: "n" };
	expect(
		remarksOn(called({ multus }), false).map(({ isCertain }) => isCertain),
	).toEqual([true, false]);
});
