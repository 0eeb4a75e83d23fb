/** Which packets bypass connection tracking, and which are let in. */

/** One rule, in iptables' words. */
export interface Rule {
  readonly table: "raw" | "filter";
  readonly chain: "PREROUTING" | "INPUT" | "OUTPUT";
  readonly args: readonly string[];
}

/** Brings the node's rules about, and takes them away. Neither rejects: what goes wrong is in the journal. */
export interface Firewall {
  /** Adds what is missing. */
  ensure(): Promise<void>;
  remove(): Promise<void>;
}

export const SKIP_COMMENT = "NodeLocal DNS Cache: skip conntrack";
const ALLOW_COMMENT = "NodeLocal DNS Cache: allow DNS traffic";

/** node-cache's twelve rules for an address, in its order. */
export function rulesFor(address: string, dnsPort: number, healthPort: number): Rule[] {
  const skip = ["-j", "NOTRACK", "-m", "comment", "--comment", SKIP_COMMENT];
  const allow = ["-j", "ACCEPT", "-m", "comment", "--comment", ALLOW_COMMENT];
  const to = (protocol: string, port: number): string[] => [
    "-p",
    protocol,
    "-d",
    address,
    "--dport",
    String(port),
  ];
  const from = (protocol: string, port: number): string[] => [
    "-p",
    protocol,
    "-s",
    address,
    "--sport",
    String(port),
  ];
  const both = (
    table: Rule["table"],
    chain: Rule["chain"],
    match: (protocol: string, port: number) => string[],
    verdict: readonly string[],
  ): Rule[] =>
    ["tcp", "udp"].map((protocol) => ({ table, chain, args: [...match(protocol, dnsPort), ...verdict] }));
  return [
    ...both("raw", "PREROUTING", to, skip),
    ...both("filter", "INPUT", to, allow),
    ...both("raw", "OUTPUT", from, skip),
    ...both("filter", "OUTPUT", from, allow),
    // Clients in the node's own network.
    ...both("raw", "OUTPUT", to, skip),
    { table: "raw", chain: "OUTPUT", args: [...to("tcp", healthPort), ...skip] },
    { table: "raw", chain: "OUTPUT", args: [...from("tcp", healthPort), ...skip] },
  ];
}

/** As node-cache's log shows it. */
export const ruleText = ({ table, chain, args }: Rule): string => `{${table} ${chain} [${args.join(" ")}]}`;
