import { serviceHealth } from "../../service/health.ts";
import { serviceProxy } from "../../service/index.ts";
import { packet } from "../../service/packet.ts";
import { manifests, NODES, slice } from "../lab/cluster.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const ADDRESS = "203.0.113.10";
const CLIENT = "198.51.100.7";
const POD = "10.244.1.5";
const ELSEWHERE = "10.244.2.5";
/** Seconds: when the pod on node-1 is told to stop, and how often the load balancer looks. */
const TOLD = 31;
const LOOKS = 10;
const FAILURES = 2;
const GRACE = 30;
const PER_SECOND = 10;
const WATCHED = 90;
const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  type: LoadBalancer
  clusterIP: 10.96.5.5
  externalTrafficPolicy: Local
  healthCheckNodePort: 31000
  ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }]
status: { loadBalancer: { ingress: [{ ip: ${ADDRESS} }] } }
---`;

/** node-1 with these endpoints, as its kube-proxy has them. */
function node(endpoints: readonly string[]) {
  const cluster = manifests(NODES + SERVICE + slice("shop/web", endpoints));
  const plane = serviceProxy(cluster, "node-1")!.plane("IPv4");
  const [service] = cluster.services;
  return {
    healthy: serviceHealth(cluster, "node-1", service!)?.status === 200,
    verdict: plane.connect(packet(CLIENT, ADDRESS, 80)!, { choose: () => 0, now: 0 }).verdict,
  };
}

/** Connections that the load balancer gives to node-1, around the end of its only pod. */
function rollout(sees: "ready endpoints" | "terminating ones too") {
  const before = node([POD, ELSEWHERE]);
  const stopping = node(sees === "ready endpoints" ? [ELSEWHERE] : [`${POD} terminating`, ELSEWHERE]);
  const gone = node([ELSEWHERE]);
  const tally = { forwarded: 0, dropped: 0, until: 0 };
  let failures = 0;
  for (let now = 0; now < WATCHED && failures < FAILURES; now++) {
    const state = now < TOLD ? before : now < TOLD + GRACE ? stopping : gone;
    if (now % LOOKS === 0) failures = state.healthy ? 0 : failures + 1;
    if (failures >= FAILURES) tally.until = now;
    else if (state.verdict === "forwarded") tally.forwarded += PER_SECOND;
    else tally.dropped += PER_SECOND;
  }
  return { ...tally, verdict: stopping.verdict, healthy: stopping.healthy };
}

export const localPolicyRollout: Exhibit = {
  id: "local-policy-rollout",
  title: "externalTrafficPolicy: Local loses every rollout",
  year: 2019,
  wing: "services",
  threads: [
    thread(
      "kubernetes/kubernetes#85643",
      "Create ability to do zero downtime deployments when using externalTrafficPolicy: Local",
      "between the end of a node's last ready pod and the load balancer's notice, connections to that node are dropped",
    ),
    thread(
      "kubernetes/enhancements#3174",
      "KEP-1669: updates for ProxyTerminatingEndpoints feature in v1.24",
      "where all local endpoints are terminating, those that still serve get the traffic",
    ),
  ],
  run() {
    const story = createStory();
    const old = rollout("ready endpoints");
    story.tell(
      `A load balancer sends ${PER_SECOND} connections a second to node-1, whose only pod of the Service is told to stop; it looks at the node's health port every ${LOOKS} s`,
    );
    story.tell(
      `kube-proxy that knows ready endpoints only has none here: ${old.verdict}; ${old.dropped} connections vanish until the node is taken out after ${old.until - TOLD} s`,
    );
    const newer = rollout("terminating ones too");
    story.tell(
      `With terminating endpoints they go on to the pod in its grace period (${newer.verdict}), while the health port says 503 already: ${newer.dropped} are lost`,
    );
    story.holds(
      "the node drops what comes, without a word",
      old.verdict === "dropped" && old.dropped >= PER_SECOND * LOOKS,
    );
    story.holds("the health port fails in both worlds", !old.healthy && !newer.healthy);
    story.holds(
      "the stopping pod serves until the load balancer is gone",
      newer.dropped === 0 && newer.verdict === "forwarded",
    );
    return Promise.resolve(
      story.end({
        broken: {
          on: "kube-proxy before 1.26 (ready endpoints only), externalTrafficPolicy: Local, one pod on the node",
          what: `${old.dropped} connections dropped in ${old.until - TOLD} s`,
          facts: { dropped: old.dropped, verdict: old.verdict, noticed_after_s: old.until - TOLD },
        },
        mended: {
          on: "terminating endpoints are used where nothing else is local (KEP-1669), a pod that serves through its grace period",
          what: `${newer.dropped} connections dropped`,
          facts: { dropped: newer.dropped, verdict: newer.verdict, noticed_after_s: newer.until - TOLD },
        },
        lesson:
          "With Local the load balancer's health check is the only way out. A pod must go on serving for longer than that takes: a preStop that waits, and a proxy that still sends.",
      }),
    );
  },
};
