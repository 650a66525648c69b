// A release made for the tests: of this machine's architecture and of those that are tried
// beside it, and signed with a key that is thrown away.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Component } from "../../build/sbom.ts";
import { OTHER_ARCHES } from "../arches/emulators.ts";
import { must } from "../support/exec.ts";
import { onEnd } from "../support/undo.ts";

export interface Dist {
	/** The directory that holds the release and nothing else. */
	readonly dir: string;
	/** The public half of the key, in PEM. */
	readonly publicKey: string;
	/** A new directory; it is removed when the tests end. */
	readonly work: string;
	/** What is inside the executable of one of ARCHES. */
	componentsOf(arch: string): readonly Component[];
}

export const ARCH = "amd64";
/** Those that the release is for. */
export const ARCHES: readonly string[] = [ARCH, ...OTHER_ARCHES];

export const { version: VERSION } = JSON.parse(
	readFileSync("package.json", "utf8"),
);

/** Makes a release. Rejects with what make says. */
export async function createDist(): Promise<Dist> {
	const work = mkdtempSync(`${tmpdir()}/release-`);
	onEnd(() => rmSync(work, { recursive: true, force: true }));
	const dir = `${work}/dist`;
	const key = `${work}/key.pem`;
	const publicKey = `${work}/key.pub`;
	await must(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key]);
	await must(["openssl", "pkey", "-in", key, "-pubout", "-out", publicKey]);
	const argv = ["make", "--silent", "release", `DIST=${dir}`];
	await must([...argv, `ARCH=${ARCHES.join(" ")}`], {
		env: { ...process.env, RELEASE_KEY: key },
		timeoutMs: 600_000,
	});
	return {
		...{ dir, publicKey, work },
		componentsOf(arch) {
			const bom = `${dir}/conntrack-flush-${VERSION}-linux-${arch}.cdx.json`;
			return JSON.parse(readFileSync(bom, "utf8")).components;
		},
	};
}
