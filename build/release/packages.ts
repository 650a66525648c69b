// Packages for Debian and for Fedora and their like, written by nfpm from the same list of
// files. No package changes a network's configuration when it is installed: that is for
// `conntrack-flush install`.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { inTemporary } from "./archive.ts";
import {
	ARCHITECTURES,
	contents,
	type Item,
	type Kind,
	type Product,
} from "./contents.ts";

const NFPM = "build/out/release-tools/nfpm";

/** What runs before a removal; PLUGIN stands for the path of the executable. */
const PREREMOVE = "build/release/preremove.sh";

export interface PackageOptions {
	readonly product: Product;
	/** Seconds since 1970: the time of everything inside. */
	readonly epoch: number;
	readonly source: string;
	readonly maintainer: string;
	readonly arch: string;
}

/** Returns the file name that tools of this kind expect of the package. */
export function packageName(
	kind: Kind,
	{ name, version }: Product,
	arch: string,
): string {
	const named = ARCHITECTURES[arch]?.[kind];
	return kind === "deb"
		? `${name}_${version}-1_${named}.deb`
		: `${name}-${version}-1.${named}.rpm`;
}

/** Writes the package to `path`. */
export function writePackage(
	kind: Kind,
	options: PackageOptions,
	path: string,
): void {
	const { product, arch, epoch } = options;
	const items = contents(arch, product.name);
	inTemporary((dir) => {
		const config = join(dir, "nfpm.yaml");
		const script = join(dir, "preremove.sh");
		const plugin = items[0]?.installed[kind] ?? "";
		writeFileSync(
			script,
			readFileSync(PREREMOVE, "utf8").replaceAll("PLUGIN", plugin),
		);
		// JSON is YAML
		writeFileSync(
			config,
			JSON.stringify(settings(kind, options, items, script)),
		);
		execFileSync(
			NFPM,
			["package", "--config", config, "--packager", kind, "--target", path],
			{ env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) } },
		);
	});
}

/** https://nfpm.goreleaser.com/docs/configuration/ */
function settings(
	kind: Kind,
	{ product, arch, epoch, source, maintainer }: PackageOptions,
	items: readonly Item[],
	preremove: string,
): object {
	const { name, version, description, license } = product;
	const mtime = new Date(epoch * 1000).toISOString();
	const command = `/usr/bin/${name}`;
	const [executable] = items;
	return {
		...{ name, version, release: "1", license, maintainer, mtime },
		...{ description, homepage: source, platform: "linux" },
		arch: ARCHITECTURES[arch]?.[kind],
		section: "net",
		priority: "optional",
		contents: [
			...items.map(({ from, installed, mode }) => ({
				src: from,
				dst: installed[kind],
				file_info: { mode, mtime },
			})),
			// A directory that no package owns would stay.
			...[...new Set(items.map(({ installed }) => dirname(installed[kind])))]
				.filter((dir) => dir.split("/").includes(name))
				.map((dst) => ({
					type: "dir",
					dst,
					file_info: { mode: 0o755, mtime },
				})),
			{
				type: "symlink",
				src: relative(dirname(command), executable?.installed[kind] ?? ""),
				dst: command,
				file_info: { mtime },
			},
		],
		scripts: { preremove },
		deb: { compression: "xz" },
		rpm: { compression: "xz", summary: description, buildhost: "localhost" },
	};
}
