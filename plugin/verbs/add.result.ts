// The result that ADD prints, where prevResult is not simply written as JSON.stringify
// would write it.

import { memberSpan } from "../../src/rawjson.ts";
import type { PluginConf } from "../cni/conf.ts";

/** Returns the text of prevResult as it came, with the request's version if it has none: every result needs one (SPEC.md, section 5). */
export function resultText({
	prevResult,
	cniVersion,
	text,
}: PluginConf): string {
	const span = memberSpan(text, "prevResult");
	const result = span ? text.slice(span.from, span.to) : "";
	const keys = Object.keys(prevResult ?? {});
	// Go's decoder ignores letter case
	if (keys.some((key) => key.toLowerCase() === "cniversion")) return result;
	const version = `{"cniVersion":${JSON.stringify(cniVersion)}`;
	return version + (keys.length > 0 ? "," : "") + result.slice(1);
}
