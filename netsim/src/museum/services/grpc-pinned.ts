import { seededRandom } from "clusterdns";
import { serviceProxy } from "../../service/index.ts";
import { packet } from "../../service/packet.ts";
import { chooser } from "../../service/spread.ts";
import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, NODES, service, slice } from "../lab/cluster.ts";
import { createStory, percent } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PODS = ["10.244.1.11", "10.244.1.12", "10.244.2.13"];
const VOTING = "10.96.7.7";
const REQUESTS = 9000;
const slices = slice("shop/voting", PODS);

/** Requests per pod, over as many connections as there are addresses of the name. */
function requests(connections: readonly string[], plane: ReturnType<typeof planeOf>) {
  const choose = chooser(seededRandom(4));
  const ends = connections.map((address, i) => {
    if (address !== VOTING) return address;
    return plane.connect(packet("10.244.1.7", address, 80, "TCP", 40_000 + i)!, { choose, now: 0 })
      .destination.address;
  });
  const tally = new Map<string, number>(PODS.map((ip) => [ip, 0]));
  for (let i = 0; i < REQUESTS; i++) {
    const end = ends[i % ends.length]!;
    tally.set(end, tally.get(end)! + 1);
  }
  return {
    busiest: percent(Math.max(...tally.values()), REQUESTS),
    idle: [...tally.values()].filter((n) => n === 0).length,
  };
}

const planeOf = (kind: string) =>
  serviceProxy(manifests(NODES + service("shop/voting", kind) + slices), "node-1")!.plane("IPv4");

/** What a gRPC client with round_robin connects to: every address that the name has. */
async function addresses(clusterIP: string): Promise<readonly string[]> {
  const lab = dnsLab();
  const objects = dnsObjects(manifests(service("shop/voting", clusterIP) + slices));
  lab.place(OUTSIDE, worldOf("www.example.com. 60 A 192.0.2.1"));
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects }));
  const { result } = await lab.run(() => lab.lookUp("voting", podConf(), { resolver: "go" }));
  return result.addresses;
}

export const grpcPinned: Exhibit = {
  id: "grpc-pinned",
  title: "Three replicas, one of them at work",
  year: 2018,
  wing: "services",
  threads: [
    thread(
      "https://kubernetes.io/blog/2018/11/07/grpc-load-balancing-on-kubernetes-without-tears/",
      "gRPC Load Balancing on Kubernetes without Tears",
      "gRPC keeps one HTTP/2 connection, and Services balance connections: all requests go to one pod",
    ),
    thread(
      "dapr/dapr#1444",
      "gRPC round-robin load balancing",
      "calls to a Service of two pods only ever hit one",
    ),
    thread(
      "cilium/cilium#12551",
      "GRPC/H2 hotspot mitigation",
      "pods that an autoscaler adds get nothing, since clients stay on their connections",
    ),
  ],
  async run() {
    const story = createStory();
    const plane = planeOf(VOTING);
    const plain = await addresses(VOTING);
    const pinned = requests(plain, plane);
    story.tell(
      `The Service's name is ${plain.join(" ")}: a gRPC client opens one connection, which kube-proxy gives to one pod`,
    );
    story.tell(
      `Of ${REQUESTS} requests the busiest pod gets ${pinned.busiest} %, and ${pinned.idle} of ${PODS.length} pods are idle`,
    );
    const headless = await addresses("None");
    const spread = requests(headless, plane);
    story.tell(
      `With a headless Service the name is ${headless.length} addresses; with round_robin over them the busiest gets ${spread.busiest} %`,
    );
    story.holds("one name, one address, one connection", plain.length === 1);
    story.holds("one pod does all the work", pinned.busiest === 100 && pinned.idle === PODS.length - 1);
    story.holds("the headless name gives every pod", headless.length === PODS.length);
    story.holds("and the client spreads its requests", spread.idle === 0 && spread.busiest < 34);
    return story.end({
      broken: {
        on: "gRPC (HTTP/2) through a cluster IP, whatever kube-proxy's mode",
        what: `one pod gets ${pinned.busiest} % of the requests, ${pinned.idle} are idle`,
        facts: { busiest_percent: pinned.busiest, idle: pinned.idle, addresses: plain },
      },
      mended: {
        on: "a headless Service and round_robin in the client, or a proxy that balances requests",
        what: `the busiest pod gets ${spread.busiest} %`,
        facts: { busiest_percent: spread.busiest, idle: spread.idle, addresses: headless.length },
      },
      lesson:
        "A Service balances connections. Who speaks a protocol of few connections must balance requests itself.",
    });
  },
};
