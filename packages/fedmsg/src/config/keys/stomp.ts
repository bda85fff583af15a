/** A hub on a STOMP broker (`fedmsg/config.py`, "STOMP"; `moksha/hub/stomp`). */

import { defaulted, optional } from "../key.ts";
import { flag, port, seconds, text, textOrNull, whole, word } from "../values.ts";

/** Brokers that speak STOMP or AMQP. */
export const stompKeys = {
  stomp_uri: defaulted(
    textOrNull,
    null,
    "Brokers as `host:port`, with commas between them; the next is tried when one fails. null for no broker.",
  ),
  stomp_broker: optional(text, "The one broker to use where `stomp_uri` is not set: a host name."),
  stomp_port: defaulted(port, 61_613, "The TCP port of `stomp_broker`. 0 to 65535."),
  stomp_user: defaulted(textOrNull, null, "The user name at the broker; null for `guest`."),
  stomp_pass: defaulted(textOrNull, null, "The password at the broker; null for `guest`.", { secret: true }),
  stomp_ssl_crt: defaulted(textOrNull, null, "The file with the certificate shown to the broker (PEM); null for none."),
  stomp_ssl_key: defaulted(
    textOrNull,
    null,
    "The file with the private key of `stomp_ssl_crt` (PEM). TLS is used when both are set; null for none.",
  ),
  stomp_delay: defaulted(
    seconds,
    0.1,
    "How long to wait before connecting again; it grows with each failure. Seconds, 0 or more, fractions allowed.",
  ),
  stomp_heartbeat: defaulted(
    whole(),
    0,
    "How often to show the broker that the hub is alive. Milliseconds, 0 or more; 0 for never.",
  ),
  stomp_queue: optional(text, "Listen to this queue only. Without it: to the topics that the consumers name."),
  stomp_ack_mode: defaulted(
    word(["auto", "client", "client-individual"]),
    "auto",
    "Whether the broker forgets a message when it is sent (`auto`) or when a consumer is done with it.",
  ),
  stomp_send_explicit_nacks: defaulted(
    flag,
    true,
    "Tell the broker when a consumer failed, so that it sends the message again; with false, say nothing.",
  ),
  stomp_unescape_headers: defaulted(flag, true, "Undo STOMP's escapes in the headers of messages."),
};
