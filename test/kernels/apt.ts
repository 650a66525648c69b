// Packages of suites that this machine is not set up for, from the mirrors that
// it is set up for, by apt itself: its proxy, its keys, its credentials. What else
// apt reads and writes has a directory of its own; the machine's is not changed.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../support/exec.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

export interface Suite {
	/** Names of packages that the pattern matches. */
	search(pattern: string): Promise<string[]>;
	/** Its version and the packages that it depends on. */
	show(name: string): Promise<{ version: string; depends: string[] }>;
	/** Downloads the packages' archives; returns their paths. */
	download(names: readonly string[], to: string): Promise<string[]>;
	/** Downloads the packages and all that they depend on; returns the archives' paths. */
	downloadAll(names: readonly string[], to: string): Promise<string[]>;
}

/** Reads the lists of a suite such as `bullseye-security`; throws what apt said if it cannot be had. */
export async function openSuite(
	name: string,
	dir: string,
	arch = "amd64",
): Promise<Suite> {
	const uri = await mirrorFor(name);
	const own = join(dir, name);
	for (const sub of ["parts", "lists/partial", "cache/archives/partial"])
		mkdirSync(join(own, sub), { recursive: true });
	writeFileSync(join(own, "status"), ""); // nothing is installed
	const options = existsSync(KEYRING) ? ` [signed-by=${KEYRING}]` : "";
	writeFileSync(
		join(own, "sources.list"),
		`deb${options} ${uri} ${name} main\n`,
	);
	const flags = [
		`APT::Architecture=${arch}`,
		`APT::Architectures=${arch}`,
		`Dir::Etc::sourcelist=${own}/sources.list`,
		`Dir::Etc::sourceparts=${own}/parts`,
		`Dir::State::lists=${own}/lists`,
		`Dir::State::status=${own}/status`,
		`Dir::Cache=${own}/cache`,
		"Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		// the user that apt changes to cannot write below a checkout
		"APT::Sandbox::User=root",
		"Acquire::Retries=5",
		// without it a list that could not be fetched is only a warning
		"APT::Update::Error-Mode=any",
	].flatMap((setting) => ["-o", setting]);
	const timeoutMs = 300_000;
	await must(["apt-get", ...flags, "-q", "update"], { timeoutMs });
	const cache = (...args: string[]): Promise<string> =>
		must(["apt-cache", ...flags, ...args]);
	return {
		async search(pattern) {
			const found = await cache("search", "--names-only", pattern);
			return found
				.split("\n")
				.map((line) => line.split(" ")[0] ?? "")
				.filter(Boolean);
		},
		async show(pkg) {
			const text = await cache("show", "--no-all-versions", pkg);
			const field = (key: string): string =>
				new RegExp(`^${key}: (.*)$`, "m").exec(text)?.[1] ?? "";
			return {
				version: field("Version"),
				depends: field("Depends")
					.split(/[,|]/)
					.map((d) => d.trim().split(" ")[0] ?? ""),
			};
		},
		async download(names, to) {
			mkdirSync(to, { recursive: true });
			// apt-get download writes into the directory that it runs in
			await must(
				["sh", "-c", 'cd "$1" && shift && exec "$@"', "-", to].concat(
					["apt-get", ...flags, "-q", "download"],
					names,
				),
				{ timeoutMs },
			);
			return archivesIn(to);
		},
		async downloadAll(names, to) {
			mkdirSync(join(to, "partial"), { recursive: true });
			const flag = ["-o", `Dir::Cache::archives=${to}`];
			await must(
				["apt-get", ...flags, ...flag, "-qy", "--no-install-recommends"].concat(
					["--download-only", "install"],
					names,
				),
				{ timeoutMs },
			);
			return archivesIn(to);
		},
	};
}

async function archivesIn(dir: string): Promise<string[]> {
	const found = await must(["find", dir, "-type", "f", "-name", "*.deb"]);
	return found.split("\n").filter(Boolean);
}

/** The URI of the machine's own mirror of Debian, or of its security updates. */
async function mirrorFor(suite: string): Promise<string> {
	const targets = await must([
		"apt-get",
		"indextargets",
		"--format",
		"$(RELEASE) $(COMPONENT) $(REPO_URI)",
		"Created-By: Packages",
	]);
	const release = /^VERSION_CODENAME=(\w+)/m.exec(
		readFileSync("/etc/os-release", "utf8"),
	)?.[1];
	const wanted = suite.endsWith("-security") ? `${release}-security` : release;
	const uri = targets
		.split("\n")
		.map((line) => line.split(" "))
		.find(([name, component]) => name === wanted && component === "main")?.[2];
	if (uri === undefined)
		throw new Error(`this machine's apt has no source for ${wanted} main`);
	return uri;
}
