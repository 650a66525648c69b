// An output that nobody reads any more is told from every other error.

import { expect, test } from "vitest";
import { isClosedPipe } from "../../../../src/cli/pipe.ts";
import { sysError } from "../../../support/fakehost.ts";

test.each<[string, unknown, boolean]>([
	["the reader is gone", sysError("EPIPE", "write"), true],
	["the disk is full", sysError("ENOSPC", "write"), false],
	["an error of no system call", new Error("EPIPE"), false],
	["the code alone", { code: "EPIPE" }, false],
	["nothing", undefined, false],
])("%s", (_, e, want) => expect(isClosedPipe(e)).toBe(want));
