import { journalCompliance } from "@fedmsg/testkit";
import { openJournal } from "../src/index.ts";
import { tempFile } from "./support.ts";

journalCompliance("SQLite, full", ({ now }) => openJournal(tempFile(), { now }));
journalCompliance("SQLite, normal", ({ now }) => openJournal(`sqlite:${tempFile()}`, { now, sync: "normal" }));
