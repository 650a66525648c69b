// One clock for all processes of the machine: CLOCK_MONOTONIC, in milliseconds.
// Network namespaces share it, so a time taken by a receiver in a pod can be
// compared with the moment at which the test saw a plugin exit.

export function now(): number {
	return Number(process.hrtime.bigint()) / 1e6;
}

export function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
