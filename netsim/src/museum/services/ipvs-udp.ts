import { conntrackTable, type Tuple } from "../../conntrack/table.ts";
import { KERNEL_TIMEOUTS } from "../../conntrack/timeouts.ts";
import { serviceProxy } from "../../service/index.ts";
import { packet } from "../../service/packet.ts";
import { manifests, NODES, service, slice } from "../lab/cluster.ts";
import { createStory, percent } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const DNS = "10.96.0.10";
const OLD = "10.244.2.2";
const OTHER = "10.244.1.2";
const CLIENT = "10.244.1.7";
/** IPVS' own timeout for UDP, in seconds (`ipvsadm -l --timeout`). */
const UDP_TIMEOUT = 300;
/** Questions a second, and the ports that they come round to again. */
const RATE = 10;
const PORTS = 250;
const DELETED = 60;
const WATCHED = 360;

const rules = (endpoints: readonly string[]) =>
  serviceProxy(
    manifests(
      NODES +
        service("kube-system/kube-dns", DNS, { port: 53, targetPort: 53, protocol: "UDP" }) +
        slice("kube-system/kube-dns", endpoints, { port: 53, protocol: "UDP" }),
    ),
    "node-1",
    "ipvs",
  )!.plane("IPv4");

/** A busy client's questions, after one of two DNS pods is deleted. `expires`: net.ipv4.vs.expire_nodest_conn. */
function client(expires: boolean) {
  const udp = { NEW: UDP_TIMEOUT, REPLIED: UDP_TIMEOUT, STREAM: UDP_TIMEOUT };
  const table = conntrackTable({ max: 262_144, timeouts: { ...KERNEL_TIMEOUTS, udp } });
  const [before, after] = [rules([OLD, OTHER]), rules([OTHER])];
  let lost = 0;
  let asked = 0;
  let lastLost = 0;
  for (let i = 0; i < (DELETED + WATCHED) * RATE; i++) {
    const now = i / RATE;
    const sourcePort = 32_768 + (i % PORTS);
    const question: Tuple = {
      protocol: "udp",
      source: CLIENT,
      sourcePort,
      destination: DNS,
      destinationPort: 53,
    };
    const isGone = now >= DELETED;
    const known = table.find(question, now);
    if (isGone) asked++;
    // The server is no longer in the list: the packet is dropped, and its entry left to its time.
    if (isGone && known?.reply.source === OLD) {
      lost++;
      lastLost = now - DELETED;
      if (expires) table.flush((entry) => entry === known);
      continue;
    }
    const to =
      known?.reply.source ??
      (isGone ? after : before).connect(packet(CLIENT, DNS, 53, "UDP", sourcePort)!, { choose: () => 0, now })
        .destination.address;
    table.packet(question, now, "data", {
      protocol: "udp",
      source: to,
      sourcePort: 53,
      destination: CLIENT,
      destinationPort: sourcePort,
    });
  }
  return { lost, asked, lastLost: Math.round(lastLost) };
}

export const ipvsUdp: Exhibit = {
  id: "ipvs-udp",
  title: "Exactly five minutes, whenever a DNS pod goes",
  year: 2018,
  wing: "services",
  threads: [
    thread(
      "kubernetes/kubernetes#71514",
      "In IPVS mode, kube-proxy doesn't handle graceful termination of UDP flows",
      "the real server is deleted, since UDP has no active connections, and its entries stay for five minutes: questions from their ports are lost",
    ),
    thread(
      "kubernetes/dns#277",
      "Kube-DNS service seems to keep sending traffic to a terminating/ed pod",
      "resolution fails for exactly 5 minutes after a kube-dns pod is deleted, with IPVS and not with iptables",
    ),
  ],
  run() {
    const story = createStory();
    const plain = client(false);
    story.tell(
      `A client asks ${RATE} questions a second and comes round to the same ${PORTS} ports every ${PORTS / RATE} s; one of two DNS pods is deleted`,
    );
    story.tell(
      `IPVS has entries of ${UDP_TIMEOUT} s that lead to it: ${plain.lost} of ${plain.asked} questions in the next ${WATCHED / 60} minutes are dropped (${percent(plain.lost, plain.asked)} %), the last after ${plain.lastLost} s`,
    );
    const expired = client(true);
    story.tell(
      `With expire_nodest_conn an entry goes with the first packet that it loses: ${expired.lost} lost, the last after ${expired.lastLost} s`,
    );
    story.holds(
      "nearly half of the questions are lost in that time",
      percent(plain.lost, UDP_TIMEOUT * RATE) > 40,
    );
    story.holds(
      "not for longer than an entry lives",
      plain.lastLost <= UDP_TIMEOUT && plain.lastLost > UDP_TIMEOUT * 0.8,
    );
    story.holds(
      "each port loses one at most where entries expire",
      expired.lost <= PORTS / 2 + 1 && expired.lost <= plain.lost,
    );
    return Promise.resolve(
      story.end({
        broken: {
          on: "kube-proxy in IPVS mode, entries of deleted servers left to their 5 minutes",
          what: `${plain.lost} of ${plain.asked} questions lost, up to ${plain.lastLost} s after`,
          facts: {
            lost: plain.lost,
            asked: plain.asked,
            last_lost_s: plain.lastLost,
            timeout_s: UDP_TIMEOUT,
          },
        },
        mended: {
          on: "net.ipv4.vs.expire_nodest_conn=1 (kube-proxy sets it), a short ipvs.udpTimeout, or iptables and nftables",
          what: `${expired.lost} lost, the last after ${expired.lastLost} s`,
          facts: { lost: expired.lost, asked: expired.asked, last_lost_s: expired.lastLost },
        },
        lesson:
          "IPVS has a connection table of its own, with its own times. A symptom that lasts a round number of minutes is a timeout somewhere.",
      }),
    );
  },
};
