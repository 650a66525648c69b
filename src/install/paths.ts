// The directories of a node's plugins and networks. It only asks the file system
// which of the directories exist and what is in them.

import {
	type FileStat,
	type FullHost,
	type Host,
	isNotFound,
	isSysError,
} from "../host.ts";
import { confNames } from "./conflist.ts";
import { Refusal } from "./refusal.ts";

/** The longest configuration that is read. The executable has 56 MiB of memory, and holds a text several times. */
const MAX_CONFIGURATION = 4 << 20;

/** The directories as the node sees them. A container sees them under the prefix `root`. */
export interface Where {
	/** The prefix: empty on the node itself. */
	readonly root: string;
	readonly binDirs: readonly string[];
	readonly confDir: string | undefined;
	/** The network's file in it; undefined for the first by name. */
	readonly confName: string | undefined;
	readonly cacheDir: string;
	readonly dataDir: string;
}

export interface Directories {
	readonly binDirs: readonly string[];
	readonly confDir: string;
}

/** The places of one runtime, with the prefix. */
export interface RuntimePlaces {
	readonly root: string;
	readonly confDir: string;
	/** Somebody has named the directory: it may be Multus's own, which the runtime does not read. */
	readonly isNamed: boolean;
	readonly confName: string | undefined;
	/** Every directory where the runtime may look for plugins. */
	readonly binDirs: readonly string[];
}

/**
 * The directories that platforms use. The first ones exist on one platform only;
 * the last ones may exist on any.
 */
const BIN_DIRS = [
	"/var/lib/rancher/k3s/data/cni",
	"/var/lib/rancher/k3s/data/current/bin",
	"/var/snap/microk8s/current/opt/cni/bin",
	"/home/kubernetes/bin", // GKE
	"/var/lib/cni/bin", // OpenShift
	"/opt/cni/bin",
	"/usr/lib/cni", // Debian
	"/usr/libexec/cni", // Fedora
];
const CONF_DIRS = [
	"/var/lib/rancher/k3s/agent/etc/cni/net.d",
	"/var/snap/microk8s/current/args/cni-network",
	"/etc/cni/net.d",
];
/** Plugins that every runtime calls: a directory that has one is a directory where the runtime looks. */
const PLUGINS = ["portmap", "loopback", "bridge"];

/** Returns the directories that were given, or else those that are found. Throws Refusal if there are none. */
export function findDirectories(host: Host, where: Where): Directories {
	const { root } = where;
	return {
		confDir: where.confDir ?? findConfDir(host, root),
		binDirs: where.binDirs.length > 0 ? where.binDirs : findBinDirs(host, root),
	};
}

/** Returns the places that a runtime looks at. Throws Refusal if there is no directory of configurations. */
export function placeOf(host: Host, where: Where): RuntimePlaces {
	const { root, confName } = where;
	return {
		root,
		confDir: root + (where.confDir ?? findConfDir(host, root)),
		isNamed: where.confDir !== undefined,
		confName,
		binDirs: allDirectories(host, where).binDirs,
	};
}

/** Returns all directories that exist, or those of the given ones, with the prefix. There may be none. */
export function allDirectories(
	host: Host,
	{ root, confDir, binDirs }: Where,
): { readonly confDirs: string[]; readonly binDirs: string[] } {
	const there = (dirs: readonly string[]): string[] =>
		dirs.map((dir) => root + dir).filter((dir) => namesIn(host, dir));
	return {
		confDirs: there(confDir === undefined ? CONF_DIRS : [confDir]),
		binDirs: there(binDirs.length > 0 ? binDirs : BIN_DIRS),
	};
}

/** Returns the first directory with a configuration, or else the first that exists. */
function findConfDir(host: Host, root: string): string {
	const there = CONF_DIRS.map((dir) => ({
		dir,
		names: namesIn(host, root + dir),
	}));
	const found =
		there.find(({ names }) => names && confNames(names).length > 0) ??
		there.find(({ names }) => names);
	if (found) return found.dir;
	throw new Refusal(
		`none of ${CONF_DIRS.map((dir) => root + dir).join(", ")} is there`,
		"Name the runtime's directory of configurations with --cni-conf-dir.",
	);
}

/** Returns the directories that have one of the usual plugins, or else the first that exists. */
function findBinDirs(host: Host, root: string): string[] {
	const there = BIN_DIRS.map((dir) => ({
		dir,
		names: namesIn(host, root + dir),
	}));
	const used = there.filter(({ names }) =>
		names?.some((n) => PLUGINS.includes(n)),
	);
	const first = there.find(({ names }) => names);
	if (used.length > 0) return used.map(({ dir }) => dir);
	if (first) return [first.dir];
	throw new Refusal(
		`none of ${BIN_DIRS.map((dir) => root + dir).join(", ")} is there`,
		"Name the directory of the other plugins with --cni-bin-dir.",
	);
}

/** Returns the names in the directory, or undefined if there is no such directory. */
export function namesIn(host: Host, dir: string): string[] | undefined {
	try {
		return host.readDir(dir);
	} catch (e) {
		if (isNotFound(e)) return undefined;
		throw e;
	}
}

/** Returns the kind of the file, links followed; undefined if there is none, or if a link leads nowhere. */
export function kindOf(
	host: FullHost,
	path: string,
): FileStat["kind"] | undefined {
	return statOf(host, path)?.kind;
}

/** Returns everything that stat tells, links followed; undefined if there is no file, or if a link leads nowhere. */
export function statOf(host: FullHost, path: string): FileStat | undefined {
	try {
		return host.stat(path);
	} catch (e) {
		if (isNotFound(e) || (isSysError(e) && e.code === "ELOOP"))
			return undefined;
		throw e;
	}
}

/** Returns the kind of the file as readDir sees it, links not followed; undefined if there is none. */
export function entryKind(
	host: FullHost,
	path: string,
): FileStat["kind"] | "link" | undefined {
	try {
		host.readLink(path);
		return "link";
	} catch (e) {
		if (isNotFound(e)) return undefined;
		if (!isSysError(e) || e.code !== "EINVAL") throw e;
		return kindOf(host, path);
	}
}

/** Returns the text of the file, or undefined if there is none. Throws Refusal if it is not UTF-8, because it could not be written back as it was, and if it is too large. */
export function textOf(host: Host, path: string): string | undefined {
	try {
		return host.readFile(path, MAX_CONFIGURATION);
	} catch (e) {
		if (isNotFound(e)) return undefined;
		if (isSysError(e) && e.code === "EILSEQ")
			throw new Refusal(
				`${path} is not UTF-8`,
				"What it holds besides could not be kept: save it as UTF-8, or change it by hand (--mode print).",
			);
		if (isSysError(e) && e.code === "EFBIG")
			throw new Refusal(
				`${path} has more than ${MAX_CONFIGURATION >> 20} MiB`,
				"Make it smaller, or change it by hand (--mode print).",
			);
		throw e;
	}
}

export function parentOf(path: string): string {
	return path.slice(0, path.lastIndexOf("/"));
}

export function baseOf(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}
