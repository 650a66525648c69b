// A configuration that has keys of ours is checked against the schema.

import { validate } from "../../build/gen/conf.validate.js";
import type { InvalidValue } from "./request.ts";

/** Throws a Problem for the first key that the schema refuses. */
export function checkKeys(members: Record<string, unknown>): void {
	if (validate(members)) return;
	const [error] = validate.errors ?? [];
	const path = (error?.instancePath ?? "").split("/").slice(1);
	let value: unknown = members;
	for (const key of path)
		value = (value as Record<string, unknown> | undefined)?.[key];
	const must = error?.message ?? "";
	throw {
		is: "value",
		where: path.join("."),
		value,
		must,
	} satisfies InvalidValue;
}
