// The diff that --dry-run shows, in the format of `diff -u`.

import { describe, expect, test } from "vitest";
import { unified } from "../../../../src/install/diff.ts";

const PATH = "/x/y";

describe("a change as a diff", () => {
	test.each<[string, string | undefined, string | undefined, string]>([
		["nothing", "a\n", "a\n", ""],
		[
			"a new file",
			undefined,
			"a\nb\n",
			"--- /dev/null\n+++ /x/y\n@@ -0,0 +1,2 @@\n+a\n+b\n",
		],
		[
			"a file that goes",
			"a\n",
			undefined,
			"--- /x/y\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n",
		],
		[
			"an insertion before an empty line",
			"\na\n",
			"b\n\na\n",
			"--- /x/y\n+++ /x/y\n@@ -1,2 +1,3 @@\n+b\n \n a\n",
		],
		[
			"two insertions around a line",
			"1\n2\n3\n4\np\n5\n6\n7\n8\n",
			"1\n2\n3\n4\nd\np\na\n5\n6\n7\n8\n",
			"--- /x/y\n+++ /x/y\n@@ -2,7 +2,9 @@\n 2\n 3\n 4\n+d\n p\n+a\n 5\n 6\n 7\n",
		],
		[
			"changes far apart",
			"1\n2\n3\n4\n5\n6\n7\n8\n9\n",
			"0\n1\n2\n3\n4\n5\n6\n7\n8\n",
			"--- /x/y\n+++ /x/y\n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -6,4 +7,3 @@\n 6\n 7\n 8\n-9\n",
		],
		[
			"a line that changes, the last without a line feed",
			"a\nb",
			"a\nc",
			"--- /x/y\n+++ /x/y\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n",
		],
	])("%s", (_, before, after, want) => {
		expect(unified({ path: PATH, before, after })).toBe(want);
	});
});

test("thousands of lines, and a line as long as a file, are no trouble", () => {
	const lines = Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join("");
	const before = `a\n${lines}${"x".repeat(764_000)}`;
	const diff = unified({
		path: PATH,
		before,
		after: `a\nb\n${before.slice(2)}`,
	});
	expect(diff.split("\n")[2]).toBe("@@ -1,4 +1,5 @@");
});
