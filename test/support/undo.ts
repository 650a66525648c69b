// Actions that take back what a run has made, newest first: at the end, on failure, on SIGINT
// and SIGTERM. Only what this process made itself is ever registered here, and
// every action is synchronous, because an exiting process waits for nothing.

const actions: (() => void)[] = [];
let armed = false;

/** Registers an action; the result runs it now, and it is not run again. */
export function onEnd(undo: () => void): () => void {
	arm();
	actions.push(undo);
	return () => {
		const at = actions.indexOf(undo);
		if (at < 0) return;
		actions.splice(at, 1);
		undo();
	};
}

export function undoAll(): void {
	for (let undo = actions.pop(); undo !== undefined; undo = actions.pop()) {
		try {
			undo();
		} catch (e) {
			process.stderr.write(`cleaning up: ${e}\n`);
		}
	}
}

function arm(): void {
	if (armed) return;
	armed = true;
	process.on("exit", undoAll);
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
		process.once(signal, () => {
			undoAll();
			// The handler is gone now: die of the signal, as the caller expects.
			process.kill(process.pid, signal);
		});
	}
}
