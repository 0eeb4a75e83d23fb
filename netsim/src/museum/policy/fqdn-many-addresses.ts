import { createDnsCache, type DnsCacheOptions } from "../../policy/cilium/dns-cache.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "sns.example.com.";
/** Each answer has another address; connections live for ten minutes. Seconds. */
const EVERY = 5;
const LIVES = 600;
const TTL = 60;
const HOUR = 3600;

/** Connections that lose their address while they live. */
function client(options: DnsCacheOptions) {
  const cache = createDnsCache(options);
  const open = new Map<string, number>();
  let cut = 0;
  let opened = 0;
  let allowed = 0;
  for (let now = 0; now < HOUR; now += EVERY) {
    const address = `198.51.${100 + Math.floor(opened / 250)}.${1 + (opened % 250)}`;
    cache.lookup(now, NAME, [address], TTL);
    open.set(address, now + LIVES);
    opened++;
    for (const [ip, end] of open) if (end <= now) open.delete(ip);
    if (now % 60 !== 0) continue;
    cache.conntrackGc(now, [...open.keys()]);
    const { dead } = cache.gc(now);
    for (const { ip } of dead) if (open.delete(ip)) cut++;
    allowed = Math.max(allowed, cache.addresses(NAME).length + cache.zombies().length);
  }
  return { cut, opened, allowed };
}

export const fqdnManyAddresses: Exhibit = {
  id: "fqdn-many-addresses",
  title: "Fifty addresses for one name, and the rest is cut off",
  year: 2022,
  wing: "policy",
  threads: [
    thread(
      "cilium/cilium#20650",
      "Partial traffic drop when CNP allows it",
      "a name that rotates through many addresses fills the cache up to tofqdns-endpoint-max-ip-per-hostname; established connections are denied",
    ),
  ],
  run() {
    const story = createStory();
    const few = client({ maxIPsPerHost: 50 });
    story.tell(
      `A client opens a connection every ${EVERY} s to a name that gives another address each time; each lives ${LIVES / 60} minutes, so 120 are open at once`,
    );
    story.tell(
      `With at most 50 addresses for a name ${few.cut} of ${few.opened} connections lose theirs while they are open`,
    );
    const many = client({ maxIPsPerHost: 1000 });
    story.tell(`With 1000, today's default: ${many.cut}; ${many.allowed} addresses are allowed at most`);
    story.holds("open connections are cut off", few.cut > 0 && few.allowed <= 100);
    story.holds("with room for all of them none is", many.cut === 0 && many.allowed >= LIVES / EVERY);
    return Promise.resolve(
      story.end({
        broken: {
          on: "tofqdns-endpoint-max-ip-per-hostname 50, a name with many rotating addresses, long connections",
          what: `${few.cut} of ${few.opened} connections are cut off`,
          facts: { cut: few.cut, opened: few.opened },
        },
        mended: {
          on: "a limit above the number of addresses in use at once (1000)",
          what: `${many.cut} are cut off`,
          facts: { cut: many.cut, opened: many.opened, addresses: many.allowed },
        },
        lesson:
          "Load balancers of clouds answer with few of their many addresses. Size name caches by connections, not by names.",
      }),
    );
  },
};
