import { cursorCompliance } from "@fedmsg/testkit";
import { openCursors } from "../src/index.ts";
import { tempFile } from "./support.ts";

let file = "";

cursorCompliance(
  "SQLite, full",
  ({ again, keysKept }) => {
    if (!again) file = tempFile("cursors.db");
    return openCursors(file, { keysKept });
  },
  { hasDatabase: true },
);

cursorCompliance(
  "SQLite, normal",
  ({ again, keysKept }) => {
    if (!again) file = `sqlite:${tempFile("cursors.db")}`;
    return openCursors(file, { keysKept, sync: "normal" });
  },
  { hasDatabase: true },
);
