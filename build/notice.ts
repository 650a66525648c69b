// Prints the notices of third parties for a bill of materials: for each component the
// text of its licence, as its authors ship it.
//
//	npx tsx build/notice.ts SBOM.json [ARCH]

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Component } from "./sbom.ts";
import { OWN, toolchainFor } from "./toolchain.ts";

/** The line above the components to which the text that follows belongs. */
const RULE = "=".repeat(78);

/** Returns the texts of a component's licence; none if it knows none. */
type Texts = (component: Component) => readonly string[];

interface Crate {
	readonly name: string;
	readonly version: string;
	readonly repository: string | null;
	readonly manifest_path: string;
}

function read(path: string): string {
	return readFileSync(path, "utf8");
}

function output(file: string, ...args: readonly string[]): string {
	return execFileSync(file, args, { encoding: "utf8", maxBuffer: 64 << 20 });
}

/**
 * Returns the texts of the licence in `dir`. Where there is a choice it is MIT's:
 * its text is the shortest, and it asks for nothing that the others do not.
 */
function textsIn(dir: string): string[] {
	const found = readdirSync(dir)
		.filter((name) => /^(licen[cs]e|copying|unlicense)/i.test(name))
		.sort();
	const mit = found.filter((name) => /mit/i.test(name));
	return (mit.length > 0 ? mit : found).map((name) => read(join(dir, name)));
}

/** Returns what is between `<h3>` and `<h3>`, without the other texts if one is MIT's. */
function chosen(section: string): string {
	const other =
		/<details>\s*<summary><code>(?![^<]*MIT)[^<]*<\/code><\/summary>[\s\S]*?<\/details>/g;
	return /<code>[^<]*MIT[^<]*<\/code>/.test(section)
		? section.replace(other, "")
		: section;
}

/**
 * Returns the notices that Rust's toolchain has for its library, as plain text. Each crate
 * repeats its licence: a text that stands there already is left out.
 */
function textOfHtml(html: string): string {
	const seen = new Set<string>();
	return html
		.replace(/^[\s\S]*<h2 id="short-version">/, "")
		.split(/(?=<h3>)/)
		.map(chosen)
		.join("")
		.replace(/<pre>([\s\S]*?)<\/pre>/g, (_, text: string) => {
			if (seen.has(text)) return "(the same text as above)";
			seen.add(text);
			return text;
		})
		.replace(/<[^>]*>/g, "")
		.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
		.replace(/(\n[ \t]*){3,}/g, "\n\n");
}

/** Returns what finds the texts on this machine, where the executable was built. */
export function textsHere(arch: string): Texts {
	const { packages } = JSON.parse(
		output(
			"cargo",
			...["metadata", "--locked", "--format-version=1"],
			...["--manifest-path", "plugin/host/native/Cargo.toml"],
		),
	) as { packages: readonly Crate[] };
	const crate = (name: string, version?: string): Crate | undefined =>
		packages.find(
			(p) => p.name === name && (!version || p.version === version),
		);
	const textsOfCrate = ({ name, version }: Component): string[] => {
		const self = crate(name, version);
		if (self === undefined) return [];
		const own = textsIn(dirname(self.manifest_path));
		if (own.length > 0) return own;
		// Crates of one repository and version share a text, which not all of them ship.
		return packages
			.filter((p) => p.repository && p.repository === self.repository)
			.filter((p) => p.version === version)
			.flatMap((p) => textsIn(dirname(p.manifest_path)));
	};
	const { rustNotices, glibcNotices, gccNotices } = toolchainFor(arch);
	const generic: Readonly<Record<string, () => string[]>> = {
		"quickjs-ng": () => {
			const sys = crate("rquickjs-sys");
			return sys ? textsIn(join(dirname(sys.manifest_path), "quickjs")) : [];
		},
		"rust-std": () =>
			rustNotices.map((text) =>
				text.startsWith("<") ? textOfHtml(text) : text,
			),
		glibc: () => [...glibcNotices],
		libgcc: () => [...gccNotices],
		libatomic: () => [...gccNotices],
	};
	return (component) => {
		const { name, purl } = component;
		if (purl.startsWith("pkg:cargo/")) return textsOfCrate(component);
		if (purl.startsWith("pkg:npm/")) return textsIn(join("node_modules", name));
		return generic[name]?.() ?? [];
	};
}

/** Returns the notices. Throws if a component has no text, and names it. */
export function noticesFor(
	components: readonly Component[],
	texts: Texts,
): string {
	const owners = new Map<string, string[]>();
	for (const component of components) {
		const text = texts(component)
			.map((t) => t.trim())
			.filter((t) => t !== "")
			.join("\n\n");
		if (text === "") throw new Error(`no licence text for ${component.purl}`);
		const expression = component.licenses?.[0]?.expression;
		owners.set(text, [
			...(owners.get(text) ?? []),
			`${component.purl} (${expression})`,
		]);
	}
	return [...owners]
		.map(([text, names]) => `${RULE}\n${names.join("\n")}\n\n${text}\n`)
		.join("\n");
}

/** Returns the components that the notices give a text for, by purl. */
export function textsOf(notices: string): ReadonlyMap<string, string> {
	const sections = notices.split(`${RULE}\n`).slice(1);
	return new Map(
		sections.flatMap((section) => {
			const [names = "", ...text] = section.split("\n\n");
			return names
				.split("\n")
				.map((line) => [line.split(" ")[0] ?? "", text.join("\n\n").trim()]);
		}),
	);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [, , sbom = "", arch = OWN] = process.argv;
	const { metadata, components } = JSON.parse(read(sbom));
	const { name, version } = metadata.component;
	const head = read("build/notice.head.txt");
	process.stdout.write(
		`${name} ${version}\n${head}\n${noticesFor(components, textsHere(arch))}`,
	);
}
