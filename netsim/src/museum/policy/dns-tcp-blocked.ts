import { slice } from "../lab/cluster.ts";
import { egress, follow, SHOP, TO_DNS } from "../lab/trace.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const members = (n: number): string[] => Array.from({ length: n }, (_, i) => `10.244.2.${100 + i}`);
const cluster = (n: number): string =>
  `${SHOP}
apiVersion: v1
kind: Service
metadata: { name: cache, namespace: shop }
spec: { clusterIP: None, ports: [{ port: 6379 }] }
---${slice("shop/cache", members(n), { port: 6379 })}`;
const UDP_ONLY = "[{ port: 53, protocol: UDP }]";
const NAME = "cache.shop.svc.cluster.local.";

export const dnsTcpBlocked: Exhibit = {
  id: "dns-tcp-blocked",
  title: "Port 53 is allowed, until the answer grows",
  year: 2023,
  wing: "policy",
  threads: [
    thread(
      "projectcalico/calico#8224",
      "The Recommended default deny policy should allow DNS over TCP",
      "the policy that the documentation recommends allows UDP alone; what does not fit into a datagram is asked for again over TCP",
    ),
  ],
  async run() {
    const story = createStory();
    const ask = async (n: number, ports?: string) => {
      const seen = await follow(cluster(n) + egress(TO_DNS(ports)), "shop/web", `${NAME}:6379`, {
        resolver: "glibc-inet",
      });
      const queries = seen.trace.lookup?.queries ?? [];
      return {
        addresses: seen.addresses.length,
        ms: seen.ms,
        tcp: queries.filter(({ proto }) => proto === "tcp").length,
        lost: queries.filter(({ proto, answer }) => proto === "tcp" && answer === "drop").length,
      };
    };
    const small = await ask(20, UDP_ONLY);
    const large = await ask(40, UDP_ONLY);
    story.tell(
      `Egress to the DNS pods is allowed for 53/UDP. A headless Service of 20 pods resolves: ${small.addresses} addresses in ${time(small.ms)}`,
    );
    story.tell(
      `It grows to 40: the answer is truncated, glibc asks again over TCP, and policy drops that: ${large.addresses} addresses, and still waiting after ${time(large.ms)}`,
    );
    const mended = await ask(40);
    story.tell(`With 53/TCP allowed too: ${mended.addresses} addresses in ${time(mended.ms)}`);
    story.holds("a small Service resolves", small.addresses === 20 && small.tcp === 0);
    story.holds("the same Service, larger, does not", large.addresses === 0 && large.lost > 0);
    story.holds("and the failure is slow", large.ms >= 5000);
    story.holds("TCP mends it", mended.addresses === 40 && mended.ms < 1000);
    return story.end({
      broken: {
        on: "policies that allow DNS over UDP alone, answers above 512 bytes",
        what: `${large.addresses} of 40 addresses, after ${time(large.ms)}`,
        facts: {
          addresses: large.addresses,
          with_20: small.addresses,
          wait_ms: large.ms,
          tcp_dropped: large.lost,
        },
      },
      mended: {
        on: "53/UDP and 53/TCP",
        what: `${mended.addresses} addresses, after ${time(mended.ms)}`,
        facts: { addresses: mended.addresses, wait_ms: mended.ms },
      },
      lesson:
        "DNS is UDP and TCP (RFC 7766). A rule with one of them breaks on the day that a Service scales up.",
    });
  },
};
