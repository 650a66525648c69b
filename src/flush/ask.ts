// What a verb asks of a pass, as data: the process of another verb may do it (lead.ts).

import type { Attachment } from "../policy/mapping.ts";
import type { Action } from "./search.ts";

export interface Ask {
	readonly verb: "ADD" | "DEL";
	/** Of a DEL: attachments that were added later than this one may have its addresses by now. */
	readonly attachment: Attachment;
	readonly action: Action;
}
