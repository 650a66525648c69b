// The kernels: which ones, where their packages come from, and what is kept of
// them, below build/out/kernels. What is there is not fetched again.

import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import { must } from "../support/exec.ts";
import { openSuite, type Suite } from "./apt.ts";
import { AMD64, type Machine } from "./machine.ts";
import type { Kernel } from "./script.ts";

export const OUT = resolve(import.meta.dirname, "../../build/out/kernels");

/** The two ends of what the reachable suites offer, besides the series. */
export const DEFAULT_WISHES = [
	"oldest",
	"5.10",
	"6.1",
	"6.12",
	"6.18",
	"newest",
] as const;

/** The suites where a series is looked for, first to last. The security suites have the newest of a series, and short lists. */
const SUITES: Readonly<Record<string, readonly string[]>> = {
	oldest: ["buster", "bullseye", "bookworm"],
	"5.10": ["bullseye-security", "bullseye"],
	"6.1": ["bookworm-security", "bookworm"],
	"6.12": ["bookworm-backports", "trixie-security", "trixie"],
	newest: ["trixie-backports", "forky", "sid"],
};
const ANYWHERE = [
	"trixie-backports",
	"bookworm-backports",
	"bullseye-security",
];

export interface KernelFiles extends Kernel {
	readonly machine: Machine;
	/** `uname -r`, from the package's name. */
	readonly release: string;
	/** The package's version: it tells the upstream version that Debian's 5.10 and 6.1 keep out of their names. */
	readonly version: string;
	/** Directory with vmlinuz and the modules, file by file. */
	readonly dir: string;
}

/** A kernel of `wish`: a series such as `6.1`, a release such as `5.10.0-30`, `oldest` or `newest`. */
export async function findKernel(
	wish: string,
	machine = AMD64,
): Promise<KernelFiles> {
	const dir = join(OUT, "cache", machine.arch, wish);
	const known = join(dir, "kernel.json");
	if (!existsSync(known)) await fetchKernel(wish, machine, dir);
	const { bigEndian } = machine;
	const { release, version, major, minor } = JSON.parse(
		readFileSync(known, "utf8"),
	);
	return { release, version, major, minor, bigEndian, machine, dir };
}

async function fetchKernel(
	wish: string,
	machine: Machine,
	dir: string,
): Promise<void> {
	const series = wish.split(".", 2).join(".");
	const suites = SUITES[series] ?? ANYWHERE;
	const reasons: string[] = [];
	for (const name of suites) {
		let suite: Suite;
		try {
			const apt = join(OUT, "apt", machine.arch);
			suite = await openSuite(name, apt, machine.arch);
		} catch (e) {
			reasons.push(`${name}: ${e instanceof Error ? e.message : e}`);
			continue;
		}
		const image = await imageIn(suite, wish, machine);
		if (!image) {
			reasons.push(`${name}: no such package`);
			continue;
		}
		const { release, version, packages } = image;
		const [major, minor] = release.split(".").map(Number);
		const fresh = `${dir}.fetching`;
		rmSync(fresh, { recursive: true, force: true });
		rmSync(dir, { recursive: true, force: true });
		await keep(await suite.download(packages, `${fresh}/deb`), fresh);
		writeFileSync(
			join(fresh, "kernel.json"),
			JSON.stringify({ release, version, major, minor }),
		);
		renameSync(fresh, dir);
		return;
	}
	throw new Error([`no kernel ${wish}`, ...reasons].join("\n  "));
}

interface Image {
	readonly release: string;
	readonly version: string;
	readonly packages: readonly string[];
}

/** The newest image that matches, or the oldest if that is the wish; the small flavour if there is one. */
async function imageIn(
	suite: Suite,
	wish: string,
	{ arch, flavours }: Machine,
): Promise<Image | undefined> {
	const another = new RegExp(`(cloud|rt)-${arch}$`);
	const series = /^\d/.test(wish)
		? wish.replaceAll(".", "\\.")
		: "[0-9]+\\.[0-9]+";
	for (const flavour of flavours) {
		const found = await suite.search(
			`^linux-image-${series}([.-].*)?-${flavour}$`,
		);
		const names = found
			// a name with two numbers only stands for the newest of a series
			.filter((name) => /^linux-image-\d+\.\d+\.\d/.test(name))
			.filter((name) => flavour !== arch || !another.test(name))
			.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
		for (const name of wish === "oldest" ? names : names.reverse()) {
			const image = await wholeImage(suite, name);
			if (image) return image;
		}
	}
	return undefined;
}

/** The newer images are packages that depend on others; undefined if the suite has those no more. */
async function wholeImage(
	suite: Suite,
	name: string,
): Promise<Image | undefined> {
	const release = name.replace("linux-image-", "");
	const { version, depends } = await suite.show(name);
	const parts = ["linux-binary-", "linux-modules-"]
		.map((part) => part + release)
		.filter((part) => depends.includes(part));
	for (const part of parts)
		if (!(await suite.search(`^${part.replaceAll(/[.+]/g, "\\$&")}$`)).length)
			return undefined;
	return { release, version, packages: [name, ...parts] };
}

/** Unpacks vmlinuz and the modules of the network, with what they need, from the archives. */
async function keep(archives: readonly string[], to: string): Promise<void> {
	const tree = join(to, "tree");
	for (const archive of archives)
		await must(["nice", "-n", "10", "dpkg-deb", "-x", archive, tree], {
			timeoutMs: 300_000,
		});
	const files = readdirSync(tree, { recursive: true, encoding: "utf8" });
	const vmlinuz = files.find((f) => /^vmlinuz/.test(basename(f)));
	if (vmlinuz === undefined)
		throw new Error(`no vmlinuz in ${archives.join(" ")}`);
	cpSync(join(tree, vmlinuz), join(to, "vmlinuz"));
	mkdirSync(join(to, "modules"));
	const wanted =
		/\/kernel\/((lib|crypto|arch\/\w+\/crypto|net\/.*netfilter)\/|drivers\/net\/veth\.ko)/;
	const packed: string[] = [];
	for (const file of files) {
		if (!wanted.test(file) || !/\.ko(\.xz)?$/.test(file)) continue;
		const module = join(to, "modules", basename(file));
		cpSync(join(tree, file), module);
		if (module.endsWith(".xz")) packed.push(module);
	}
	if (packed.length > 0) await must(["xz", "-d", ...packed]);
	for (const dir of [tree, join(to, "deb")])
		rmSync(dir, { recursive: true, force: true });
}
