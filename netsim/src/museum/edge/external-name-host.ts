import { gatewaysOf } from "../../gateway/listeners.ts";
import { createGatewayTable } from "../../gateway/route.ts";
import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { dnsObjects, manifests, service } from "../lab/cluster.ts";
import { request } from "../lab/ingress.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const PARTNER = "api.partner.example";
const ADDRESS = "192.0.2.77";
const ALIAS = `
apiVersion: v1
kind: Service
metadata: { name: partner, namespace: shop }
spec: { type: ExternalName, externalName: ${PARTNER} }
---`;
/** The partner's own edge: it has a certificate and a route for its one name. */
const EDGE = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: any }
spec: { controllerName: example.com/any }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: partner }
spec:
  gatewayClassName: any
  listeners:
  - { name: web, port: 80, protocol: HTTP, hostname: ${PARTNER} }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: api, namespace: partner }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [${PARTNER}]
  rules: [{ backendRefs: [{ name: api, port: 80 }] }]
---${service("partner/api", "10.96.30.1")}`;

async function ask(host: string) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf(`${PARTNER}. 60 A ${ADDRESS}`), 20);
  const objects = dnsObjects(manifests(ALIAS));
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile(), objects }));
  const { result } = await lab.run(() => lab.lookUp(host, podConf(), { resolver: "glibc-inet" }));
  const cluster = manifests(EDGE);
  const [gateway] = gatewaysOf(cluster);
  const answer = createGatewayTable(cluster, gateway!).route(request({ host, scheme: "http" }), 80);
  return { address: result.addresses[0] ?? "", status: answer.status, reason: answer.reason ?? "" };
}

export const externalNameHost: Exhibit = {
  id: "external-name-host",
  title: "The alias that only DNS knows",
  year: 2018,
  wing: "edge",
  threads: [
    thread(
      "kubernetes/kubernetes#61226",
      "Service type ExtenalName is not filling Host header.",
      "an ExternalName Service leads to the address, and the request still has the Service's name in it",
    ),
    thread(
      "kubernetes/website#16627",
      "Add warning about ExternalName not working with TLS/HTTPS",
      "SNI, certificate and Host are for the other name",
    ),
  ],
  async run() {
    const story = createStory();
    const alias = await ask("partner");
    story.tell(`Service partner is an ExternalName for ${PARTNER}; a pod asks for http://partner/`);
    story.tell(
      `DNS is right: ${alias.address}. The partner's edge takes ${PARTNER} only: ${alias.status}, ${alias.reason}`,
    );
    const own = await ask(PARTNER);
    story.tell(`The same request with the partner's own name: ${own.status}`);
    story.holds("both names lead to the same address", alias.address === ADDRESS && own.address === ADDRESS);
    story.holds("the alias is no host that the other side serves", alias.status === 404);
    story.holds("its own name is", own.status === 200);
    return story.end({
      broken: {
        on: "ExternalName for HTTP or TLS: the Host header and SNI are the Service's name",
        what: `the address is right, the answer is ${alias.status}`,
        facts: { address: alias.address, status: alias.status },
      },
      mended: {
        on: "the outside name in the client, or a gateway that rewrites the host",
        what: `the answer is ${own.status}`,
        facts: { address: own.address, status: own.status },
      },
      lesson:
        "A CNAME renames an address, not a request. Protocols that carry names carry the one that was typed.",
    });
  },
};
