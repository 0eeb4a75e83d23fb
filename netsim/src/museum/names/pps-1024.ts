import { CLUSTER_DNS, corefile, dnsLab, podConf, worldOf, type Host } from "../lab/dns.ts";
import { count, createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

/** Packets a second that the VPC's resolver takes from one network interface. */
const QUOTA = 1024;
const LOOKUPS = 540;
const VPC = "10.0.0.2";
const PODS = ["10.244.1.2", "10.244.2.2"];
const NAMES = Array.from({ length: LOOKUPS }, (_, i) => `host-${i}.example.com`);
const RECORDS = NAMES.map((name) => `${name}. 60 A 192.0.2.1`).join("\n");

/** One second of lookups by two DNS pods whose packets leave by these interfaces. */
async function second(interfaces: readonly string[], more: string) {
  const lab = dnsLab();
  const world = worldOf(RECORDS);
  const sent = new Map<string, number>();
  let dropped = 0;
  const resolver: Host = async (message, from) => {
    const key = `${from.address} ${Math.floor(lab.clock.now() / 1000)}`;
    const packets = (sent.get(key) ?? 0) + 1;
    sent.set(key, packets);
    if (packets <= QUOTA) return world(message, from);
    dropped++;
    return undefined;
  };
  lab.place(VPC, resolver, 1);
  const text = corefile(more).replace(/forward \. \S+/, `forward . ${VPC}`);
  const servers = await Promise.all(
    PODS.map((address, i) => lab.server(address, { corefile: text, source: interfaces[i] ?? address })),
  );
  let turn = 0;
  lab.place(CLUSTER_DNS, (message, from) => servers[turn++ % servers.length]!(message, from));
  return lab.run(async () => {
    const waits = await Promise.all(
      NAMES.map(async (name, i) => {
        await lab.wait((i * 1000) / LOOKUPS);
        return (await lab.lookUp(`${name}.`, podConf())).result.ms;
      }),
    );
    const packets = lab.arrived.filter(({ at, ms }) => at === VPC && ms < 1000).length;
    return {
      packets,
      dropped,
      slow: waits.filter((ms) => ms >= 1000).length,
      longest: Math.max(...waits),
    };
  });
}

export const pps1024: Exhibit = {
  id: "pps-1024",
  title: "1024 packets a second, and the rest is silence",
  year: 2020,
  wing: "names",
  threads: [
    thread(
      "coredns/coredns#4327",
      "EKS Coredns pods fails to resolve and throws connection timeout",
      "20 replicas, some time out: the DNS limit of the network interfaces",
    ),
    thread(
      "aws/containers-roadmap#2530",
      "[CoreDNS] [request]: Prevent CoreDNS pods from running on the same Node",
      "two CoreDNS pods on one node share an interface, and with it the 1024 packets a second that the VPC's resolver takes",
    ),
    thread(
      "AztecProtocol/aztec-packages#24105",
      "fix(ci3): cache DNS on build instances to dodge link-local PPS throttling",
      "over the limit packets are silently dropped (linklocal_allowance_exceeded)",
    ),
  ],
  async run() {
    const story = createStory();
    const together = await second(["eni-1", "eni-1"], "");
    story.tell(
      `Two DNS pods on one node forward ${count(together.packets, "query", "queries")} in a second, ${LOOKUPS} names with A and AAAA`,
    );
    story.tell(
      `The interface's quota is ${QUOTA}: ${together.dropped} packets vanish, ${together.slow} lookups wait, up to ${time(together.longest)}`,
    );
    const apart = await second(["eni-1", "eni-2"], "");
    const spared = await second(["eni-1", "eni-1"], "family ipv4");
    story.tell(
      `On two nodes nothing is dropped (${apart.dropped}), nor on one without the useless AAAA (${spared.packets} packets, ${spared.dropped} dropped)`,
    );
    story.holds("more than the quota is asked", together.packets > QUOTA);
    story.holds(
      "what is beyond it gets no answer, and lookups wait",
      together.dropped > 0 && together.slow > 0,
    );
    story.holds("two interfaces have twice the quota", apart.dropped === 0 && apart.slow === 0);
    story.holds("half the questions fit into one", spared.dropped === 0 && spared.packets <= QUOTA);
    return story.end({
      broken: {
        on: "several CoreDNS pods on one AWS node, no cache hit, A and AAAA forwarded",
        what: `${together.dropped} packets dropped, ${together.slow} of ${LOOKUPS} lookups slow`,
        facts: {
          packets: together.packets,
          quota: QUOTA,
          dropped: together.dropped,
          slow: together.slow,
          longest_ms: together.longest,
        },
      },
      mended: {
        on: "DNS pods on different nodes (topologySpreadConstraints), or fewer questions: caches, family ipv4",
        what: `${apart.dropped} packets dropped, ${apart.slow} lookups slow`,
        facts: {
          dropped: apart.dropped,
          slow: apart.slow,
          packets_without_aaaa: spared.packets,
          dropped_without_aaaa: spared.dropped,
        },
      },
      lesson:
        "Quotas per interface are not in any dashboard of the cluster. Spread DNS pods, and know how many packets each sends upstream.",
    });
  },
};
