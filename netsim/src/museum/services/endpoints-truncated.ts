import { loadObjects } from "../../model/load.ts";
import { serviceProxy } from "../../service/index.ts";
import { packet } from "../../service/packet.ts";
import { outcomes } from "../../service/spread.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PODS = 1200;
/** What the Endpoints controller keeps since Kubernetes 1.22. */
const MOST = 1000;
/** Endpoints in a slice, as its controller makes them. */
const PER_SLICE = 100;
const BIG = "10.96.9.9";

const ips = Array.from({ length: PODS }, (_, i) => `10.244.${Math.floor(i / 250)}.${(i % 250) + 1}`);
const node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "node-1" },
  spec: { podCIDR: "10.244.0.0/16" },
  status: { addresses: [{ type: "InternalIP", address: "172.18.0.2" }] },
};
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "big", namespace: "shop" },
  spec: { clusterIP: BIG, ports: [{ port: 80, targetPort: 8080 }] },
};
const endpoints = {
  apiVersion: "v1",
  kind: "Endpoints",
  metadata: {
    name: "big",
    namespace: "shop",
    annotations: { "endpoints.kubernetes.io/over-capacity": "truncated" },
  },
  subsets: [{ addresses: ips.slice(0, MOST).map((ip) => ({ ip })), ports: [{ port: 8080 }] }],
};
const slices = Array.from({ length: Math.ceil(PODS / PER_SLICE) }, (_, i) => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: `big-${i}`, namespace: "shop", labels: { "kubernetes.io/service-name": "big" } },
  addressType: "IPv4",
  ports: [{ port: 8080 }],
  endpoints: ips.slice(i * PER_SLICE, (i + 1) * PER_SLICE).map((address) => ({ addresses: [address] })),
}));

/** How many pods a client of the Service can reach. */
function reachable(objects: readonly object[]): number {
  const plane = serviceProxy(loadObjects([node, service, ...objects]), "node-1", "ebpf")!.plane("IPv4");
  const ways = outcomes(plane, packet("10.244.200.1", BIG, 80)!);
  return new Set(ways.map(({ connection }) => connection.destination.address)).size;
}

export const endpointsTruncated: Exhibit = {
  id: "endpoints-truncated",
  title: "Pod 1001 never gets a request",
  year: 2021,
  wing: "services",
  threads: [
    thread(
      "kubernetes/kubernetes#103520",
      "Truncate endpoints over a 1000 addresses",
      "Endpoints objects are cut to 1000 addresses and annotated over-capacity: truncated",
    ),
    thread(
      "prometheus/prometheus#9467",
      "discovery/kubernetes: Warn user in case of endpoint over-capacity",
      "who reads Endpoints must warn that some are missing, and read slices instead",
    ),
  ],
  run() {
    const story = createStory();
    const old = reachable([endpoints]);
    story.tell(`A Service has ${PODS} pods; its Endpoints object says over-capacity: truncated`);
    story.tell(
      `A proxy that reads Endpoints sends to ${old} of them: ${PODS - old} are idle, and count as ready`,
    );
    const newer = reachable(slices);
    story.tell(`One that reads the ${slices.length} EndpointSlices sends to ${newer}`);
    story.holds("exactly a thousand get traffic", old === MOST);
    story.holds("slices have them all", newer === PODS);
    return Promise.resolve(
      story.end({
        broken: {
          on: "consumers of Endpoints (ingress controllers, Prometheus' role: endpoints) with more than 1000 pods, since 1.22",
          what: `${PODS - old} of ${PODS} pods get nothing`,
          facts: { pods: PODS, reached: old, idle: PODS - old },
        },
        mended: {
          on: "EndpointSlices",
          what: `${PODS - newer} of ${PODS} pods get nothing`,
          facts: { pods: PODS, reached: newer, idle: PODS - newer },
        },
        lesson:
          "An autoscaler that adds pods beyond the thousandth to such a Service adds nothing but cost. The annotation is the only sign.",
      }),
    );
  },
};
