// The notices: every component has its text, and one without fails.

import { expect, test } from "vitest";
import { noticesFor, textsOf } from "../../build/notice.ts";
import type { Component } from "../../build/sbom.ts";

const component = (name: string): Component => ({
	type: "library",
	"bom-ref": `pkg:cargo/${name}@1.0.0`,
	name,
	version: "1.0.0",
	purl: `pkg:cargo/${name}@1.0.0`,
	licenses: [{ expression: "MIT" }],
});
const TEXTS: Readonly<Record<string, readonly string[]>> = {
	one: ["Copyright One\n"],
	two: ["Copyright Two\n\nAll of it.\n", "The rest.\n"],
	three: ["Copyright One\n"],
	blank: [" \n"],
};
const texts = ({ name }: Component): readonly string[] => TEXTS[name] ?? [];

test("each component has its texts, and what several share stands once", () => {
	const components = ["one", "two", "three"].map(component);
	const notices = noticesFor(components, texts);
	expect(Object.fromEntries(textsOf(notices))).toEqual({
		"pkg:cargo/one@1.0.0": "Copyright One",
		"pkg:cargo/two@1.0.0": "Copyright Two\n\nAll of it.\n\nThe rest.",
		"pkg:cargo/three@1.0.0": "Copyright One",
	});
	expect(notices.match(/Copyright One/g)).toHaveLength(1);
});

test.each(["unknown", "blank"])(
	"a component without a text fails: %s",
	(name) => {
		expect(() =>
			noticesFor([component("one"), component(name)], texts),
		).toThrow(`no licence text for pkg:cargo/${name}@1.0.0`);
	},
);
