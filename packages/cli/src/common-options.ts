import { atLeast, type OptionDefinition } from "./command.ts";

/** The flags that every command understands (`fedmsg/commands/__init__.py`). Their defaults are the configuration's. */
export const commonOptions: readonly OptionDefinition[] = [
  {
    flags: "--config-filename <path>",
    description: "read this file or folder instead of the usual places",
  },
  { flags: "--print-config", description: "print the configuration that results as JSON, and exit" },
  { flags: "--topic-prefix <prefix>", description: "what topics begin with", key: "topic_prefix" },
  {
    flags: "--timeout <seconds>",
    description: "how long to wait, where the command waits for something",
    parse: atLeast(0),
    key: "timeout",
  },
  {
    flags: "--high-water-mark <messages>",
    description: "messages queued for each peer before it counts as full; 0 means no limit but the one in bytes",
    parse: atLeast(0, "whole"),
    key: "high_water_mark",
  },
  {
    flags: "--linger <ms>",
    description: "how long messages may take to leave when a socket is closed",
    parse: atLeast(0, "whole"),
    key: "zmq_linger",
  },
  {
    flags: "--post-init-sleep <seconds>",
    description: "how long a publisher keeps its first messages for subscribers that are just connecting",
    parse: atLeast(0),
    key: "post_init_sleep",
  },
  {
    flags: "--io-threads <n>",
    description: "threads that carry the data, where the transport has any",
    parse: atLeast(0, "whole"),
    key: "io_threads",
  },
];
