import { type Config, type ConfigInput, completeConfig } from "fedmsg/config";

/** An address of this machine with a port that nobody uses. */
export const anyAddress = "tcp://127.0.0.1:*";

/**
 * A complete configuration that reads no file of this machine and meets no bus that may run on it: the defaults, but
 * nobody listed in `endpoints`, wildcard ports for the daemons, no `post_init_sleep`, and no signatures.
 */
export function testConfig(overrides: ConfigInput = {}): Config {
  return completeConfig({
    endpoints: {},
    relay_inbound: [anyAddress],
    "fedmsg.consumers.gateway.port": 0,
    "fedmsg.consumers.gateway.interface": "127.0.0.1",
    post_init_sleep: 0,
    validate_signatures: false,
    ...overrides,
  });
}
