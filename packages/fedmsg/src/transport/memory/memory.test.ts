import { transportCompliance } from "@fedmsg/testkit";
import { createMemoryTransport } from "./index.ts";

transportCompliance("memory", () => createMemoryTransport(), {
  resolvesHosts: false,
  boundsPeersByBytes: true,
  buffersBetween: false,
  countsEveryLoss: true,
});
