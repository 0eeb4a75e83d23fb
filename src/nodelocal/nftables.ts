/** The rules by nft, in a table of our own that is replaced as a whole, in one transaction. */
import type { Run } from "./command.ts";
import type { Journal } from "./journal.ts";
import { SKIP_COMMENT, type Firewall } from "./rules.ts";

const TABLE = "inet clusterdns_nodelocal";

/**
 * Only the bypass of connection tracking: in nftables an `accept` of one table does not overrule a `drop` of another, so rules that let DNS in would be
 * without effect.
 */
export function createNftables(
  addresses: readonly string[],
  dnsPort: number,
  healthPort: number,
  run: Run,
  journal: Journal,
): Firewall {
  const script = nftScript(addresses, dnsPort, healthPort);
  /** As nft lists it right after it was made: whatever differs was changed by somebody else. */
  let listed: string | undefined;

  const list = async (): Promise<string | undefined> => {
    const { code, output } = await run("nft", ["list", "table", ...TABLE.split(" ")]);
    return code === 0 ? output : undefined;
  };
  const apply = async (what: string, script: string): Promise<boolean> => {
    const { code, output } = await run("nft", ["-f", "-"], { input: script });
    if (code !== 0)
      journal.error(
        `${what} nftables table {${TABLE}}: ${code === undefined ? "" : `exit status ${code}: `}${output.trimEnd()}`,
        "iptables",
      );
    return code === 0;
  };

  return {
    async ensure() {
      if (listed !== undefined && (await list()) === listed) return;
      if (!(await apply("Error making", script))) return;
      listed = await list();
      journal.write("info", `Added back nodelocaldns rules - {${TABLE}}`);
    },
    async remove() {
      if ((await list()) !== undefined) await apply("Failed deleting", `delete table ${TABLE}\n`);
    },
  };
}

/** Without the empty table in front there would be nothing to delete the first time. */
export function nftScript(addresses: readonly string[], dnsPort: number, healthPort: number): string {
  const family = addresses[0]!.includes(":") ? "ip6" : "ip";
  const skip = `notrack comment "${SKIP_COMMENT}"`;
  const each = (line: (address: string) => string): string =>
    addresses.map((address) => `    ${line(address)} ${skip}\n`).join("");
  const to = (address: string): string => `${family} daddr ${address}`;
  const from = (address: string): string => `${family} saddr ${address}`;
  const dns = "meta l4proto { tcp, udp } th";
  return `table ${TABLE}
delete table ${TABLE}
table ${TABLE} {
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
${each((address) => `${to(address)} ${dns} dport ${dnsPort}`)}  }
  chain output {
    type filter hook output priority raw; policy accept;
${each((address) => `${from(address)} ${dns} sport ${dnsPort}`)}${each((address) => `${to(address)} ${dns} dport ${dnsPort}`)}${each(
    (address) => `${to(address)} tcp dport ${healthPort}`,
  )}${each((address) => `${from(address)} tcp sport ${healthPort}`)}  }
}
`;
}
