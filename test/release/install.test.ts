// The release as users have it: from its files alone, on a root without anything else, by
// tarball and by packages; and that everything inside has its licence beside it.

import { createHash, createPublicKey, verify } from "node:crypto";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ARCHITECTURES, product } from "../../build/release/contents.ts";
import { packageName, writePackage } from "../../build/release/packages.ts";
import { OTHER_ARCHES } from "../arches/emulators.ts";
import { createStage, type Stage } from "../demo/stage.ts";
import { must, run } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";
import { expectAnswers } from "./answers.ts";
import {
	type BareRoot,
	createBareRoot,
	DPKG,
	emulated,
	type Manager,
	RPM,
} from "./bareroot.ts";
import { expectDemo } from "./demo.ts";
import { ARCH, ARCHES, createDist, type Dist, VERSION } from "./dist.ts";
import { expectNotices } from "./notices.ts";

const BASE = `conntrack-flush-${VERSION}`;
const TARBALL = `${BASE}-linux-${ARCH}`;
const COMMAND = "/usr/bin/conntrack-flush";
const CONFLIST = "/etc/cni/net.d/10-mynet.conflist";
const BEFORE = `{
  "cniVersion": "1.0.0",
  "name": "mynet",
  "plugins": [
    { "type": "bridge" },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
`;

let dist: Dist;
let ns: Namespace;
let stage: Stage;
beforeAll(async () => {
	dist = await createDist();
	ns = await createNamespace("release");
	stage = await createStage();
}, 600_000);
afterAll(undoAll);

function root(name: string): Promise<BareRoot> {
	const dir = `${dist.work}/${name}`;
	mkdirSync(dir);
	return createBareRoot(dir, ns);
}

/** The files of a root below these directories, without the directories of its own. */
function filesIn({ dir }: BareRoot, ...below: readonly string[]): string[] {
	return below
		.filter((path) => existsSync(dir + path))
		.flatMap((path) =>
			readdirSync(dir + path, { recursive: true, withFileTypes: true })
				.filter((entry) => !entry.isDirectory())
				.map((entry) => `${entry.parentPath}/${entry.name}`.slice(dir.length)),
		)
		.sort();
}

const types = (text: string): string[] =>
	JSON.parse(text).plugins.map(({ type }: { type: string }) => type);

describe("the checksums", () => {
	test("name every file, and are right", async () => {
		const { dir } = dist;
		await must(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], {
			cwd: dir,
		});
		const named = readFileSync(`${dir}/SHA256SUMS`, "utf8")
			.trim()
			.split("\n")
			.map((line) => line.split("  ")[1]);
		expect([...named, "SHA256SUMS", "SHA256SUMS.sig"].sort()).toEqual(
			readdirSync(dir).sort(),
		);
	});

	test("are signed, as docs/install.md says how to verify", async () => {
		const { dir, publicKey } = dist;
		const argv = [
			...["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", publicKey],
			...["-rawin", "-in", "SHA256SUMS", "-sigfile", "SHA256SUMS.sig"],
		];
		expect(await must(argv, { cwd: dir })).toContain("Verified Successfully");
		const changed = readFileSync(`${dir}/SHA256SUMS`);
		changed[0] = (changed[0] ?? 0) ^ 1;
		expect(
			verify(
				null,
				changed,
				createPublicKey(readFileSync(publicKey)),
				readFileSync(`${dir}/SHA256SUMS.sig`),
			),
		).toBe(false);
	});

	test("the provenance names each file and the commit", () => {
		const { dir } = dist;
		const statement = JSON.parse(
			readFileSync(`${dir}/${BASE}.intoto.json`, "utf8"),
		);
		expect(statement).toMatchObject({
			_type: "https://in-toto.io/Statement/v1",
			predicateType: "https://slsa.dev/provenance/v1",
		});
		for (const file of readdirSync(dir)) {
			if (/^SHA256SUMS|\.intoto\.json$/.test(file)) continue;
			const sha256 = createHash("sha256")
				.update(readFileSync(`${dir}/${file}`))
				.digest("hex");
			expect(statement.subject, file).toContainEqual({
				name: file,
				digest: { sha256 },
			});
		}
		const [source] = statement.predicate.buildDefinition.resolvedDependencies;
		expect(source.digest.gitCommit).toMatch(/^[0-9a-f]{40}$/);
		expect(source.uri).toContain(source.digest.gitCommit);
	});
});

test("the chart of the release is the one of deploy, for nodes of the image's architectures", async () => {
	const chart = `${dist.dir}/conntrack-flush-chart-${VERSION}.tgz`;
	await must(["tar", "-xzf", chart, "-C", dist.work]);
	const { stdout } = await run([
		...["diff", "--recursive", "--new-file", "--unified=0"],
		...["deploy/chart", `${dist.work}/conntrack-flush`],
	]);
	const changed = stdout
		.split("\n")
		.filter((line) => /^[-+](?!--|\+\+)/.test(line));
	const nodes = ARCHES.map((arch) => (arch === "armv7" ? "arm" : arch));
	expect(changed.map((line) => line.replace(/ +/, " "))).toEqual([
		"- values: [amd64]",
		`+ values: [${nodes.join(", ")}]`,
	]);
});

test("the npm package of the release is what make npm packs", () => {
	const file = `conntrack-flush-${VERSION}.tgz`;
	expect(readFileSync(`${dist.dir}/${file}`)).toEqual(
		readFileSync(`build/out/npm/${file}`),
	);
});

describe("the tarball", () => {
	let made: BareRoot;
	beforeAll(async () => {
		made = await root("tarball");
		const path = `${dist.dir}/${TARBALL}.tar.gz`;
		await must(["tar", "-xzf", path, "-C", made.dir]);
	});

	test("has what a person needs", () => {
		const files = filesIn(made, `/${TARBALL}`);
		for (const name of [
			...["conntrack-flush", "README.md", "LICENSE", "NOTICE"],
			...["conntrack-flush.8.gz", "sbom.cdx.json"],
			...["bash", "zsh", "fish"].map((s) => `completions/conntrack-flush.${s}`),
			...["containerd.conflist", "drop-in/90-conntrack-flush.conf"].map(
				(path) => `conflist-examples/${path}`,
			),
		])
			expect(files).toContain(`/${TARBALL}/${name}`);
	});

	test("has the licence of each component", () => {
		expectNotices(dist, made.at(`/${TARBALL}/NOTICE`), ARCH);
	});

	test("the release has the sources with which to link it anew", async () => {
		const files = readdirSync(dist.dir);
		expect(files).toContain(`${BASE}-source.tar.gz`);
		const status = await must(["dpkg", "--status", "libc6-dev"]);
		const [, version] = /^Version: (.*)$/m.exec(status) ?? [];
		const text = readFileSync(`${dist.dir}/glibc_${version}.dsc`, "utf8");
		expect(text).toContain(`\nVersion: ${version}\n`);
		const sums = text
			.slice(text.indexOf("Checksums-Sha256:"), text.indexOf("Files:"))
			.matchAll(/^ ([0-9a-f]{64}) \d+ (\S+)$/gm);
		const named = [...sums];
		expect(named.length).toBeGreaterThan(1);
		for (const [, sum, file] of named)
			expect(
				createHash("sha256")
					.update(readFileSync(`${dist.dir}/${file}`))
					.digest("hex"),
			).toBe(sum);
	});

	test("installs into a chain, works there, and leaves it", async () => {
		for (const plugin of ["bridge", "portmap"])
			made.write(`/opt/cni/bin/${plugin}`, "", 0o755);
		made.write(CONFLIST, BEFORE);
		const program = `/${TARBALL}/conntrack-flush`;
		const { stderr, code } = await made.run([program, "install"]);
		expect(code, stderr).toBe(0);
		expect(types(readFileSync(made.at(CONFLIST), "utf8"))).toEqual([
			...["bridge", "conntrack-flush", "portmap", "conntrack-flush"],
		]);
		const installed = "/opt/cni/bin/conntrack-flush";
		await expectAnswers(made, [installed]);
		await expectDemo(stage, made.at(installed));
		expect((await made.run([program, "uninstall"])).code).toBe(0);
		expect(readFileSync(made.at(CONFLIST), "utf8")).toBe(BEFORE);
		expect(existsSync(made.at(installed))).toBe(false);
	});
});

describe.each(OTHER_ARCHES)("for %s, under an emulator", (arch) => {
	const name = `${BASE}-linux-${arch}`;
	const pathOf = (kind: "deb" | "rpm"): string =>
		`${dist.dir}/${packageName(kind, product(), arch)}`;
	// No package manager of this machine's takes another's package whole: its scripts
	// would run there.
	const ARTIFACTS = [
		{
			artifact: "the tarball",
			unpack: (to: string) =>
				must(["tar", "-xzf", `${dist.dir}/${name}.tar.gz`, "-C", to]),
			program: `/${name}/conntrack-flush`,
			notice: `/${name}/NOTICE`,
		},
		{
			artifact: "the .deb",
			unpack: (to: string) => must(["dpkg-deb", "-x", pathOf("deb"), to]),
			program: "/usr/lib/cni/conntrack-flush",
			notice: "/usr/share/doc/conntrack-flush/copyright",
		},
		{
			artifact: "the .rpm",
			unpack: (to: string) =>
				must(["sh", "-ec", UNPACK_RPM, pathOf("rpm"), to]),
			program: "/usr/libexec/cni/conntrack-flush",
			notice: "/usr/share/licenses/conntrack-flush/NOTICE",
		},
	];

	test.each(ARTIFACTS)(
		"$artifact answers, and has the licences",
		async ({ artifact, unpack, program, notice }) => {
			const made = await root(`${arch} ${artifact}`);
			await unpack(made.dir);
			expectNotices(dist, made.at(notice), arch);
			await expectAnswers(made, emulated(made, arch, program));
		},
	);

	test("the packages are for it", async () => {
		const { deb, rpm } = ARCHITECTURES[arch] ?? {};
		const field = await must(["dpkg-deb", "-f", pathOf("deb"), "Architecture"]);
		expect(field.trim()).toBe(deb);
		const query = ["rpm", "--query", "--queryformat", "%{ARCH}", "--package"];
		expect(await must([...query, pathOf("rpm")])).toBe(rpm);
	});
});

const UNPACK_RPM = 'rpm2archive -n - <"$0" | tar -x -C "$1"';

const PACKAGES: readonly (readonly ["deb" | "rpm", Manager, string, string])[] =
	[
		["deb", DPKG, "/usr/lib/cni", "/usr/share/doc/conntrack-flush/copyright"],
		[
			"rpm",
			RPM,
			"/usr/libexec/cni",
			"/usr/share/licenses/conntrack-flush/NOTICE",
		],
	];

describe.each(PACKAGES)("the .%s", (kind, manager, plugins, notice) => {
	let made: BareRoot;
	const installed = `${plugins}/conntrack-flush`;
	beforeAll(async () => {
		made = await root(kind);
		const path = `${dist.dir}/${packageName(kind, product(), ARCH)}`;
		await manager.install(made, path);
	});

	test("installs the plugin where the distribution has its plugins", async () => {
		expect(await manager.installed(made)).toBe(`${VERSION}-1`);
		const files = filesIn(made, "/usr");
		for (const path of [
			...[COMMAND, installed, notice],
			"/usr/share/man/man8/conntrack-flush.8.gz",
			"/usr/share/bash-completion/completions/conntrack-flush",
			"/usr/share/fish/vendor_completions.d/conntrack-flush.fish",
			"/usr/share/doc/conntrack-flush/examples/containerd.conflist",
			"/usr/share/doc/conntrack-flush/examples/logrotate",
		])
			expect(files).toContain(path);
		expect(filesIn(made, "/etc")).toEqual([]);
	});

	test("has the licence of each component", () => {
		expectNotices(dist, made.at(notice), ARCH);
	});

	test("answers there, and is the executable that the demo of the tarball was played with", async () => {
		await expectAnswers(made, [installed]);
		const bytes = readFileSync(made.at(installed));
		expect(bytes.equals(readFileSync(`${OUR_BIN}/conntrack-flush`))).toBe(true);
	});

	test("an upgrade replaces the executable, and nothing changes for the chain", async () => {
		for (const plugin of ["bridge", "portmap"])
			made.write(`${plugins}/${plugin}`, "", 0o755);
		made.write(CONFLIST, BEFORE);
		expect((await made.run([COMMAND, "install"])).code).toBe(0);
		const chained = readFileSync(made.at(CONFLIST), "utf8");
		expect(types(chained)).toContain("conntrack-flush");
		// what an older version left there
		writeFileSync(made.at(installed), "older");
		const next = { ...product(), version: `${VERSION}.1` };
		const path = `${dist.work}/next.${kind}`;
		const options = { product: next, epoch: 1, source: "", maintainer: "us" };
		writePackage(kind, { ...options, arch: ARCH }, path);
		await manager.upgrade(made, path);
		expect(await manager.installed(made)).toBe(`${VERSION}.1-1`);
		expect(readFileSync(made.at(CONFLIST), "utf8")).toBe(chained);
		expect((await made.run([COMMAND, "install", "--check"])).code).toBe(0);
	});

	test("it is not removed while pods of CRI-O need it, and says which", async () => {
		const cached = "/var/lib/cni/results/mynet-4f2e-eth0";
		const config = readFileSync(made.at(CONFLIST)).toString("base64");
		const names = { K8S_POD_NAMESPACE: "ns", K8S_POD_NAME: "web" };
		const entry = {
			...{ kind: "cniCacheV1", networkName: "mynet", config },
			...{ containerId: "4f2e", ifName: "eth0" },
			cniArgs: Object.entries(names),
		};
		made.write(cached, JSON.stringify(entry));
		const { code, stdout, stderr } = await manager.remove(made);
		expect(code).not.toBe(0);
		expect(stdout + stderr).toContain("ns/web");
		expect(await manager.installed(made)).toBe(`${VERSION}.1-1`);
		expect(existsSync(made.at(installed))).toBe(true);
		await must(["rm", made.at(cached)]);
	});

	test("its removal takes the plugin out of the chain first, and leaves nothing", async () => {
		const { code, stderr } = await manager.remove(made);
		expect(code, stderr).toBe(0);
		expect(await manager.installed(made)).toBe("");
		expect(filesIn(made, "/usr")).toEqual(
			["bridge", "portmap"].map((plugin) => `${plugins}/${plugin}`),
		);
		expect(readFileSync(made.at(CONFLIST), "utf8")).toBe(BEFORE);
		expect(existsSync(made.at("/usr/share/doc/conntrack-flush"))).toBe(false);
	});
});
