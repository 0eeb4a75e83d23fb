import { encodeMessage, FLAG, nameOf } from "clusterdns";
import { dnsLab, OUTSIDE, worldOf } from "../lab/dns.ts";
import { createStory, time } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const POD = "10.244.0.3";
/** systemd-resolved's stub. In the pod's own network namespace that address is the DNS server itself. */
const STUB = "127.0.0.53";
const HINFO = 13;
const IN = 1;
/** How long the question is left to run, in ms. */
const WATCHED = 500;
const PER_TRIP = 1;

/** The question by which the loop plugin looks for loops. */
const PROBE = encodeMessage({
  id: 1,
  flags: FLAG.RD,
  question: { name: nameOf("5620656063561519376.2050421060481615995."), type: HINFO, class: IN },
  answer: [],
  authority: [],
  additional: [],
}).bytes;

async function send(upstream: string, limit = "") {
  const lab = dnsLab();
  const corefile = `.:53 {\n    forward . ${upstream} {\n        ${limit}\n    }\n}\n`;
  const server = await lab.server(POD, { corefile, source: "127.0.0.1" });
  lab.place(OUTSIDE, worldOf("www.example.com. 60 A 192.0.2.1"), 20);
  lab.place(STUB, server, PER_TRIP);
  return lab.run(async () => {
    const from = { address: "10.244.1.7", port: 40_000, network: "udp" } as const;
    const reply = server(Buffer.from(PROBE), from);
    await Promise.race([lab.wait(WATCHED), reply]);
    const trips = lab.arrived.filter(({ at }) => at === STUB).length;
    const waiting = lab.underWay(STUB).now;
    const ms = lab.clock.now();
    // The plug is pulled, or this would never end.
    lab.place(STUB, undefined);
    const answer = await reply;
    return { trips, waiting, ms, rcode: answer === undefined ? "none" : String(answer[3]! & 15) };
  });
}

export const forwardingLoop: Exhibit = {
  id: "forwarding-loop",
  title: "CoreDNS asks 127.0.0.53, which is CoreDNS",
  year: 2018,
  wing: "names",
  threads: [
    thread(
      "coredns/coredns#2087",
      "Plugin [loop] not work with systemd-resolved running",
      "the node's resolv.conf names 127.0.0.53, which in the pod is CoreDNS; without the loop plugin it would go round for ever and be killed for its memory",
    ),
    thread(
      "kubernetes/kubeadm#1162",
      "CoreDNS Crashloop Error - 1.12.1",
      "the crash loop is the loop plugin at work",
    ),
    thread(
      "microsoft/pai#5382",
      "coredns conflicts with systemd-resolved",
      "a DNS loop in the CoreDNS pod ends in CrashLoopBackOff",
    ),
  ],
  async run() {
    const story = createStory();
    const loop = await send(STUB);
    story.tell(`The pod has its node's resolv.conf: nameserver ${STUB}. One outside question comes in`);
    story.tell(
      `After ${time(WATCHED)} it has gone round ${loop.trips} times, and ${loop.waiting} copies wait for one another in memory`,
    );
    const limited = await send(STUB, "max_concurrent 100");
    story.tell(
      `max_concurrent 100 stops it after ${limited.trips} trips and ${time(limited.ms)}, with REFUSED for everybody (rcode ${limited.rcode})`,
    );
    const mended = await send(OUTSIDE);
    story.tell(
      `With the resolver's own upstreams (/run/systemd/resolve/resolv.conf) it is answered after ${time(mended.ms)}`,
    );
    story.holds(
      "one question goes round again and again",
      loop.trips >= WATCHED / PER_TRIP / 2 && loop.waiting >= loop.trips - 1,
    );
    story.holds("the loop plugin's third sighting comes at once", loop.trips >= 3);
    story.holds(
      "a limit of concurrent queries ends it, with REFUSED",
      limited.trips <= 101 && limited.rcode === "5",
    );
    story.holds("a true upstream is asked once", mended.trips === 0 && mended.rcode === "3");
    return story.end({
      broken: {
        on: "forward . /etc/resolv.conf where that names systemd-resolved's stub, without loop and max_concurrent",
        what: `one question makes ${loop.trips} trips in ${time(WATCHED)}, ${loop.waiting} of them held in memory`,
        facts: { trips: loop.trips, waiting: loop.waiting, trips_with_limit: limited.trips },
      },
      mended: {
        on: "kubelet --resolv-conf=/run/systemd/resolve/resolv.conf, or forward to the upstreams by address",
        what: `one question, one answer, ${time(mended.ms)}`,
        facts: { trips: mended.trips, ms: mended.ms },
      },
      lesson:
        "A loopback address means whoever reads it. The crash loop of CoreDNS is the loop plugin's kindness: without it the process dies later, of memory.",
    });
  },
};
