import { ipv4Bytes, ipv6Bytes } from "../../src/dns/address.ts";
import type { Cidr } from "../../src/directive/index.ts";
import type { RR } from "../../src/dns/rr.ts";
import { TYPE } from "../../src/dns/types.ts";

/** Puts addresses in front by the first network that holds them, in the networks' order; what is in none stays behind, in its order. */
export function preferNetworks(networks: readonly Cidr[]): (records: readonly RR[]) => readonly RR[] {
  const tests = networks.map(inNetwork);
  const rank = (rr: RR): number => {
    const first = tests.findIndex((test) => test(rr));
    return first < 0 ? tests.length : first;
  };
  return (records) => {
    const isAddress = (rr: RR): boolean => rr.type === TYPE.A || rr.type === TYPE.AAAA;
    const addresses = records.filter(isAddress).sort((a, b) => rank(a) - rank(b));
    let next = 0;
    return records.map((rr) => (isAddress(rr) ? addresses[next++]! : rr));
  };
}

function inNetwork({ address, bits, family }: Cidr): (rr: RR) => boolean {
  const type = family === 4 ? TYPE.A : TYPE.AAAA;
  const wanted = (family === 4 ? ipv4Bytes(address) : ipv6Bytes(address))!;
  const whole = bits >> 3;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return ({ type: has, rdata }) =>
    has === type &&
    rdata.startsWith(wanted.slice(0, whole)) &&
    (mask === 0 || (rdata.charCodeAt(whole) & mask) === (wanted.charCodeAt(whole) & mask));
}
