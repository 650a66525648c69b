// Fills a directory with everything that a release publishes. The same commit gives the
// same bytes, wherever it is built with the same tools.
//
//	node --import tsx build/release/main.ts DIRECTORY ARCH...
//
// `make release` builds before what is packed here, and sets the environment: RELEASE_EPOCH, the
// time of the last commit; RELEASE_COMMIT; RELEASE_SOURCE, the address of the repository;
// RELEASE_BUILDER, the address of who builds; RELEASE_TAG, if it is of a tag; and, to sign,
// RELEASE_KEY, the path of an Ed25519 key in PEM.

import { execFileSync } from "node:child_process";
import { createPrivateKey, sign } from "node:crypto";
import {
	copyFileSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzip, tar } from "./archive.ts";
import { chart } from "./chart.ts";
import { ARCHITECTURES, builtFor, contents, product } from "./contents.ts";
import { image } from "./image.ts";
import { packageName, writePackage } from "./packages.ts";
import { provenance, type Subject, sha256 } from "./provenance.ts";

const MAINTAINER = "The conntrack-flush authors <maintainers@git.example>";

/** Returns an environment variable; throws if it is missing. */
function setting(name: string): string {
	const value = process.env[name];
	if (!value) throw new Error(`${name} is not set: run make release`);
	return value;
}

/** Throws if a tag is released that is not this version's, or of which the changelog says nothing. */
function checkTag(version: string): void {
	const tag = process.env.RELEASE_TAG;
	if (!tag) return;
	if (tag !== `v${version}`)
		throw new Error(
			`the tag ${tag} is not of package.json's version ${version}`,
		);
	if (!readFileSync("CHANGELOG.md", "utf8").includes(`\n## ${version} - `))
		throw new Error(`CHANGELOG.md has no section for ${version}`);
}

function git(...args: readonly string[]): Buffer {
	return execFileSync("git", args, { maxBuffer: 256 << 20 });
}

function main([dist, ...arches]: readonly string[]): void {
	if (!dist || arches.length === 0)
		throw new Error("usage: main.ts DIRECTORY ARCH...");
	for (const arch of arches)
		if (!(arch in ARCHITECTURES)) throw new Error(`unknown ARCH: ${arch}`);
	const epoch = Number(setting("RELEASE_EPOCH"));
	const commit = setting("RELEASE_COMMIT");
	const source = setting("RELEASE_SOURCE");
	const made = product();
	const { name, version } = made;
	checkTag(version);
	const base = `${name}-${version}`;
	rmSync(dist, { recursive: true, force: true });
	mkdirSync(dist, { recursive: true });
	const put = (file: string, bytes: string | Buffer): void =>
		writeFileSync(join(dist, file), bytes);

	for (const arch of arches) {
		const dir = `${base}-linux-${arch}`;
		const entries = contents(arch, name).map(({ from, tarball, mode }) => ({
			...{ from, to: `${dir}/${tarball}`, mode },
		}));
		put(`${dir}.tar.gz`, gzip(tar(entries, epoch)));
		copyFileSync(`${builtFor(arch)}/sbom.json`, join(dist, `${dir}.cdx.json`));
		for (const kind of ["deb", "rpm"] as const) {
			const path = join(dist, packageName(kind, made, arch));
			const maintainer = MAINTAINER;
			const options = { product: made, epoch, source, maintainer, arch };
			writePackage(kind, options, path);
		}
	}
	const built = image({ product: made, epoch, commit, source, arches });
	put(`${base}-image.tar`, built.tar);
	put(`${name}-chart-${version}.tgz`, chart(made, epoch, arches));
	copyFileSync(`build/out/npm/${base}.tgz`, join(dist, `${base}.tgz`));
	// LGPL 2.1, section 6: whoever gets the executable can link it anew.
	const archive = ["archive", "--format=tar", `--prefix=${base}/`, commit];
	put(`${base}-source.tar.gz`, gzip(git(...archive)));
	for (const file of readdirSync("build/out/sources"))
		copyFileSync(join("build/out/sources", file), join(dist, file));

	const files = (): Subject[] =>
		readdirSync(dist)
			.sort()
			.map((file) => ({
				name: file,
				digest: { sha256: sha256(readFileSync(join(dist, file))) },
			}));
	const statement = provenance({
		subjects: [
			...files(),
			{ name, digest: { sha256: built.digest.replace("sha256:", "") } },
		],
		...{ version, arches, epoch, commit, source },
		modified: git("status", "--porcelain").length > 0,
		builder: setting("RELEASE_BUILDER"),
	});
	put(`${base}.intoto.json`, `${JSON.stringify(statement, null, "\t")}\n`);
	const sums = files()
		.map((file) => `${file.digest.sha256}  ${file.name}\n`)
		.join("");
	put("SHA256SUMS", sums);
	if (process.env.RELEASE_KEY) {
		const key = createPrivateKey(readFileSync(process.env.RELEASE_KEY));
		if (key.asymmetricKeyType !== "ed25519")
			throw new Error(`not an Ed25519 key: ${process.env.RELEASE_KEY}`);
		put("SHA256SUMS.sig", sign(null, Buffer.from(sums), key));
	}
	process.stdout.write(`${built.digest}  the image\n`);
}

main(process.argv.slice(2));
