// The reader of our output may go away before we are done, as in `list | head`.

import { isSysError } from "../host.ts";

/** Whether there is nobody any more to print for; a loop ends with it. */
export function isClosedPipe(e: unknown): boolean {
	return isSysError(e) && e.code === "EPIPE";
}
