// The commands about a whole table: `list`, `top`, `doctor` and `flush --stale`, for a
// hundred recorded hostPorts.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Node } from "./node.ts";
import type { Op } from "./ops.ts";
import { writeRecords } from "./reconcile.ts";

/** What people use to see the same. */
export const LIST = "conntrack -L";

/** The words after the executable's name; the records that they name are written. */
export function tableWords(op: Op, node: Node): string[] {
	const root = join(node.dir, op.id);
	const records = join(root, "records");
	mkdirSync(records, { recursive: true });
	writeRecords(op.request.ports, records);
	// a node without a conflist and without libcni's cache
	if (op.id === "doctor")
		return ["doctor", "--host-root", root, "--data-dir", "/records"];
	const where = ["--data-dir", records, "--cni-cache-dir", join(root, "none")];
	if (op.id === "top") return ["top", ...where];
	if (op.id === "flush-stale") return ["flush", "--stale", ...where];
	return ["list", op.id === "list-all" ? "--all" : "--stale", ...where];
}
