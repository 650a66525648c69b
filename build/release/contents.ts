// What a release holds, once for all artifacts: each file, and its place in the tarball,
// in the packages and in the image.

import { readdirSync, readFileSync } from "node:fs";

/** An architecture, as images, Debian and RPM name it. */
export interface Architecture {
	readonly oci: { readonly architecture: string; readonly variant?: string };
	readonly deb: string;
	readonly rpm: string;
}

/** By our names, which are those of Go and of `make exe ARCH=`. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
	amd64: { oci: { architecture: "amd64" }, deb: "amd64", rpm: "x86_64" },
	arm64: { oci: { architecture: "arm64" }, deb: "arm64", rpm: "aarch64" },
	armv7: {
		oci: { architecture: "arm", variant: "v7" },
		deb: "armhf",
		rpm: "armv7hl",
	},
	ppc64le: { oci: { architecture: "ppc64le" }, deb: "ppc64el", rpm: "ppc64le" },
	riscv64: { oci: { architecture: "riscv64" }, deb: "riscv64", rpm: "riscv64" },
	s390x: { oci: { architecture: "s390x" }, deb: "s390x", rpm: "s390x" },
};

/** The kinds of packages; each has directories of its own. */
export type Kind = "deb" | "rpm";

export interface Item {
	/** Path from the root of the repository. */
	readonly from: string;
	/** Path below the tarball's directory. */
	readonly tarball: string;
	/** Absolute path in an installed package. */
	readonly installed: Readonly<Record<Kind, string>>;
	readonly mode: number;
}

export interface Product {
	readonly name: string;
	readonly version: string;
	readonly description: string;
	readonly license: string;
}

/** Reads the names that all artifacts carry. */
export function product(): Product {
	return JSON.parse(readFileSync("package.json", "utf8"));
}

/** The directory with what was built for the architecture: the executable, NOTICE, sbom.json. */
export const builtFor = (arch: string): string => `build/out/arch/${arch}`;

/** The directory with the texts that the executable prints, the same on each architecture. */
export const TEXTS = "build/out/texts";

/** Returns the paths of the files in a directory and below it, in one order. */
export function filesBelow(dir: string): string[] {
	return readdirSync(dir, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ parentPath, name }) => `${parentPath}/${name}`)
		.sort();
}

const everywhere = (path: string): Item["installed"] => ({
	deb: path,
	rpm: path,
});

/**
 * Returns the files of the tarball and the packages.
 *
 * Plugins lie where the distributions' package containernetworking-plugins has them, and
 * where Debian's containerd and podman and Fedora's CRI-O and podman look: /usr/lib/cni and
 * /usr/libexec/cni. `conntrack-flush install` copies the executable to /opt/cni/bin, where
 * that is in use.
 */
export function contents(arch: string, name: string): readonly Item[] {
	const built = builtFor(arch);
	const doc = `/usr/share/doc/${name}`;
	const legal = (file: string, deb = file): Item["installed"] => ({
		deb: `${doc}/${deb}`,
		rpm: `/usr/share/licenses/${name}/${file}`,
	});
	const completion = (shell: string, deb: string, rpm: string): Item => ({
		from: `${TEXTS}/${name}.${shell}`,
		tarball: `completions/${name}.${shell}`,
		installed: { deb: `/usr/share/${deb}`, rpm: `/usr/share/${rpm}` },
		mode: 0o644,
	});
	const samples = filesBelow("conflist-examples").map((from) => ({
		from,
		tarball: from,
		installed: everywhere(
			`${doc}/examples/${from.slice(from.indexOf("/") + 1)}`,
		),
		mode: 0o644,
	}));
	return [
		{
			from: `${built}/${name}`,
			tarball: name,
			installed: {
				deb: `/usr/lib/cni/${name}`,
				rpm: `/usr/libexec/cni/${name}`,
			},
			mode: 0o755,
		},
		{
			from: "README.md",
			tarball: "README.md",
			installed: everywhere(`${doc}/README.md`),
			mode: 0o644,
		},
		{
			from: "LICENSE",
			tarball: "LICENSE",
			installed: legal("LICENSE"),
			mode: 0o644,
		},
		{
			from: `${built}/NOTICE`,
			tarball: "NOTICE",
			// Debian's policy has this name for it
			installed: legal("NOTICE", "copyright"),
			mode: 0o644,
		},
		{
			from: `${built}/sbom.json`,
			tarball: "sbom.cdx.json",
			installed: everywhere(`${doc}/sbom.cdx.json`),
			mode: 0o644,
		},
		{
			from: `${TEXTS}/${name}.8.gz`,
			tarball: `${name}.8.gz`,
			installed: everywhere(`/usr/share/man/man8/${name}.8.gz`),
			mode: 0o644,
		},
		completion(
			"bash",
			`bash-completion/completions/${name}`,
			`bash-completion/completions/${name}`,
		),
		completion(
			"zsh",
			`zsh/vendor-completions/_${name}`,
			`zsh/site-functions/_${name}`,
		),
		completion(
			"fish",
			`fish/vendor_completions.d/${name}.fish`,
			`fish/vendor_completions.d/${name}.fish`,
		),
		...samples,
		{
			from: `deploy/logrotate/${name}`,
			tarball: `logrotate/${name}`,
			installed: everywhere(`${doc}/examples/logrotate`),
			mode: 0o644,
		},
	];
}
