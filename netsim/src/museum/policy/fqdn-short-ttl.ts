import { createDnsCache, type DnsCacheOptions } from "../../policy/cilium/dns-cache.ts";
import { learnedAddresses } from "../../policy/cilium/dns-proxy.ts";
import { createNet } from "../../policy/net.ts";
import { manifests, NODES } from "../lab/cluster.ts";
import { SHOP } from "../lab/trace.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "bucket.s3.example.com.";
const TTL = 5;
/** Seconds: the application keeps the address for so long, as many HTTP clients do. */
const KEPT = 300;
const GC = 60;
const EVERY = 20;
const POLICY = `
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: out, namespace: shop }
spec:
  endpointSelector: {}
  egress:
  - toFQDNs: [{ matchName: bucket.s3.example.com }]
---`;

/** A client that looks up every five minutes and opens a connection of half a second every twenty seconds; for an hour. */
function client(options: DnsCacheOptions) {
  const cluster = manifests(NODES + SHOP + POLICY);
  const cache = createDnsCache(options);
  let address = "";
  let denied = 0;
  let allowed = 0;
  let first = 0;
  for (let now = 0; now < 3600; now += EVERY) {
    if (now % KEPT === 0) {
      address = `192.0.2.${1 + now / KEPT}`;
      cache.lookup(now, NAME, [address], TTL);
    }
    // The agent's collectors: connections are short, so none is under way when they look.
    if (now % GC === 0 && now > 0) {
      cache.conntrackGc(now, []);
      cache.gc(now);
    }
    const net = createNet(cluster, { enforcer: "cilium", cilium: { dns: learnedAddresses(cache) } });
    const { verdict } = net.connect("shop/web", address, { port: { port: 443, protocol: "TCP" } });
    if (verdict === "allow") allowed++;
    else {
      if (denied === 0) first = now;
      denied++;
    }
  }
  return { denied, allowed, first };
}

export const fqdnShortTtl: Exhibit = {
  id: "fqdn-short-ttl",
  title: "The address that policy forgot before the program did",
  year: 2022,
  wing: "policy",
  threads: [
    thread(
      "cilium/cilium#21439",
      "dns: Set --tofqdns-min-ttl to zero by default",
      "from now on an address is allowed for as long as its TTL; applications that connect later need the option",
    ),
    thread(
      "cilium/cilium#30936",
      "fqdn: bump stale grace period to 60 seconds",
      "many applications do not look up again for each connection, and their traffic is dropped",
    ),
  ],
  run() {
    const story = createStory();
    const plain = client({});
    story.tell(
      `A bucket's name has a TTL of ${TTL} s; the program looks it up every ${KEPT} s, and connects every ${EVERY} s for an instant`,
    );
    story.tell(
      `The agent drops the address when nothing uses it: the first connection is denied after ${plain.first} s, ${plain.denied} of ${plain.denied + plain.allowed} in an hour`,
    );
    const long = client({ minTTL: 3600 });
    story.tell(`With tofqdns-min-ttl 3600: ${long.denied} denied`);
    story.holds(
      "connections to an address that was allowed are denied",
      plain.denied > 0 && plain.allowed > 0,
    );
    story.holds("not before its TTL and the collections are over", plain.first > TTL);
    story.holds("a minimum TTL as long as the program's memory mends it", long.denied === 0);
    return Promise.resolve(
      story.end({
        broken: {
          on: "Cilium since 1.13 (tofqdns-min-ttl 0), short TTLs, programs with a DNS cache of their own",
          what: `${plain.denied} of ${plain.denied + plain.allowed} connections are denied`,
          facts: { denied: plain.denied, allowed: plain.allowed, first_denied_s: plain.first },
        },
        mended: {
          on: "tofqdns-min-ttl above the time for which programs keep addresses (before 1.13: 3600)",
          what: `${long.denied} are denied`,
          facts: { denied: long.denied, allowed: long.allowed },
        },
        lesson:
          "A policy by name is a bet on everybody's caches. TTLs bind resolvers; few programs know them.",
      }),
    );
  },
};
