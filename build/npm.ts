// Makes the npm package, build/out/npm/conntrack-flush-VERSION.tgz: the library and the
// command line on Node, from the sources of the executable. What it writes is the same
// each time.

import { execFileSync } from "node:child_process";
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { build } from "tsup";
import { buildId } from "./bundle.config.ts";

const OUT = "build/out/npm";
const PACKAGE = `${OUT}/package`;
const DIST = `${PACKAGE}/dist`;

/** What the published package has of ours beside its code. */
const { name, version, description, license, type, engines, ...ours } =
	JSON.parse(readFileSync("package.json", "utf8"));
const { sideEffects, dependencies } = ours;

rmSync(OUT, { recursive: true, force: true });
mkdirSync(DIST, { recursive: true });
await build({
	entry: { index: "npm/index.ts", cli: "plugin/host/node/main.ts" },
	outDir: DIST,
	format: "esm",
	target: "node20",
	platform: "node",
	// a command loads only its own code
	splitting: true,
	dts: { entry: { index: "npm/index.ts" } },
	external: Object.keys(dependencies),
	define: { BUILD: JSON.stringify(`Node.js, build ${buildId()}`) },
	metafile: true,
	tsconfig: "tsconfig.node.json",
	config: false,
	silent: true,
});

const manifest = {
	...{ name, version, description, license, type, engines, sideEffects },
	keywords: ["cni", "conntrack", "hostport", "kubernetes", "netlink"],
	os: ["linux"],
	exports: {
		".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
		"./package.json": "./package.json",
	},
	types: "./dist/index.d.ts",
	bin: { [name]: "./dist/cli.js" },
	files: ["dist", "examples", "licenses"],
	dependencies,
};
writeFileSync(
	`${PACKAGE}/package.json`,
	`${JSON.stringify(manifest, null, "\t")}\n`,
);
cpSync("LICENSE", `${PACKAGE}/LICENSE`);
cpSync("docs/library.md", `${PACKAGE}/README.md`);
cpSync("npm/examples", `${PACKAGE}/examples`, { recursive: true });
for (const directory of bundledPackages()) copyLicense(directory);
// what tsup says of its inputs is no part of the package
rmSync(`${DIST}/metafile-esm.json`);
execFileSync("npm", ["pack", "--silent", "--pack-destination", ".."], {
	cwd: PACKAGE,
});

/** Returns the directories of the packages whose code is in the bundle. */
function bundledPackages(): Set<string> {
	const { inputs }: { readonly inputs: Readonly<Record<string, unknown>> } =
		JSON.parse(readFileSync(`${DIST}/metafile-esm.json`, "utf8"));
	const found = new Set<string>();
	for (const path of Object.keys(inputs)) {
		// ajv wrote the text of the validators
		if (path.startsWith("build/gen/")) found.add("node_modules/ajv");
		if (!path.startsWith("node_modules/")) continue;
		let directory = dirname(path);
		while (!existsSync(`${directory}/package.json`))
			directory = dirname(directory);
		found.add(directory);
	}
	return found;
}

/** Puts a package's license into ours. Throws if it has none. */
function copyLicense(directory: string): void {
	const file = readdirSync(directory).find((f) => /^licen[cs]e/i.test(f));
	if (file === undefined) throw new Error(`${directory} has no license`);
	mkdirSync(`${PACKAGE}/licenses`, { recursive: true });
	const to = directory.replace("node_modules/", "").replaceAll("/", "-");
	cpSync(join(directory, file), `${PACKAGE}/licenses/${to}.txt`);
}
