import { transportCompliance } from "@fedmsg/testkit";
import { createZmtpTransport } from "./index.ts";

transportCompliance("zmtp", () => createZmtpTransport(), {
  resolvesHosts: true,
  boundsPeersByBytes: true,
  buffersBetween: true,
  countsEveryLoss: true,
});
