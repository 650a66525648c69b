// docs/cli.md shows the real output.

import { testPage } from "./page.ts";
import { transcribe } from "./transcript.ts";

testPage("docs/cli.md", transcribe);
