import type { CommandDefinition } from "fedmsg/command";

/** `fedmsg-signing-relay`: see `fedmsg/commands/relay.py`. */
const signingRelay: CommandDefinition = {
  name: "signing-relay",
  description:
    "A relay that signs what it forwards, with the certificate that certnames.signing_relay names: for programs that cannot sign themselves. Whoever can reach relay_inbound speaks in its name. It does not start without its certificate.",
  options: [],
  examples: [["fedmsg-signing-relay", "listens, signs and publishes where the configuration says"]],
  run: async (context) => {
    const [{ startSigningRelay }, { runDaemon }] = await Promise.all([import("@fedmsg/hub"), import("../daemon.ts")]);
    return runDaemon(context, (onEvent) =>
      startSigningRelay({ config: context.config, onEvent, processName: "fedmsg-signing-relay" }),
    );
  },
};

export default signingRelay;
