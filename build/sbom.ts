// Prints what is inside an executable, as CycloneDX 1.5 JSON: the crates that cargo
// links, the npm packages of which a byte is in the bundle, the engine, Rust's library
// and what is linked statically from C's. Tools that only build it are not listed.
//
//	npx tsx build/sbom.ts [EXECUTABLE [ARCH]]

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundled, filesOf } from "./bundled.ts";
import { OWN, toolchainFor } from "./toolchain.ts";

const CRATE = "plugin/host/native";
const [, , EXECUTABLE = "build/out/conntrack-flush", ARCH = OWN] = process.argv;

export interface Component {
	readonly type: "library" | "application";
	readonly "bom-ref": string;
	readonly name: string;
	readonly version: string;
	readonly purl: string;
	readonly licenses?: readonly { readonly expression: string }[];
	readonly hashes?: readonly {
		readonly alg: string;
		readonly content: string;
	}[];
}

function component(
	kind: "cargo" | "npm" | "generic",
	name: string,
	version: string,
	license: string | undefined,
): Component {
	const purl = `pkg:${kind}/${name.replace("@", "%40")}@${version}`;
	return {
		type: "library",
		"bom-ref": purl,
		name,
		version,
		purl,
		// "MIT/Apache-2.0" is cargo's old way to say OR
		...(license && {
			licenses: [{ expression: license.replace(/\s*\/\s*/g, " OR ") }],
		}),
	};
}

function cargo(...args: readonly string[]): string {
	return execFileSync("cargo", [...args, "--locked"], {
		cwd: CRATE,
		encoding: "utf8",
		maxBuffer: 64 << 20,
	});
}

interface Metadata {
	readonly packages: readonly {
		readonly name: string;
		readonly version: string;
		readonly license?: string;
		readonly manifest_path: string;
	}[];
}

function metadata(): Metadata {
	return JSON.parse(cargo("metadata", "--format-version=1"));
}

/** Returns the normal dependencies for the target, without those of build.rs and of macros. */
function crates(): Component[] {
	const { packages } = metadata();
	const lines = cargo(
		"tree",
		"--edges=normal",
		"--prefix=none",
		"--format={p}|{f}",
	);
	const names = new Set(
		lines
			.split("\n")
			.filter((line) => line !== "" && !line.includes("(proc-macro)"))
			.map((line) => line.split(/[ |]/, 2).join(" ")),
	);
	names.delete([...names][0] ?? ""); // the host itself
	return [...names].map((nameAndVersion) => {
		const [name = "", v = ""] = nameAndVersion.split(" ");
		const version = v.replace(/^v/, "");
		const found = packages.find(
			(p) => p.name === name && p.version === version,
		);
		return component("cargo", name, version, found?.license);
	});
}

/** Returns the packages of which the bundler used at least one byte. */
async function packages(): Promise<Component[]> {
	const used = [...(await bundled()).values()].flatMap(filesOf);
	const manifests = new Set(
		used.filter((path) => path.includes("node_modules/")).map(manifestOf),
	);
	// ajv wrote the validator's text, although the bundle reads no file of ajv
	if (used.includes("build/gen/conf.validate.js"))
		manifests.add("node_modules/ajv/package.json");
	return [...manifests].map((path) => {
		const { name, version, license } = JSON.parse(readFileSync(path, "utf8"));
		return component("npm", name, version, license);
	});
}

function manifestOf(path: string): string {
	let dir = dirname(path);
	while (!existsSync(join(dir, "package.json"))) dir = dirname(dir);
	return join(dir, "package.json");
}

/** Returns what no lock file names: the engine inside its crate, and the runtimes that are linked in. */
function runtimes(): Component[] {
	const { packages: all } = metadata();
	const sys = all.find((p) => p.name === "rquickjs-sys");
	const header = readFileSync(
		join(dirname(sys?.manifest_path ?? ""), "quickjs/quickjs.h"),
		"utf8",
	);
	const part = (which: string): string =>
		new RegExp(`QJS_VERSION_${which} (\\d+)`).exec(header)?.[1] ?? "0";
	const engine = ["MAJOR", "MINOR", "PATCH"].map(part).join(".");
	const { rust, glibc, gcc, gccLibraries } = toolchainFor(ARCH);
	const exception = "GPL-3.0-or-later WITH GCC-exception-3.1";
	return [
		component("generic", "quickjs-ng", engine, "MIT"),
		component("generic", "rust-std", rust, "MIT OR Apache-2.0"),
		component("generic", "glibc", glibc, "LGPL-2.1-or-later"),
		...gccLibraries.map((library) =>
			component("generic", library, gcc, exception),
		),
	];
}

const { name, version, license } = JSON.parse(
	readFileSync("package.json", "utf8"),
);
const content = createHash("sha256")
	.update(readFileSync(EXECUTABLE))
	.digest("hex");
const purl = `pkg:generic/${name}@${version}`;
const components = [...crates(), ...(await packages()), ...runtimes()].sort(
	(a, b) => (a.purl < b.purl ? -1 : 1),
);
const self: Component = {
	type: "application",
	"bom-ref": purl,
	name,
	version,
	purl,
	licenses: [{ expression: license }],
	hashes: [{ alg: "SHA-256", content }],
};
const bom = {
	bomFormat: "CycloneDX",
	specVersion: "1.5",
	version: 1,
	metadata: { component: self },
	components,
	dependencies: [{ ref: purl, dependsOn: components.map((c) => c.purl) }],
};
process.stdout.write(`${JSON.stringify(bom, null, "\t")}\n`);
