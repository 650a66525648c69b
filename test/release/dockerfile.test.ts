// What is read of a Dockerfile, and that nothing in it is passed over.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readDockerfile } from "../../build/release/dockerfile.ts";

test("the project's own is an executable and its licences", () => {
	const { copies, labels, entrypoint } = readDockerfile(
		readFileSync("deploy/Dockerfile", "utf8"),
	);
	expect(copies).toEqual([
		{ from: "build/out/conntrack-flush", to: "/conntrack-flush" },
		{ from: "LICENSE", to: "/licenses/LICENSE" },
		{ from: "build/out/NOTICE", to: "/licenses/NOTICE" },
	]);
	expect(entrypoint).toEqual(["/conntrack-flush"]);
	const { license } = JSON.parse(readFileSync("package.json", "utf8"));
	expect(labels).toMatchObject({
		"org.opencontainers.image.title": "conntrack-flush",
		"org.opencontainers.image.licenses": license,
	});
});

test.each([
	["a base that would have to be pulled", "FROM debian:12"],
	["an instruction that needs a container", "RUN true"],
	["a label without quotes", "LABEL name=value"],
])("%s is refused", (_, line) => {
	expect(() => readDockerfile(`${line}\n`)).toThrow(line);
});
