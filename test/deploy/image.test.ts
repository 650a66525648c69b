// The image, built by Debian's podman from deploy/Dockerfile as deploy/README.md says.

import { afterAll, beforeAll, expect, test } from "vitest";
import { must } from "../support/exec.ts";
import { createNode, type Node } from "../support/runtimes/node.ts";
import { undoAll } from "../support/undo.ts";

const EXECUTABLE = "build/out/conntrack-flush";
const NOTICE = "build/out/NOTICE";

let node: Node;
beforeAll(async () => {
	await must(["make", "--silent", EXECUTABLE, NOTICE]);
	node = await createNode();
}, 60_000);
afterAll(undoAll, 60_000);

/** Builds an image from the repository's root; returns the files in it. */
async function built(dockerfile: string): Promise<string[]> {
	const script = `cd "$0"
podman build --quiet --file "$1" --tag built . >&2
podman export "$(podman create built /none)" | tar --list`;
	const { machine } = node;
	const out = await machine.must([
		"sh",
		"-ec",
		script,
		process.cwd(),
		dockerfile,
	]);
	return out.split("\n").filter((path) => path !== "" && !path.endsWith("/"));
}

/** The files that podman itself puts into a container. */
const MADE = /^(dev|etc|proc|run|sys)(\/|$)/;

test("it holds the executable and its licences", async () => {
	const files = await built("deploy/Dockerfile");
	expect(files.filter((path) => !MADE.test(path))).toEqual([
		"conntrack-flush",
		"licenses/LICENSE",
		"licenses/NOTICE",
	]);
});

test("its build context is no more than that", async () => {
	const path = `${node.dir("image")}/Dockerfile`;
	await node.machine.write(path, "FROM scratch\nCOPY . /context/\n");
	const files = await built(path);
	expect(files.filter((path) => !MADE.test(path)).sort()).toEqual([
		"context/LICENSE",
		`context/${NOTICE}`,
		`context/${EXECUTABLE}`,
	]);
});
