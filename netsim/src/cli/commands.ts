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
};
