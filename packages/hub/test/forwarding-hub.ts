import { testConfig } from "@fedmsg/testkit";
import type { StatusEvent } from "fedmsg";
import { defineConsumer, type Transport } from "fedmsg/plugin";
import { Forwarding, type Output } from "../src/forwarding.ts";
import { type Hub, startHub } from "../src/hub.ts";
import { KeptLog } from "./stage.ts";

/** A hub that forwards what comes from some addresses. */
export interface ForwardingHub extends Pick<Hub, "drain" | "close" | "done"> {
  readonly counts: Forwarding["counts"];
}

/** Starts a hub whose only consumer is a forwarding to an output of the test's. */
export async function startForwarding(
  transport: Transport,
  endpoints: readonly string[],
  { output, bodyBytesMax }: { readonly output: Output; readonly bodyBytesMax: number },
  onEvent: (event: StatusEvent) => void = () => {},
): Promise<ForwardingHub> {
  const config = testConfig({ endpoints: { in: [...endpoints] }, mute: true });
  const forwarding = new Forwarding({ output, bodyBytesMax, tell: onEvent });
  const consumer = defineConsumer({
    name: "forwarding",
    open: async () => ({
      inputs: { connect: "endpoints" as const },
      consume: forwarding.forward.bind(forwarding),
      counts: () => forwarding.counts,
      hurry: () => output.hurry?.(),
      drain: () => output.drain(),
      close: () => output.close(),
    }),
  });
  const hub = await startHub({ config, transport, consumers: [consumer], log: new KeptLog(), onEvent });
  return {
    drain: () => hub.drain(),
    close: () => hub.close(),
    done: hub.done,
    get counts() {
      return forwarding.counts;
    },
  };
}
