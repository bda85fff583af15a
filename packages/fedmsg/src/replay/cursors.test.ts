import { cursorCompliance } from "@fedmsg/testkit";
import { createMemoryCursors } from "./cursors.ts";

cursorCompliance("in memory", createMemoryCursors, { hasDatabase: false });
