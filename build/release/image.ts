// The image of all architectures as an OCI layout in one tar, made without a builder and
// without a registry. Each architecture's bill of materials is attached to its image, as
// an artifact that refers to it (image-spec 1.1, "subject").
// https://github.com/opencontainers/image-spec

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { inTemporary, tar, tarOf, zopfli } from "./archive.ts";
import { ARCHITECTURES, builtFor, type Product } from "./contents.ts";
import { readDockerfile } from "./dockerfile.ts";
import { sha256 } from "./provenance.ts";

const DOCKERFILE = "deploy/Dockerfile";

/** The directory whose files are one architecture's in the Dockerfile. */
const BUILT = "build/out/";

const TYPE = "application/vnd.oci.image";
const EMPTY = "application/vnd.oci.empty.v1+json";
const SBOM = "application/vnd.cyclonedx+json";

/** Content by its digest, as manifests name it. */
export interface Descriptor {
	readonly mediaType: string;
	readonly digest: string;
	readonly size: number;
	readonly [more: string]: unknown;
}

export interface ImageOptions {
	readonly product: Product;
	/** Seconds since 1970: the time of everything inside. */
	readonly epoch: number;
	/** The commit and the place of the sources. */
	readonly commit: string;
	readonly source: string;
	readonly arches: readonly string[];
}

/** Returns the layout as a tar, and the digest by which the image is known. */
export function image(options: ImageOptions): { tar: Buffer; digest: string } {
	return inTemporary((dir) => {
		const index = writeLayout(dir, options);
		return { tar: tarOf(dir, options.epoch), digest: index.digest };
	});
}

function writeLayout(dir: string, options: ImageOptions): Descriptor {
	const { product, epoch, arches } = options;
	mkdirSync(join(dir, "blobs/sha256"), { recursive: true });
	const put = (
		mediaType: string,
		content: Buffer | object,
		more: object = {},
	): Descriptor => {
		const bytes = Buffer.isBuffer(content)
			? content
			: Buffer.from(JSON.stringify(content));
		const hash = sha256(bytes);
		writeFileSync(join(dir, "blobs/sha256", hash), bytes);
		const digest = `sha256:${hash}`;
		return { mediaType, digest, size: bytes.length, ...more };
	};
	const recipe = readDockerfile(readFileSync(DOCKERFILE, "utf8"));
	const created = new Date(epoch * 1000).toISOString().replace(".000", "");
	const labels = {
		...recipe.labels,
		"org.opencontainers.image.created": created,
		"org.opencontainers.image.revision": options.commit,
		"org.opencontainers.image.source": options.source,
		"org.opencontainers.image.version": product.version,
	};

	const platform = (arch: string): object => ({
		...ARCHITECTURES[arch]?.oci,
		os: "linux",
	});
	const imageOf = (arch: string): Descriptor => {
		const layer = tar(
			recipe.copies.map(({ from, to }) => ({
				from: from.startsWith(BUILT)
					? join(builtFor(arch), from.slice(BUILT.length))
					: from,
				to: to.slice(1),
				mode: to === recipe.entrypoint[0] ? 0o755 : 0o644,
			})),
			epoch,
		);
		const config = put(`${TYPE}.config.v1+json`, {
			created,
			...platform(arch),
			config: { Entrypoint: recipe.entrypoint, Labels: labels },
			rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
			history: [{ created, created_by: DOCKERFILE }],
		});
		const manifest = {
			schemaVersion: 2,
			mediaType: `${TYPE}.manifest.v1+json`,
			config,
			layers: [put(`${TYPE}.layer.v1.tar+gzip`, zopfli(layer))],
			annotations: labels,
		};
		return put(manifest.mediaType, manifest, { platform: platform(arch) });
	};
	const sbomOf = (arch: string, subject: Descriptor): Descriptor => {
		const path = `${builtFor(arch)}/sbom.json`;
		const { mediaType, digest, size } = subject;
		const manifest = {
			schemaVersion: 2,
			mediaType: `${TYPE}.manifest.v1+json`,
			artifactType: SBOM,
			config: put(EMPTY, {}),
			layers: [
				put(SBOM, readFileSync(path), {
					annotations: { "org.opencontainers.image.title": basename(path) },
				}),
			],
			subject: { mediaType, digest, size },
			annotations: { "org.opencontainers.image.created": created },
		};
		const { artifactType } = manifest;
		return put(manifest.mediaType, manifest, { artifactType });
	};

	const images = arches.map(imageOf);
	const index = {
		schemaVersion: 2,
		mediaType: `${TYPE}.index.v1+json`,
		manifests: images,
		annotations: labels,
	};
	const named = put(index.mediaType, index, {
		annotations: { "org.opencontainers.image.ref.name": product.version },
	});
	const sboms = images.map((subject, n) => sbomOf(arches[n] ?? "", subject));
	const layout = { imageLayoutVersion: "1.0.0" };
	writeFileSync(join(dir, "oci-layout"), JSON.stringify(layout));
	writeFileSync(
		join(dir, "index.json"),
		JSON.stringify({
			schemaVersion: 2,
			mediaType: index.mediaType,
			manifests: [named, ...sboms],
		}),
	);
	return named;
}
