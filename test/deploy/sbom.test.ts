// The bill of materials: of this very executable, in the form that tools read,
// with what is known to be inside.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import type { Component } from "../../build/sbom.ts";
import { must } from "../support/exec.ts";
import { TSX } from "../support/worker.ts";

let bom: {
	readonly bomFormat: string;
	readonly specVersion: string;
	readonly version: number;
	readonly metadata: { readonly component: Component };
	readonly components: readonly Component[];
	readonly dependencies: readonly {
		readonly ref: string;
		readonly dependsOn: readonly string[];
	}[];
};
beforeAll(async () => {
	bom = JSON.parse(await must([...TSX, "build/sbom.ts"]));
});

test("it is CycloneDX 1.5", () => {
	expect(bom).toMatchObject({
		bomFormat: "CycloneDX",
		specVersion: "1.5",
		version: 1,
	});
	for (const c of [bom.metadata.component, ...bom.components]) {
		expect(c.purl).toMatch(/^pkg:(cargo|npm|generic)\/[\w.%@/-]+@\d[\w.+-]*$/);
		expect(c["bom-ref"]).toBe(c.purl);
		expect(c.licenses?.[0]?.expression, c.purl).toMatch(/^[\w.() -]+$/);
	}
});

test("it is about the executable that was built", () => {
	const { name, version, license } = JSON.parse(
		readFileSync("package.json", "utf8"),
	);
	const content = createHash("sha256")
		.update(readFileSync("build/out/conntrack-flush"))
		.digest("hex");
	expect(bom.metadata.component).toMatchObject({
		...{ type: "application", name, version },
		licenses: [{ expression: license }],
		hashes: [{ alg: "SHA-256", content }],
	});
});

test("what is inside is named once, and nothing that merely builds it", () => {
	const names = bom.components.map((c) => c.name);
	expect(names).toEqual(
		expect.arrayContaining([
			"rquickjs",
			"libc",
			"quickjs-ng",
			"glibc",
			"libgcc",
			"ajv",
		]),
	);
	for (const tool of ["typescript", "rolldown", "vitest", "cc", "netlink"])
		expect(names).not.toContain(tool);
	const purls = bom.components.map((c) => c.purl);
	expect(new Set(purls).size).toBe(purls.length);
	expect(bom.dependencies).toEqual([
		{ ref: bom.metadata.component.purl, dependsOn: purls },
	]);
});
