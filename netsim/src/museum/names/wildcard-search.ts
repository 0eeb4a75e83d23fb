import { CLUSTER_DNS, corefile, dnsLab, OUTSIDE, podConf, worldOf } from "../lab/dns.ts";
import { createStory } from "../story.ts";
import { thread, type Exhibit } from "../types.ts";

const NAME = "github.com";
const DOMAIN = "appsdomain.example";
const TRUE = "192.0.2.113";
const OURS = "203.0.113.80";
/** The wildcard as the pods meet it: whatever they ask below the domain is there. */
const RECORDS = `${NAME}. 60 A ${TRUE}\n${NAME}.${DOMAIN}. 600 A ${OURS}`;

async function ask(name: string, options: string, search: readonly string[]) {
  const lab = dnsLab();
  lab.place(OUTSIDE, worldOf(RECORDS), 20);
  lab.place(CLUSTER_DNS, await lab.server(CLUSTER_DNS, { corefile: corefile() }));
  const { result } = await lab.run(() => lab.lookUp(name, podConf({ search, options })));
  return result.addresses[0] ?? "";
}

export const wildcardSearch: Exhibit = {
  id: "wildcard-search",
  title: "Everything on the internet is our own load balancer",
  year: 2017,
  wing: "names",
  threads: [
    thread(
      "openshift/origin#16992",
      "Wildcard DNS on default_subdomain breaks pod hostname resolution",
      "a wildcard record in a search domain catches every outside name; certificates do not match any more",
    ),
    thread(
      "kubernetes/kubernetes#49113",
      "Kubernetes can't resolve external hostnames",
      "the address that is returned belongs to a wildcard CNAME record",
    ),
    thread(
      "ocp-power-automation/ocp4-upi-powervs#228",
      "Wildcard DNS search in resolv.conf prevents resolving service IPs",
      "nip.io in the search list answers whatever is asked below it",
    ),
  ],
  async run() {
    const story = createStory();
    const search = [DOMAIN];
    const caught = await ask(NAME, "ndots:5", search);
    const onNode = await ask(NAME, "ndots:1", search);
    story.tell(`The node's search domain is ${DOMAIN}, and *.${DOMAIN} is the ingress at ${OURS}`);
    story.tell(`On the node (ndots:1) ${NAME} is ${onNode}; in a pod (ndots:5) it is ${caught}`);
    const dotted = await ask(`${NAME}.`, "ndots:5", search);
    const clean = await ask(NAME, "ndots:5", []);
    story.tell(
      `In a pod with a final dot: ${dotted}; with the domain out of the kubelet's resolv.conf: ${clean}`,
    );
    story.holds("in the pod the name is the wildcard's", caught === OURS);
    story.holds("on its node it is right", onNode === TRUE);
    story.holds(
      "a final dot, or a search list without the domain, mends it",
      dotted === TRUE && clean === TRUE,
    );
    return story.end({
      broken: {
        on: "ndots:5 and a search domain of the node that has a wildcard record",
        what: `${NAME} is ${caught}: TLS says that the certificate is not github.com's`,
        facts: { in_pod: caught, on_node: onNode, right: TRUE },
      },
      mended: {
        on: "a resolv.conf for the kubelet without that domain (--resolv-conf), or ndots:1",
        what: `${NAME} is ${clean}`,
        facts: { in_pod: clean, with_final_dot: dotted },
      },
      lesson: "A search list asks strangers' names in your domain. Never search in a domain with a wildcard.",
    });
  },
};
