/** Why a connection was ended by us: what the peer did, as a word from a closed list. */
export const cutReasons = {
  "bad-greeting": "what it sent first is no greeting of ZMTP",
  "old-version": "it speaks ZMTP 1.0 or 2.0",
  mechanism: "it asks for another security mechanism than NULL",
  "bad-command": "a command is malformed, unknown in a handshake, or of the wrong kind",
  "socket-type": "its socket type does not go with ours",
  "bad-frame": "a frame's flags are none that ZMTP 3 knows",
  "frame-too-large": "a frame is over `limits.frameBytesMax`",
  "message-too-large": "a message is over `limits.messageBytesMax`",
  "too-many-frames": "a message has more than `limits.framesMax` frames",
  "too-many-subscriptions": "it asked for more than `limits.subscriptionsMax` prefixes",
  "subscription-too-long": "a prefix is over `limits.subscriptionBytesMax`",
  "too-many-peers": "there are `limits.peersMax` peers already",
  "too-many-handshakes": "there are `limits.handshakesMax` half-open handshakes already",
  "too-many-commands": "it sends more than `limits.commandsPerSecondMax` commands and subscriptions",
  "handshake-timeout": "its handshake took longer than `handshakeMs`",
  "heartbeat-timeout": "nothing was heard from it for too long",
  "identity-taken": "another peer of this ROUTER has the same identity",
  "queue-full": "it does not take what is sent to it",
} as const;

/** One of {@link cutReasons}. */
export type CutReason = keyof typeof cutReasons;

/** A peer broke the protocol or a limit. Thrown by the codec, caught by the connection, which is then over. */
export class ProtocolFault extends Error {
  override readonly name = "ProtocolFault";
  readonly reason: CutReason;

  /** @param detail what was found, beside what is allowed */
  constructor(reason: CutReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}
