// Recognizes that the reader of our output is gone, as in `list | head`. That is no
// failure.

import { isSysError } from "../host.ts";

/** Returns true if nobody reads our output any more. A loop ends then. */
export function isClosedPipe(e: unknown): boolean {
	return isSysError(e) && e.code === "EPIPE";
}
