// The image as a cluster has it: pushed to a registry, pulled by a container engine, and
// run as an installer. No Docker, and no registry but the test's own.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ARCHITECTURES } from "../../build/release/contents.ts";
import { OTHER_ARCHES } from "../arches/emulators.ts";
import { createStage } from "../demo/stage.ts";
import { must } from "../support/exec.ts";
import { createNamespace } from "../support/netns.ts";
import { untilItWorks } from "../support/runtimes/machine.ts";
import { createNode, type Node } from "../support/runtimes/node.ts";
import { tool, version } from "../support/runtimes/tools.ts";
import { undoAll } from "../support/undo.ts";
import { expectAnswers } from "./answers.ts";
import { createBareRoot, emulated } from "./bareroot.ts";
import { expectDemo } from "./demo.ts";
import { ARCH, ARCHES, createDist, type Dist, VERSION } from "./dist.ts";
import { expectNotices } from "./notices.ts";

const REPOSITORY = "localhost:5000/conntrack-flush";
const IMAGE = `${REPOSITORY}:${VERSION}`;
/** What a node pulls, in bytes. */
const LARGEST = 1_300_000;

interface Descriptor {
	readonly mediaType: string;
	readonly digest: string;
	readonly size: number;
	readonly platform?: { readonly architecture: string; readonly os: string };
}

let dist: Dist;
let node: Node;
/** What `make push` printed: the image by tag and digest. */
let pushed: string;
beforeAll(async () => {
	dist = await createDist();
	node = await createNode();
	const { machine } = node;
	const program = tool(`registry-${version("REGISTRY")}/registry`);
	const log = `${dist.work}/registry.log`;
	await machine.start([program, "-port", "5000"], log);
	await untilItWorks(async () => {
		await machine.must([
			oras(),
			"repo",
			"ls",
			"--plain-http",
			"localhost:5000",
		]);
	});
	const push = `cd "$0" && make --silent push "DIST=$1" "IMAGE=$2"`;
	pushed = await machine.must(
		["sh", "-ec", push, process.cwd(), dist.dir, REPOSITORY],
		{ env: { ...process.env, PLAIN_HTTP: "1" } },
	);
}, 600_000);
afterAll(undoAll);

const oras = (): string => `${process.cwd()}/build/out/release-tools/oras`;

/** Resolves with what oras prints of this artifact, as JSON. */
async function fetched<T>(...argv: readonly string[]): Promise<T> {
	return JSON.parse(
		await node.machine.must([oras(), ...argv, "--plain-http"]),
	) as T;
}

interface Manifest {
	readonly config: Descriptor;
	readonly layers: readonly Descriptor[];
	readonly manifests: readonly Descriptor[];
}

const manifestOf = (reference: string): Promise<Manifest> =>
	fetched("manifest", "fetch", reference);

/** Resolves with the contents of what refers to this, by the type of the artifact. */
async function attachedTo(reference: string, type: string): Promise<string[]> {
	const { referrers } = await fetched<{
		readonly referrers: readonly { readonly digest: string }[];
	}>("discover", "--format", "json", "--artifact-type", type, reference);
	return Promise.all(
		referrers.map(async ({ digest }) => {
			const { layers } = await manifestOf(`${REPOSITORY}@${digest}`);
			const blob = `${REPOSITORY}@${layers[0]?.digest}`;
			const fetch = ["blob", "fetch", "--plain-http", "--output", "-", blob];
			return node.machine.must([oras(), ...fetch]);
		}),
	);
}

test("what was pushed is what the provenance names, and the provenance is attached to it", async () => {
	const [, digest = ""] = /@(sha256:[0-9a-f]{64})\n$/.exec(pushed) ?? [];
	const resolved = await node.machine.must([
		...[oras(), "resolve", "--plain-http", IMAGE],
	]);
	expect(resolved.trim()).toBe(digest);
	const name = `conntrack-flush-${VERSION}.intoto.json`;
	expect(
		await attachedTo(`${REPOSITORY}@${digest}`, "application/vnd.in-toto+json"),
	).toEqual([readFileSync(`${dist.dir}/${name}`, "utf8")]);
});

test("each architecture's image is small, and its bill of materials is attached to it", async () => {
	const { manifests } = await manifestOf(IMAGE);
	expect(manifests.map(({ platform }) => platform)).toEqual(
		ARCHES.map((arch) => ({ ...ARCHITECTURES[arch]?.oci, os: "linux" })),
	);
	for (const [n, { digest, size, platform }] of manifests.entries()) {
		const reference = `${REPOSITORY}@${digest}`;
		const { config, layers } = await manifestOf(reference);
		const sizes = [size, config.size, ...layers.map((layer) => layer.size)];
		const sum = sizes.reduce((a, b) => a + b);
		expect(sum, platform?.architecture).toBeLessThanOrEqual(LARGEST);
		const sbom = `conntrack-flush-${VERSION}-linux-${ARCHES[n]}.cdx.json`;
		expect(
			await attachedTo(reference, "application/vnd.cyclonedx+json"),
		).toEqual([readFileSync(`${dist.dir}/${sbom}`, "utf8")]);
	}
});

test("podman pulls it: labels say where it comes from, and each component has its licence in it", async () => {
	const { machine } = node;
	await machine.must([
		"podman",
		"pull",
		"--quiet",
		"--tls-verify=false",
		IMAGE,
	]);
	const [{ Config }] = JSON.parse(
		await machine.must(["podman", "image", "inspect", IMAGE]),
	);
	const label = (name: string): string =>
		Config.Labels[`org.opencontainers.image.${name}`];
	const commit = await must(["git", "rev-parse", "HEAD"]);
	expect(label("revision")).toBe(commit.trim());
	expect(label("version")).toBe(VERSION);
	expect(label("licenses")).toBe("Apache-2.0");
	expect(label("source")).toMatch(/^https:/);
	const files = `${dist.work}/files`;
	mkdirSync(files);
	await unpackImage(files);
	expectNotices(dist, `${files}/licenses/NOTICE`, ARCH);
	expect(readFileSync(`${files}/licenses/LICENSE`, "utf8")).toBe(
		readFileSync("LICENSE", "utf8"),
	);
});

/** Unpacks what is in the image that podman pulled last. */
async function unpackImage(to: string): Promise<void> {
	const script =
		'podman export "$(podman create "$0")" | tar -x -C "$1" conntrack-flush licenses';
	await node.machine.must(["sh", "-ec", script, IMAGE, to]);
}

test("as an installer it puts the plugin on the node, which brings the demo's clients back", async () => {
	const { machine } = node;
	const bin = node.dir("bin");
	const conf = node.dir("conf");
	for (const plugin of ["bridge", "portmap"])
		writeFileSync(`${bin}/${plugin}`, "", { mode: 0o755 });
	const plugins = [
		{ type: "bridge" },
		{ type: "portmap", capabilities: { portMappings: true } },
	];
	const list = { cniVersion: "1.0.0", name: "mynet", plugins };
	writeFileSync(`${conf}/10-mynet.conflist`, JSON.stringify(list));
	await machine.must([
		...["podman", "--runtime=runc", "--cgroup-manager=cgroupfs", "run", "--rm"],
		...["--network=host", `--cgroup-parent=${machine.cgroup}`, "--read-only"],
		...["--volume", `${bin}:/opt/cni/bin`],
		...["--volume", `${conf}:/etc/cni/net.d`],
		...[IMAGE, "install"],
	]);
	const text = readFileSync(`${conf}/10-mynet.conflist`, "utf8");
	expect(text).toContain('"type":"conntrack-flush"');
	expect(
		readFileSync(`${bin}/conntrack-flush`).equals(
			readFileSync(`build/out/arch/${ARCH}/conntrack-flush`),
		),
	).toBe(true);
	await expectDemo(await createStage(), `${bin}/conntrack-flush`);
});

// after the others, because what is pulled last has the name
test.each(OTHER_ARCHES)(
	"a node of %s pulls its own, which answers under an emulator",
	async (arch) => {
		const { architecture = "", variant = "" } = ARCHITECTURES[arch]?.oci ?? {};
		await node.machine.must([
			...["podman", "pull", "--quiet", "--tls-verify=false"],
			...["--arch", architecture, "--variant", variant, IMAGE],
		]);
		const dir = `${dist.work}/${arch}`;
		mkdirSync(dir);
		const root = await createBareRoot(dir, await createNamespace(arch));
		await unpackImage(dir);
		expectNotices(dist, root.at("/licenses/NOTICE"), arch);
		expect(
			readFileSync(root.at("/conntrack-flush")).equals(
				readFileSync(`build/out/arch/${arch}/conntrack-flush`),
			),
		).toBe(true);
		await expectAnswers(root, emulated(root, arch, "/conntrack-flush"));
	},
);
