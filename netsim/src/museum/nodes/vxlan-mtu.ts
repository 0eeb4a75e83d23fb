import { createNetwork } from "../../cni/network.ts";
import { pathBetween } from "../../cni/paths.ts";
import { fitOf } from "../../packet/fit.ts";
import type { World } from "../../packet/journey.ts";
import { ping } from "../../packet/ping.ts";
import { createSender } from "../../packet/sender.ts";
import { transfer } from "../../packet/tcp.ts";
import { manifests, NODES, pod } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PAGE = 20_000;
const calico = (veth: number): string => `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: default }
spec: { cidr: 10.244.0.0/16, vxlanMode: Always, ipipMode: Never, natOutgoing: true, nodeSelector: all() }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: calico-config, namespace: kube-system }
data: { calico_backend: vxlan, veth_mtu: "${veth}" }
---`;
const PODS = pod("shop/web", "10.244.1.7") + pod("shop/db", "10.244.2.8");

/** What gets through between two pods of different nodes. */
function connection(veth: number, world: World) {
  const network = createNetwork(manifests(NODES + PODS + calico(veth)));
  const walked = pathBetween(network, "shop/web", "shop/db");
  if (typeof walked === "string") throw new Error(walked);
  const { path } = walked;
  const { largest, blackHole } = fitOf(path, world);
  const small = ping(path, { size: 56, discovery: "do", world }).echoes[0]?.outcome ?? "";
  const { received, offered } = transfer(path, PAGE, createSender(path, world));
  return { largest, hole: blackHole, small, received, mss: offered };
}

export const vxlanMtu: Exhibit = {
  id: "vxlan-mtu",
  title: "Small requests work",
  year: 2022,
  wing: "nodes",
  threads: [
    thread(
      "flannel-io/flannel#1614",
      "Cannot create SubnetManager: net/http: TLS handshake timeout - CrashBackLoopOff",
      "TCP connects and the TLS handshake hangs, on the one node whose device below the tunnel has an MTU of 1320 and not 1420",
    ),
    thread(
      "easzlab/kubeasz#1444",
      "calico的MTU配置",
      "the installer writes 1500 as the pods' MTU, and the VXLAN device has less: what is larger fails",
    ),
    thread(
      "projectcalico/calico#7651",
      "IPIP Tunl0 Ip Can Not Transfer Large Than 1372 Bytes Data In Kubernetes",
      "ping and telnet work, answers of more than 1372 bytes hang, between one pair of nodes",
    ),
  ],
  run() {
    const story = createStory();
    const world: World = { blackHole: true };
    const wrong = connection(1500, world);
    story.tell(
      "Pods have an MTU of 1500, and VXLAN between the nodes' cards of 1500 takes 50 octets of it; ICMP errors are filtered",
    );
    story.tell(
      `A ping is answered (${wrong.small}), TCP agrees on segments of ${wrong.mss}; of a page of ${PAGE} octets ${wrong.received} arrive: packets of ${wrong.hole?.from ?? 0} to ${wrong.hole?.to ?? 0} vanish`,
    );
    const told = connection(1500, {});
    story.tell(`Where ICMP gets through, the sender is told and sends less: ${told.received} octets arrive`);
    const right = connection(1450, world);
    story.tell(
      `With 1450 in the pods TCP agrees on ${right.mss}: ${right.received} octets arrive, ICMP or not`,
    );
    story.holds("small packets pass, so every health check does", wrong.small === "reply");
    story.holds("a page never arrives", wrong.received === 0);
    story.holds("packets of 1451 to 1500 octets vanish", wrong.hole?.from === 1451 && wrong.hole.to === 1500);
    story.holds("path MTU discovery would have mended it", told.received === PAGE);
    story.holds("the right MTU needs none", right.received === PAGE && right.hole === undefined);
    return Promise.resolve(
      story.end({
        broken: {
          on: "pods with the card's MTU on a VXLAN network, ICMP filtered",
          what: `${wrong.received} of ${PAGE} octets arrive, though ping does`,
          facts: {
            ping: wrong.small,
            received: wrong.received,
            of: PAGE,
            largest: wrong.largest,
            lost_from: wrong.hole?.from ?? 0,
            lost_to: wrong.hole?.to ?? 0,
          },
        },
        mended: {
          on: "pods with 50 less than the card (detected, where nobody writes an MTU down), or ICMP let through",
          what: `${right.received} of ${PAGE} octets arrive`,
          facts: { received: right.received, largest: right.largest, received_with_icmp: told.received },
        },
        lesson:
          "What connects and then hangs is too large. ping -M do -s 1472 says so in a second; ping alone never will.",
      }),
    );
  },
};
