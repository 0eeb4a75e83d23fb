import { MODES, serviceProxy } from "../../service/index.ts";
import { packet } from "../../service/packet.ts";
import { manifests, NODES, slice } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PUBLIC = "8.8.8.8";
const EVIL = "10.244.2.66";
const VICTIM = "10.244.1.7";
const claim = (externalIPs: string): string => `
apiVersion: v1
kind: Service
metadata: { name: innocent, namespace: tenant-b }
spec:
  clusterIP: 10.96.66.66
  ${externalIPs}
  ports: [{ port: 53, targetPort: 5353, protocol: UDP }]
---`;

/** Where a pod's question to a public resolver goes, by each kind of service proxy. */
function destinations(externalIPs: string): string[] {
  const cluster = manifests(
    NODES + claim(externalIPs) + slice("tenant-b/innocent", [EVIL], { port: 5353, protocol: "UDP" }),
  );
  return MODES.map((mode) => {
    const plane = serviceProxy(cluster, "node-1", mode)!.plane("IPv4");
    const { destination } = plane.connect(packet(VICTIM, PUBLIC, 53, "UDP")!, { choose: () => 0, now: 0 });
    return destination.address;
  });
}

export const externalIpMitm: Exhibit = {
  id: "external-ip-mitm",
  title: "Any tenant may be 8.8.8.8",
  year: 2020,
  wing: "services",
  threads: [
    thread(
      "kubernetes/kubernetes#97076",
      "CVE-2020-8554: Man in the middle using LoadBalancer or ExternalIPs",
      "whoever may create a Service with externalIPs gets the cluster's traffic to those addresses; there is no patch, only restriction",
    ),
  ],
  run() {
    const story = createStory();
    const claimed = destinations(`externalIPs: [${PUBLIC}]`);
    story.tell(`A tenant makes a Service with externalIPs: [${PUBLIC}] and a pod of his own behind it`);
    story.tell(
      `A pod of another tenant asks ${PUBLIC} for a name; its packet goes to ${[...new Set(claimed)].join(", ")}, by ${MODES.join(", ")}`,
    );
    const refused = destinations("");
    story.tell(`Where admission refuses the field it goes to ${[...new Set(refused)].join(", ")}`);
    story.holds(
      "every kind of proxy hands the packet to the tenant's pod",
      claimed.length === MODES.length && claimed.every((to) => to === EVIL),
    );
    story.holds(
      "without externalIPs it goes where it was sent",
      refused.every((to) => to === PUBLIC),
    );
    return Promise.resolve(
      story.end({
        broken: {
          on: "all versions of Kubernetes in which tenants may set Service.spec.externalIPs",
          what: `a packet to ${PUBLIC} arrives at ${EVIL}`,
          facts: { sent_to: PUBLIC, arrives_at: [...new Set(claimed)], modes: [...MODES] },
        },
        mended: {
          on: "--enable-admission-plugins=DenyServiceExternalIPs, or a policy that lists the addresses allowed",
          what: `it arrives at ${refused[0] ?? ""}`,
          facts: { sent_to: PUBLIC, arrives_at: [...new Set(refused)] },
        },
        lesson: "A Service's address is a claim that nobody checks. Admission must.",
      }),
    );
  },
};
