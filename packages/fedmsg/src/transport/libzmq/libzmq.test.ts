import { transportCompliance } from "@fedmsg/testkit";
import { createLibzmqTransport } from "./index.ts";

transportCompliance("libzmq", () => createLibzmqTransport(), {
  resolvesHosts: true,
  boundsPeersByBytes: false,
  countsEveryLoss: false,
  returnsAfterTooLarge: false,
});
