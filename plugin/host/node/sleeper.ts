// A wait that can be ended early.

export function sleeper(ms: number): { done: Promise<void>; wake: () => void } {
	let wake = (): void => {};
	const done = new Promise<void>((resolve) => {
		const timer = setTimeout(resolve, ms);
		wake = () => {
			clearTimeout(timer);
			resolve();
		};
	});
	return { done, wake };
}
