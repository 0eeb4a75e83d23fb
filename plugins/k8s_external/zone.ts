import { join, nameOf, type Name } from "../../src/dns/name.ts";
import { rdata, record } from "../../src/dns/records.ts";
import type { RR } from "../../src/dns/rr.ts";
import { TYPE } from "../../src/dns/types.ts";

/** How an external zone shows itself, and for how long. */
export interface Look {
  /** The name, below the zone, below which its own records are. */
  readonly apex: Name;
  /** Seconds: of addresses, and of the zone's own records. */
  readonly ttl: number;
  /** Headless services without external addresses show their endpoints. */
  readonly headless: boolean;
}

const NS1 = nameOf("ns1");
const HOSTMASTER = nameOf("hostmaster");

/** Where the zone's own records are, and the only name server's name. */
export const apexOf = ({ apex }: Look, zone: Name): Name => join(apex, zone);
export const serverOf = (look: Look, zone: Name): Name => join(NS1, apexOf(look, zone));

export function soaOf(look: Look, zone: Name, serial: number): RR {
  const { ttl } = look;
  const timers = { refresh: 7200, retry: 1800, expire: 86400, minimum: ttl };
  const mailbox = join(HOSTMASTER, apexOf(look, zone));
  return record(zone, TYPE.SOA, ttl, rdata.soa(serverOf(look, zone), mailbox, serial, timers));
}

export const nsOf = (look: Look, zone: Name): RR =>
  record(zone, TYPE.NS, look.ttl, rdata.ns(serverOf(look, zone)));
