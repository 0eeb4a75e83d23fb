/** The commands, in the order of the help text. Each is one file, imported when it is called. */
import type { Command } from "./usage.ts";

export const COMMANDS: Readonly<Record<string, Command>> = {
  probe: {
    usage: "FILES... [--json] [--port PORT/PROTOCOL]... [--external ADDRESS]... [--nodes]",
    summary: "what policy says of every pair of pods",
    load: () => import("./probe.ts"),
  },
  matrix: {
    usage: "FILES... [--by pod|workload|namespace] [--port PORT/PROTOCOL]... [--format text|json|csv|html]",
    summary: "who reaches whom, as a table",
    load: () => import("./matrix.ts"),
  },
  map: {
    usage: "FILES... -o FILE.html [--title TEXT]",
    summary: "the cluster as a page to look at: traces, who reaches whom, which policy selects what",
    load: () => import("./map.ts"),
  },
  diff: {
    usage: "BEFORE AFTER [--json] [--fail-on opened|closed|any]",
    summary: "the connections that a change opens or closes",
    load: () => import("./diff.ts"),
  },
  assert: {
    usage: "EXPECTATIONS FILES... [--json]",
    summary: "expectations about connections, as a test",
    load: () => import("./assert.ts"),
  },
  rules: {
    usage:
      "FILES... [--mode iptables|nftables|ipvs] [--node NAME] [--cluster-cidr LIST] [--service-cidr LIST] [--family ipv4|ipv6] [--scheduler NAME] [--masquerade-all] [--json]",
    summary: "what kube-proxy writes on a node",
    load: () => import("./rules.ts"),
  },
  spread: {
    usage:
      "FROM TO FILES... [--mode iptables|nftables|ipvs|ebpf] [--node NAME] [--count N] [--interval SECONDS] [--seed N] [--scheduler NAME] [--maglev] [--json]",
    summary: "where many connections to a Service would go",
    load: () => import("./spread.ts"),
  },
  cost: {
    usage:
      "[--services 10,100,1000] [--mode iptables|nftables|ipvs|ebpf]... [--endpoints N] [--format text|csv|json]",
    summary: "what a packet to one Service among many meets on its way, as a curve",
    load: () => import("./cost.ts"),
  },
  conntrack: {
    usage:
      "[--cores N | --max N] [--rate N] [--kernel VERSION] [--endpoints N] [--overlap 0..1] [--single-request] [--lookups N] [--seed N] [--json]",
    summary: "how long a node's connection table lasts, and how many DNS lookups lose a packet to its race",
    load: () => import("./conntrack.ts"),
  },
  observe: {
    usage:
      "--input-file FILE | FILES... --traffic FILE | FILES... --dns-log FILE [--namespace NAME] [--pod NAME] [--protocol NAME] [--verdict VERDICT] [--follow] [--last N] [-o compact|dict|table|json|brief] ... (options of hubble observe)",
    summary: "flows, recorded, simulated or of a DNS server, filtered and printed as hubble observe does",
    load: () => import("./observe.ts"),
  },
  mesh: {
    usage:
      "[show|check|imports|resolve CLUSTER NAME [TYPE]|trace CLUSTER FROM TO] --cluster NAME=PATH... [--mode iptables|nftables|ipvs|ebpf] [--method METHOD] [--header 'NAME: VALUE']... [--resolver NAME] [--json]",
    summary: "several clusters: global Services, imports, overlaps, connections between them",
    load: () => import("./mesh.ts"),
  },
  trace: {
    usage:
      "FROM TO FILES... [--port PORT[/PROTOCOL]] [--method METHOD] [--header 'NAME: VALUE']... [--mode iptables|nftables|ipvs|ebpf] [--resolver NAME] [--ip-family 4|6] [--record 'NAME A ADDRESS']... [--json] [--svg FILE] [--html FILE] [--pcap FILE] [--color always|never] [--cni NAME] [--set KEY=VALUE]... [--values FILE]... (and the other options of netsim cni)",
    summary: "one connection, from the name to the packet, hop by hop",
    load: () => import("./trace.ts"),
  },
  ping: {
    usage:
      "FROM TO FILES... [-s SIZE] [-M do|dont|want|probe] [-c N] [--sweep] [--black-hole] [--bridge-netfilter] [--clamp-mss pmtu|N] [--ip-family 4|6] [--json] [--pcap FILE] [--mtu OCTETS | NODE=OCTETS]... [--wire-mtu OCTETS] ... (options of netsim cni)",
    summary: "whether a packet of a size gets through, and what ping would say",
    load: () => import("./ping.ts"),
  },
  route: {
    usage:
      "FILES... --gateway NAMESPACE/NAME[#LISTENER] | --ingress-class CLASS [--controller nginx|traefik|haproxy|contour] [--compare] | --service NAMESPACE/NAME [--from NAMESPACE] | --status | --capabilities [--host HOST] [--path PATH] [--method METHOD] [--header 'NAME: VALUE']... [--scheme http|https] [--sni NAME] [--port N] [--response-header 'NAME: VALUE']... [--requests FILE] [--json]",
    summary: "where a Gateway or an Ingress controller sends a request",
    load: () => import("./route.ts"),
  },
  gateway: {
    usage:
      "FILES... --listen ADDRESS:PORT[=GATEWAYPORT]... [--gateway NAMESPACE/NAME[#LISTENER] | --ingress-class CLASS [--controller nginx|traefik|haproxy|contour]] [--backend NAMESPACE/SERVICE:PORT=ADDRESS:PORT]... [--echo | --endpoints] [--seed N] [--ca-file FILE] [--quiet]",
    summary: "a real proxy that does what a Gateway's or an IngressClass's objects say",
    load: () => import("./gateway.ts"),
  },
  museum: {
    usage: "[ID... | --all | --pages DIRECTORY] [--json]",
    summary: "famous outages of Kubernetes networking, each run anew and told",
    load: () => import("./museum.ts"),
  },
  cni: {
    usage:
      "create NAMESPACE/POD FILES... | path FROM TO FILES... | routes [--node N | --pod NAMESPACE/POD] FILES... | bgp FILES... | ipam FILES... | plan POD POD FILES... | check FILES... | compare [--cni bridge|calico|cilium|flannel|weave] [--set KEY=VALUE]... [--values FILE]... [--mtu OCTETS | NODE=OCTETS]... [--wire-mtu OCTETS] [--subnet CIDR]... [--cluster-cidr LIST] [--service-cidr LIST] [--ip-family 4|6] [--table T] [--json]",
    summary: "what the CNI makes of a cluster: a pod's creation, paths, tables, conflicts; CNIs compared",
    load: () => import("./cni.ts"),
  },
  doctor: {
    usage:
      "FILES... [--only ID,...] [--skip ID,...] [--severity error|warning|note] [--format text|json|sarif|markdown] [--fail-on error|warning|note|never] [--fix DIR] [--sysctl FILE]... [--flows RATE] [--nic MTU] [--color always|never]",
    summary: "what is wrong with a cluster's network, why, and what to change",
    load: () => import("./doctor.ts"),
  },
};
