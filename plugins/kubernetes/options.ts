import { directive, problem, type FreeLine, type OptionsOf } from "../../src/directive/index.ts";
import { MAX_NAME, nameText } from "../../src/dns/name.ts";
import { parseSelector, type Selector } from "../../src/cluster/selector.ts";

/** In bytes: `hostmaster.ZONE` must be a name. */
const LONGEST_ZONE = MAX_NAME - "hostmaster.".length;

const selector = ({ name, words }: FreeLine): Selector | ReturnType<typeof problem> => {
  if (words.length === 0)
    return problem(`${name.text} needs a label selector such as app=web,env in (staging, qa)`);
  const text = words.map((word) => word.text).join(" ");
  const parsed = parseSelector(text);
  return "error" in parsed ? problem(`unable to parse label selector "${text}": ${parsed.error}`) : parsed;
};

export const table = directive({
  doc: "Answers for the Services and pods of a Kubernetes cluster.",
  repeat: "once",
  args: { zones: { type: "zone[]", default: "keys", doc: "The zones to answer for, reverse ones too." } },
  options: {
    endpoint: { type: "text[]", as: "URL", doc: "The API server's URL; only the first one is used." },
    tls: {
      args: { cert: { type: "path" }, key: { type: "path" }, cacert: { type: "path" } },
      doc: "Client certificate, its key and the server's CA, for `endpoint`.",
    },
    kubeconfig: {
      args: { file: { type: "path" }, context: { type: "text", optional: true } },
      doc: "How to reach the API server.",
    },
    manifests: { type: "path", as: "DIR", doc: "A directory of manifests in place of an API server." },
    apiserver_qps: { type: "number", min: 0, doc: "Most requests a second." },
    apiserver_burst: { type: "integer", min: 0, doc: "Most requests at once beyond that." },
    apiserver_max_inflight: { type: "integer", min: 0, doc: "Most requests that wait for their response." },
    namespaces: { type: "text[]", as: "NAMESPACE", repeat: "join", doc: "Shows these namespaces only." },
    namespace_labels: {
      usage: "EXPRESSION",
      line: selector,
      doc: "Shows namespaces with these labels only.",
    },
    labels: {
      usage: "EXPRESSION",
      line: selector,
      doc: "Shows Services, EndpointSlices and pods with these labels only.",
    },
    pods: {
      type: "word",
      of: ["disabled", "insecure", "verified"],
      default: "disabled",
      doc: "Whether pods have names.",
    },
    endpoint_pod_names: { type: "flag", doc: "Names endpoints without a host name after their pods." },
    ttl: { type: "integer", min: 0, max: 3600, default: 5, doc: "TTL of the records, in seconds." },
    noendpoints: { type: "flag", doc: "No names of endpoints and of headless Services." },
    fallthrough: {
      type: "zone[]",
      ifEmpty: ["."],
      doc: "Leaves names that do not exist, of these zones, to the next plugin.",
    },
    ignore: { type: "word", of: ["empty_service"], doc: "Services without a ready endpoint do not exist." },
    multicluster: {
      type: "zone[]",
      ifEmpty: [],
      doc: "Zones of Services that are imported from other clusters.",
    },
    zonal: { type: "flag", doc: "Names that choose endpoints of one topology zone." },
    startup_timeout: {
      type: "duration",
      default: "5s",
      doc: "How long the server's start waits for the cluster.",
    },
  },
  check({
    zones,
    namespaces,
    namespace_labels,
    multicluster,
    zonal,
    noendpoints,
    manifests,
    kubeconfig,
    endpoint,
  }) {
    if (namespaces.length > 0 && namespace_labels !== undefined) {
      return problem("namespaces and namespace_labels cannot both be set");
    }
    const long = zones.find((zone) => zone.length > LONGEST_ZONE);
    if (long !== undefined) return problem(`${nameText(long)} is too long: there is no room for names in it`);
    const foreign = multicluster?.find((zone) => !zones.includes(zone));
    if (foreign !== undefined) {
      const own = zones.map(nameText).join(" ");
      return problem(
        `is not authoritative for the multicluster zone ${nameText(foreign)} (authoritative zones: ${own}): name it after kubernetes, too`,
      );
    }
    if (zonal && noendpoints) return problem("zonal requires the endpoints: remove noendpoints");
    if (manifests !== undefined && (kubeconfig !== undefined || endpoint !== undefined)) {
      return problem("manifests takes the place of an API server: remove it, or kubeconfig and endpoint");
    }
    return undefined;
  },
});

export type KubernetesOptions = OptionsOf<typeof table>;
