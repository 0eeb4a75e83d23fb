import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf, type DnsLab } from "../lab/dns.ts";
import { dnsObjects, manifests, slice } from "../lab/cluster.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "store-0.store";
const OLD = "10.244.1.20";
const NEW = "10.244.2.21";
const MINUTE = 60_000;
const REPLACED = 2 * MINUTE;
const WATCHED = 60;

const objects = (ip: string) =>
  dnsObjects(
    manifests(
      `
apiVersion: v1
kind: Service
metadata: { name: store, namespace: shop }
spec: { clusterIP: None, ports: [{ port: 8500 }] }
---` + slice("shop/store", [ip]).replace("addresses:", "hostname: store-0, addresses:"),
    ),
  );

/** java.net.InetAddress: its cache keeps what was found for `ttl` seconds, for ever where it is negative (InetAddressCachePolicy). */
function inetAddress(lab: DnsLab, ttl: number): (name: string) => Promise<string> {
  const cache = new Map<string, { readonly address: string; readonly until: number }>();
  return async (name) => {
    const kept = cache.get(name);
    if (kept !== undefined && kept.until > lab.clock.now()) return kept.address;
    const { result } = await lab.lookUp(name, podConf(), { resolver: "java" });
    const address = result.addresses[0] ?? "";
    const until = ttl < 0 ? Infinity : lab.clock.now() + ttl * 1000;
    if (address !== "") cache.set(name, { address, until });
    return address;
  };
}

async function writer(ttl: number) {
  const lab = dnsLab();
  const [before, after] = await Promise.all(
    [OLD, NEW].map((ip) => lab.server(CLUSTER_DNS, { corefile: corefile(), objects: objects(ip) })),
  );
  lab.place(OUTSIDE, worldOf("www.example.com. 60 A 192.0.2.1"));
  lab.place(CLUSTER_DNS, before);
  lab.clock.at(REPLACED, () => lab.place(CLUSTER_DNS, after));
  const byName = inetAddress(lab, ttl);
  return lab.run(async () => {
    let failed = 0;
    let right = 0;
    for (let minute = 0; minute < WATCHED; minute++) {
      const alive = lab.clock.now() < REPLACED ? OLD : NEW;
      if ((await byName(NAME)) === alive) right++;
      else failed++;
      await lab.wait(MINUTE);
    }
    const fresh = await lab.lookUp(NAME, podConf());
    return { failed, right, dns: fresh.result.addresses[0] ?? "", questions: lab.arrived.length };
  });
}

export const jvmForever: Exhibit = {
  id: "jvm-forever",
  title: "DNS is right, and Java does not ask",
  year: 2016,
  wing: "names",
  threads: [
    thread(
      "anapsix/docker-alpine-java#18",
      "Modify DNS cache settings",
      "caching for ever is the default, and wrong where services move",
    ),
    thread(
      "apache/hugegraph#3124",
      "[Bug][HStore][Kubernetes] Data writes remain unavailable after Store pod replacement due to stale DNS resolution",
      "measured: with a SecurityManager the JVM's TTL is -1, for ever; without one it is 30 s",
    ),
    thread(
      "pires/docker-elasticsearch-kubernetes#65",
      "Disable Java DNS Cache-for-ever, which prevents discovery of moving masters",
      "nodes look for a master where its pod was before it was rescheduled",
    ),
  ],
  async run() {
    const story = createStory();
    const forever = await writer(-1);
    story.tell(
      `A Java server writes to ${NAME} every minute; after ${time(REPLACED)} the pod is replaced and has another address`,
    );
    story.tell(
      `DNS says ${forever.dns} at once; the JVM with a SecurityManager asked once and never again: ${forever.failed} of ${WATCHED} writes fail, all since then`,
    );
    const usual = await writer(30);
    story.tell(`With networkaddress.cache.ttl=30: ${usual.failed} fail`);
    story.holds("DNS has the new address", forever.dns === NEW && usual.dns === NEW);
    story.holds("every write after the replacement fails", forever.failed === WATCHED - REPLACED / MINUTE);
    story.holds("30 seconds are enough", usual.failed === 0);
    return story.end({
      broken: {
        on: "a JVM with a SecurityManager, networkaddress.cache.ttl unset: -1",
        what: `${forever.failed} of ${WATCHED} writes fail, and no end`,
        facts: { failed: forever.failed, of: WATCHED, dns: forever.dns },
      },
      mended: {
        on: "networkaddress.cache.ttl=30 in java.security (a security property: -D does not set it), or -Dsun.net.inetaddr.ttl=30",
        what: `${usual.failed} writes fail`,
        facts: { failed: usual.failed, of: WATCHED, dns: usual.dns },
      },
      lesson:
        "Between DNS and a connection there is one cache more than you know of. Ask the process, not the server.",
    });
  },
};
