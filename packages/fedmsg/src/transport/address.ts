import { type Address, type AddressUse, formatAddress, parseAddress as parse, ZmtpError } from "@fedmsg/zmtp";
import { FedmsgError } from "../errors.ts";

export { type Address, type AddressUse, formatAddress };

/**
 * Takes an address apart, before a socket sees it: libzmq takes port 99999 for 34463 without a word.
 *
 * @throws FedmsgError FEDMSG_ADDRESS_INVALID naming the part that is wrong
 */
export function parseAddress(address: string, use: AddressUse): Address {
  try {
    return parse(address, use);
  } catch (error) {
    if (!(error instanceof ZmtpError)) throw error;
    throw new FedmsgError("FEDMSG_ADDRESS_INVALID", error.message, { cause: error });
  }
}
