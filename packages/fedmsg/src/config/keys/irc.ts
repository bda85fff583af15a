/** The bot on IRC (`fedmsg/config.py`, "IRC"). */

import * as v from "valibot";
import { defaulted } from "../key.ts";
import { flag, mapping, members, port, seconds, text, texts, word } from "../values.ts";

/** The colours that IRC clients know, in the order of their numbers (`fedmsg/consumers/ircbot.py`, `mirc_colors`). */
const colors = [
  "white",
  "black",
  "blue",
  "green",
  "red",
  "brown",
  "purple",
  "orange",
  "yellow",
  "light green",
  "teal",
  "light cyan",
  "light blue",
  "pink",
  "grey",
  "light grey",
] as const;

const filters = members(
  {
    topic: v.nullish(texts, () => []),
    body: v.nullish(texts, () => []),
  },
  "a mapping with the lists topic and body",
);

/** One connection of the bot. Members that are left out have the bot's own defaults, which differ from the sample's. */
const bot = members(
  {
    network: v.nullish(text, "irc.freenode.net"),
    port: v.nullish(port, 6667),
    ssl: v.nullish(flag, false),
    nickname: v.nullish(text, "fedmsg-bot"),
    channel: text,
    timeout: v.nullish(seconds, 120),
    make_pretty: v.nullish(flag, false),
    make_terse: v.nullish(flag, false),
    make_short: v.nullish(flag, false),
    line_rate: v.nullish(seconds, 1),
    filters: v.nullish(filters, () => ({ topic: [], body: [] })),
  },
  "a mapping that names at least a channel",
);

/** The bot on IRC. */
export const ircKeys = {
  irc: defaulted(
    v.nullable(v.array(bot, "a list of mappings, one for each channel"), () => []),
    [
      {
        network: "irc.freenode.net",
        port: 6667,
        ssl: false,
        nickname: "fedmsg-dev",
        channel: "my-fedmsg-channel",
        timeout: 120,
        make_pretty: true,
        make_terse: true,
        make_short: true,
        line_rate: 0.9,
        filters: { topic: [], body: ["lub-dub"] },
      },
    ],
    "What the bot says where, one entry for each channel: `network`, `port`, `ssl`, `nickname`, `channel`, `timeout` " +
      "(seconds), `make_pretty` (colours), `make_terse` (sentences), `make_short` (short links), `line_rate` (seconds " +
      "for each line) and `filters` (regular expressions on `topic` and `body` that keep a message out).",
  ),
  irc_color_lookup: defaulted(
    v.nullable(mapping(word(colors), "a mapping of services to colours"), () => ({})),
    {
      fas: "light blue",
      bodhi: "green",
      git: "red",
      tagger: "brown",
      wiki: "purple",
      logger: "orange",
      pkgdb: "teal",
      buildsys: "yellow",
      planet: "light green",
    },
    "The colour in which the bot prints the messages of each service.",
  ),
  irc_default_color: defaulted(
    word(colors),
    "light grey",
    "The colour of services that `irc_color_lookup` does not list.",
  ),
  irc_method: defaulted(
    word(["notice", "msg"]),
    "notice",
    "Whether the bot speaks in notices, which other bots do not answer, or in messages (`msg`).",
  ),
};
