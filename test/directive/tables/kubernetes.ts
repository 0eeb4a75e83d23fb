import { parseSelector, type Selector } from "../../../src/cluster/selector.ts";
import { directive, problem, type FreeLine, type Problem } from "../../../src/directive/index.ts";
import { isWithin, nameOf, nameText, type Name } from "../../../src/dns/name.ts";

function readSelector({ name, words }: FreeLine): Selector | Problem {
  if (words.length === 0)
    return problem("a label selector is missing: write one such as app=web,env in (staging, qa)", name);
  const selector = parseSelector(words.map((word) => word.text).join(" "));
  return "error" in selector ? problem(`it is no label selector: ${selector.error}`, name) : selector;
}

const reverse = [nameOf("in-addr.arpa."), nameOf("ip6.arpa.")];
const isReverse = (zone: Name): boolean => reverse.some((arpa) => isWithin(zone, arpa));

export const kubernetes = directive({
  doc: "Answers for the Services and pods of a Kubernetes cluster.",
  args: {
    zones: {
      type: "zone[]",
      default: "keys",
      doc: "The cluster's zones; the first that is no reverse zone is the one that names end in.",
    },
  },
  options: {
    endpoint: {
      type: "text[]",
      as: "URL",
      doc: "An API server; of several, the first. Default: the cluster that the process runs in.",
    },
    tls: {
      args: { cert: { type: "path" }, key: { type: "path" }, cacert: { type: "path" } },
      doc: "Client certificate, its key, and the authority of the API server's certificate.",
    },
    kubeconfig: {
      args: { file: { type: "path" }, context: { type: "text", optional: true } },
      doc: "A file that says how to reach the API server.",
    },
    manifests: {
      type: "path",
      as: "DIRECTORY",
      doc: "The cluster's objects are read from the YAML and JSON files of a directory instead.",
    },
    apiserver_qps: { type: "number", min: 0, doc: "Requests to the API server in a second." },
    apiserver_burst: { type: "integer", min: 0, doc: "Requests that may come at once in spite of that." },
    apiserver_max_inflight: { type: "integer", min: 0, doc: "Requests that may wait for an answer." },
    namespaces: { type: "text[]", as: "NAMESPACE", repeat: "join", doc: "Only these namespaces are served." },
    namespace_labels: {
      usage: "SELECTOR",
      line: readSelector,
      doc: "Only namespaces with these labels are served.",
    },
    labels: { usage: "SELECTOR", line: readSelector, doc: "Only objects with these labels are served." },
    pods: {
      type: "word",
      of: ["disabled", "insecure", "verified"],
      default: "disabled",
      doc: "Names such as 10-0-0-1.ns.pod.ZONE: none, any, or those of pods that exist.",
    },
    endpoint_pod_names: { type: "flag", doc: "An endpoint without a hostname is called like its pod." },
    ttl: { type: "seconds", min: 0, max: 3600, default: 5, surplus: "ignored", doc: "TTL of the records." },
    noendpoints: { type: "flag", doc: "Endpoints are not watched, and headless Services have no names." },
    fallthrough: {
      type: "zone[]",
      ifEmpty: ["."],
      doc: "Names of these zones, or all, that do not exist are left to the next plugin.",
    },
    ignore: {
      args: { what: { type: "word", of: ["empty_service"], optional: true } },
      surplus: "ignored",
      doc: "Services without a ready endpoint have no names.",
    },
    multicluster: {
      type: "zone[]",
      atLeast: 0,
      doc: "Zones that are the multi-cluster ones of ServiceImports.",
    },
    zonal: { type: "flag", doc: "Headless Services have names by topology zone." },
    startup_timeout: {
      type: "duration",
      default: "5s",
      surplus: "ignored",
      doc: "How long the start waits for the first lists of the API server.",
    },
  },
  check({ zones, namespaces, namespace_labels, multicluster, zonal, noendpoints }, at) {
    if (zones.every(isReverse))
      return problem("a zone is missing that is no reverse zone: write one such as cluster.local");
    if (namespaces.length > 0 && namespace_labels !== undefined) {
      return problem(
        "namespaces and namespace_labels can't both be set: leave one of them out",
        at("namespace_labels"),
      );
    }
    const foreign = multicluster?.find((zone) => !zones.includes(zone));
    if (foreign !== undefined) {
      return problem(
        `multicluster: ${nameText(foreign)} is not among the zones of this line: add it there`,
        at("multicluster"),
      );
    }
    if (zonal && noendpoints) return problem("zonal needs the endpoints: leave noendpoints out", at("zonal"));
    return undefined;
  },
});
