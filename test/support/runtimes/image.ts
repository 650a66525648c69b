// Images of one static program, made here and imported, so that no registry is
// needed. Most tests have one image alone: the receiver of the pods, which is the
// sandbox's pause process too.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { must } from "../exec.ts";
import { tool } from "./tools.ts";

export const IMAGE = "localhost/receiver:1";

const ARCHITECTURES: Readonly<Record<string, string>> = {
	x64: "amd64",
	arm64: "arm64",
};

/** Writes the receiver's image into `dir`; returns the archive's path. */
export function makeImage(dir: string): Promise<string> {
	return imageOf(tool("programs/receiver"), IMAGE, join(dir, "image"));
}

/**
 * Writes an image that holds one static program, as an archive that `podman load`
 * and `ctr images import` take; returns its path. The command is "pause".
 */
export async function imageOf(
	program: string,
	reference: string,
	work: string,
): Promise<string> {
	const name = basename(program);
	mkdirSync(work, { recursive: true });
	copyFileSync(program, join(work, name));
	await must(["tar", "-C", work, "-cf", join(work, "layer.tar"), name]);
	const layer = readFileSync(join(work, "layer.tar"));
	const digest = createHash("sha256").update(layer).digest("hex");
	write(join(work, "config.json"), {
		architecture: ARCHITECTURES[process.arch] ?? process.arch,
		os: "linux",
		config: { Entrypoint: [`/${name}`], Cmd: ["pause"] },
		rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
	});
	write(join(work, "manifest.json"), [
		{ Config: "config.json", RepoTags: [reference], Layers: ["layer.tar"] },
	]);
	const archive = join(work, "image.tar");
	await must([
		...["tar", "-C", work, "-cf", archive],
		...["manifest.json", "config.json", "layer.tar"],
	]);
	return archive;
}

function write(path: string, value: unknown): void {
	writeFileSync(path, JSON.stringify(value));
}
