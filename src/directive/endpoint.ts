import { addressText, readHostPort } from "./values.ts";

/** A server's address and port. */
export interface Endpoint {
  /** Canonical text. */
  readonly address: string;
  readonly port: number;
  /** `192.0.2.1:53`, `[2001:db8::1]:53`. */
  readonly text: string;
}

/** An IP address with or without a port; undefined for anything else. */
export function readEndpoint(word: string, port: number): Endpoint | undefined {
  const split = addressText(word) === undefined ? readHostPort(word) : { host: word, port: "" };
  const address = split === undefined ? undefined : addressText(split.host);
  const number = split?.port === "" ? port : Number(split?.port);
  if (address === undefined || !Number.isInteger(number) || number < 0 || number > 65535) return undefined;
  return {
    address,
    port: number,
    text: address.includes(":") ? `[${address}]:${number}` : `${address}:${number}`,
  };
}
