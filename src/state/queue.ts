// The queue of a burst: requests of verbs that wait while another's pass runs, and those
// of verbs that gave up. It lies beside the records, with the lock that a pass holds. A
// queue that cannot be used, or a file in it that is not ours, harms nobody: the verb
// works alone.
//
// A verb holds the lock of its own file as long as it waits. So a file that is not locked
// is a dead verb's, of this boot or another, and its request is dropped.

import type { Host } from "../host.ts";
import type { AttachmentID } from "../policy/mapping.ts";
import { pathOf } from "./path.ts";
import { queueDir, type Release, TAKEN, tryLock, turnPath } from "./turn.ts";

const ASK = ".ask";
const ANSWER = ".answer";
const UNFINISHED = ".tmp";
/** What a leader writes beside a request. */
const ENDS = [ANSWER, ANSWER + UNFINISHED];
const RECORD = ".json";

/** Whoever serves others holds the lock of this file too. */
export function servingPath(dataDir: string): string {
	return `${dataDir}/serving`;
}

const QUIET_POLL_MS = 20;

/**
 * Waits until no verb makes a pass, at most `ms`: a walk beside a burst would cost each of
 * its verbs time. It does not take the turn, because whoever holds it serves the others.
 * Never throws.
 */
export async function awaitQuiet(
	host: Host,
	dataDir: string,
	ms: number,
): Promise<void> {
	for (const end = host.ticks() + ms; ; await host.sleep(QUIET_POLL_MS)) {
		const turn = tryLock(host, turnPath(dataDir));
		if (typeof turn === "function") turn();
		if (turn !== TAKEN || host.ticks() >= end) return;
	}
}

/** Takes the lock that says that others are served. Never throws. */
export function lockServing(
	host: Host,
	dataDir: string,
): Release | typeof TAKEN | undefined {
	return tryLock(host, servingPath(dataDir));
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
	const name = Math.random().toString(36).slice(2) + ASK;
	const path = `${dir}/${name}`;
	// locked before it has a content, so no reader takes it for a dead verb's
	const release = host.flock(path, 0);
	const withdraw = (): void => {
		forget(host, path);
		release();
	};
	try {
		host.appendFile(path, text, 0o600);
	} catch (e) {
		withdraw();
		throw e;
	}
	return {
		name,
		withdraw,
		answer() {
			try {
				return host.readFile(path + ANSWER);
			} catch {
				return undefined;
			}
		},
	};
}

/**
 * Returns the requests of the other processes that wait, each name with its text, and
 * removes what dead ones left. Never throws.
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
		const end = ENDS.find((end) => name.endsWith(ASK + end));
		// its verb has taken the request back, and nobody reads the answer
		if (end && !names.has(name.slice(0, -end.length)))
			discard(host, `${dir}/${name}`);
		if (name === own || !name.endsWith(ASK)) continue;
		const path = `${dir}/${name}`;
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

/** Returns the name that says that the work of a recorded attachment was left: its record's. */
export function markOf(id: AttachmentID): string {
	return pathOf("", id).slice(1);
}

/** Leaves the rest of the work of a recorded attachment to the next pass. Never throws. */
export function leave(host: Host, dataDir: string, id: AttachmentID): void {
	try {
		host.mkdir(queueDir(dataDir), 0o700);
		host.appendFile(`${queueDir(dataDir)}/${markOf(id)}`, "", 0o600);
	} catch {
		// the agent and `reconcile` find it by themselves
	}
}

/** Returns the names of the records whose work was left. Never throws. */
export function leftBehind(host: Host, dataDir: string): string[] {
	return namesIn(host, dataDir).filter((name) => name.endsWith(RECORD));
}

/** Forgets that the record's work was left. Never throws. */
export function takeUp(host: Host, dataDir: string, name: string): void {
	discard(host, `${queueDir(dataDir)}/${name}`);
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
