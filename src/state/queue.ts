// The queue of a burst: the requests of verbs that wait while another's pass runs, and the
// answers. It lies beside the records. A queue that cannot be used, or a file in it that
// is not ours, harms nobody: the verb works alone.
//
// A verb holds the lock of its own file as long as it waits. So a file that is not locked
// is a dead verb's, of this boot or another, and its request is dropped.

import type { Host } from "../host.ts";
import { queueDir, TAKEN, tryLock, turnPath } from "./turn.ts";

const ASK = ".ask";
/** A request that its verb has not finished writing. */
const NEW = ".new";
const ANSWER = ".answer";
const UNFINISHED = ".tmp";
/** What a leader writes beside a request. */
const ENDS = [ANSWER, ANSWER + UNFINISHED];
/** Much longer than it takes to write a request, in ms. */
const OLD_MS = 10_000;
const QUIET_POLL_MS = 20;
/** A hundred processes start one behind the other on few CPUs: the next one comes within this time. */
const CALM_MS = 20;
/** Two CPUs start a hundred verbs in less. */
const ARRIVE_MS = 500;
/** A walk of the table lets a burst of verbs pass first, but not for ever. */
const QUIET_MS = 10_000;

/**
 * Waits until no verb makes a pass, at most `ms`: a walk beside a burst would cost each of
 * its verbs time. It does not take the turn, because whoever holds it serves the others.
 * Never throws.
 */
export async function awaitQuiet(
	host: Host,
	dataDir: string,
	ms = QUIET_MS,
): Promise<void> {
	for (const end = host.ticks() + ms; ; await host.sleep(QUIET_POLL_MS)) {
		const turn = tryLock(host, turnPath(dataDir));
		if (typeof turn === "function") turn();
		if (turn !== TAKEN || host.ticks() >= end) return;
	}
}

/**
 * Waits until no request comes any more, at most ARRIVE_MS. It is for the one who has the
 * turn. Never throws.
 */
export async function awaitArrivals(
	host: Host,
	dataDir: string,
): Promise<void> {
	const end = host.ticks() + ARRIVE_MS;
	for (let before = 0; host.ticks() < end; ) {
		const length = queueLength(host, dataDir);
		if (length === before) return;
		before = length;
		await host.sleep(CALM_MS);
	}
}

/** A request of this process that waits. */
export interface Waiting {
	readonly name: string;
	/** Returns the answer, or undefined if there is none yet. Never throws. */
	answer(): string | undefined;
	/** Takes the request back, and the answer with it. Never throws. */
	withdraw(): void;
}

/** Puts a request into the queue. Throws SysError if that cannot be done. */
export function enqueue(host: Host, dataDir: string, text: string): Waiting {
	const dir = queueDir(dataDir);
	host.mkdir(dir, 0o700);
	// the engine's chance begins with the clock, and verbs of a burst start together
	const id = pidOf(host) + Math.random().toString(36).slice(2);
	const path = `${dir}/${id}${ASK}`;
	const made = `${dir}/${id}${NEW}`;
	// it is locked and whole before anybody takes it for a request
	const release = host.flock(made, 0);
	try {
		host.appendFile(made, text, 0o600);
		host.rename(made, path);
	} catch (e) {
		discard(host, made);
		release();
		throw e;
	}
	let isAnswered = false;
	return {
		name: id + ASK,
		answer() {
			const text = textOf(host, path + ANSWER);
			isAnswered = text !== undefined;
			return text;
		},
		withdraw() {
			// beside a whole answer there is nothing unfinished, and to look for it costs an exception
			if (isAnswered) for (const end of [ANSWER, ""]) discard(host, path + end);
			else forget(host, path);
			release();
		},
	};
}

/** Returns the process's number and a separator, or "" without /proc. */
function pidOf(host: Host): string {
	try {
		return `${host.full().readLink("/proc/self")}x`;
	} catch {
		return "";
	}
}

/** Returns how many requests are in the queue. Never throws. */
export function queueLength(host: Host, dataDir: string): number {
	return namesIn(host, dataDir).filter((name) => name.endsWith(ASK)).length;
}

/**
 * Returns the requests of the other processes that wait, each name with its text, and
 * removes what dead ones left. It is for the one who has the turn. Never throws.
 */
export function waitingOthers(
	host: Host,
	dataDir: string,
	own: string | undefined,
): ReadonlyMap<string, string> {
	const dir = queueDir(dataDir);
	const names = new Set(namesIn(host, dataDir));
	const found = new Map<string, string>();
	for (const name of names) {
		const path = `${dir}/${name}`;
		const end = ENDS.find((end) => name.endsWith(ASK + end));
		// its verb has taken the request back, and nobody reads the answer
		if (end && !names.has(name.slice(0, -end.length))) discard(host, path);
		if (name.endsWith(NEW) && isOld(host, path)) discard(host, path);
		if (name === own || !name.endsWith(ASK)) continue;
		const lock = tryLock(host, path);
		if (typeof lock === "function") {
			forget(host, path);
			lock();
		} else if (lock === TAKEN && !names.has(name + ANSWER)) {
			const text = textOf(host, path);
			if (text !== undefined) found.set(name, text);
		}
	}
	return found;
}

/** Answers the request. Never throws: a verb without an answer goes on waiting. */
export function answer(
	host: Host,
	dataDir: string,
	name: string,
	text: string,
): void {
	const path = `${queueDir(dataDir)}/${name}${ANSWER}`;
	try {
		// whole or not at all
		host.writeFile(path + UNFINISHED, text, 0o600);
		host.rename(path + UNFINISHED, path);
	} catch {
		discard(host, path + UNFINISHED);
	}
}

/** Returns true for a name that only the queue makes. */
export function isOfQueue(name: string): boolean {
	return new RegExp(
		`^[0-9a-z]+(${NEW}|${ASK}(${ANSWER}(${UNFINISHED})?)?)$`,
	).test(name);
}

/** Returns the names in the queue, none if it cannot be read. */
function namesIn(host: Host, dataDir: string): string[] {
	try {
		return host.readDir(queueDir(dataDir));
	} catch {
		return [];
	}
}

function textOf(host: Host, path: string): string | undefined {
	try {
		return host.readFile(path);
	} catch {
		return undefined;
	}
}

function isOld(host: Host, path: string): boolean {
	try {
		return host.now() - host.full().stat(path).mtimeMs > OLD_MS;
	} catch {
		return false;
	}
}

/** Removes a request, and what has been written for it. */
function forget(host: Host, path: string): void {
	for (const end of ENDS) discard(host, path + end);
	discard(host, path);
}

function discard(host: Host, path: string): void {
	try {
		host.unlink(path);
	} catch {
		// it is absent, or the failure goes on
	}
}
