import { expect, test } from "vitest";
import { maskSecrets, secretMask } from "./secrets.ts";

test("passwords are masked, and nothing else", () => {
  const config = {
    stomp_user: "me",
    stomp_pass: "hunter2",
    amqp_broker: "me/hunter2@host",
    persistent_store: "sqlite:/var/lib/x.db",
    "datanommer.sqlalchemy.url": "postgresql://me:p:w@d@db/datanommer",
    stomp_uri: "broker01:61612",
    own: { api_token: "abc", list: [{ password: "x", user: "y" }], url: "https://u:pw@h/x" },
    irc: [{ channel: "a", port: 1, nickserv_passwd: null }],
  };
  expect(maskSecrets(config)).toEqual({
    stomp_user: "me",
    stomp_pass: secretMask,
    amqp_broker: secretMask,
    persistent_store: "sqlite:/var/lib/x.db",
    "datanommer.sqlalchemy.url": `postgresql://me:${secretMask}@db/datanommer`,
    stomp_uri: "broker01:61612",
    own: { api_token: secretMask, list: [{ password: secretMask, user: "y" }], url: `https://u:${secretMask}@h/x` },
    irc: [{ channel: "a", port: 1, nickserv_passwd: null }],
  });
  expect(config.stomp_pass).toBe("hunter2");
});
