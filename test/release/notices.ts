// That everything inside an executable has its licence beside it, wherever a release has it.

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { textsOf } from "../../build/notice.ts";
import type { Dist } from "./dist.ts";

/** Throws unless the notices at `path` have a text for each component of an architecture's executable. */
export function expectNotices(dist: Dist, path: string, arch: string): void {
	const texts = textsOf(readFileSync(path, "utf8"));
	const components = dist.componentsOf(arch);
	expect([...texts.keys()].sort()).toEqual(
		components.map(({ purl }) => purl).sort(),
	);
	for (const [purl, text] of texts)
		expect(text.length, purl).toBeGreaterThan(400);
	const glibc = components.find(({ name }) => name === "glibc");
	expect(texts.get(glibc?.purl ?? "")).toContain(
		"GNU LESSER GENERAL PUBLIC LICENSE",
	);
}
