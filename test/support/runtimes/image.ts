// The one image of the tests, made here and imported, so that no registry is
// needed: a single static program that is both the sandbox's pause process and
// the receiver of the pods.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../exec.ts";
import { tool } from "./tools.ts";

export const IMAGE = "localhost/receiver:1";

const ARCHITECTURES: Readonly<Record<string, string>> = {
	x64: "amd64",
	arm64: "arm64",
};

/** Writes the image as an archive that `podman load` and `ctr images import` take; returns its path. */
export async function makeImage(dir: string): Promise<string> {
	const work = join(dir, "image");
	mkdirSync(work, { recursive: true });
	copyFileSync(tool("programs/receiver"), join(work, "receiver"));
	await must(["tar", "-C", work, "-cf", join(work, "layer.tar"), "receiver"]);
	const layer = readFileSync(join(work, "layer.tar"));
	const digest = createHash("sha256").update(layer).digest("hex");
	write(join(work, "config.json"), {
		architecture: ARCHITECTURES[process.arch] ?? process.arch,
		os: "linux",
		config: { Entrypoint: ["/receiver"], Cmd: ["pause"] },
		rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
	});
	write(join(work, "manifest.json"), [
		{ Config: "config.json", RepoTags: [IMAGE], Layers: ["layer.tar"] },
	]);
	const archive = join(dir, "image.tar");
	await must([
		...["tar", "-C", work, "-cf", archive],
		...["manifest.json", "config.json", "layer.tar"],
	]);
	return archive;
}

function write(path: string, value: unknown): void {
	writeFileSync(path, JSON.stringify(value));
}
