import { ipv6Bytes, ipv6Text } from "../../src/dns/address.ts";
import type { Comparison, Recorded } from "./case.ts";

const SECTIONS = ["answer", "authority", "additional"] as const;

/** What differs, a line each; empty where the response agrees with the recorded one. */
export function differences(want: Recorded, got: Recorded, how: Comparison): string[] {
  if (want.timeout === true || got.timeout === true) {
    return want.timeout === got.timeout
      ? []
      : [`silence: want ${want.timeout === true}, got ${got.timeout === true}`];
  }
  // What the recording program could not read is nothing to compare with (a name of over 255 octets, a cookie of two).
  if (want.rcode?.startsWith("unreadable") === true) return [];
  const out: string[] = [];
  const fields =
    want.transfer === true
      ? (["rcode"] as const)
      : (["rcode", "opcode", "flags", "question", "edns"] as const);
  for (const field of fields) {
    if (field === "edns" && how.edns === "ignore") continue;
    if (spaces(JSON.stringify(want[field] ?? null)) !== spaces(JSON.stringify(got[field] ?? null))) {
      out.push(`${field}: want ${JSON.stringify(want[field])}, got ${JSON.stringify(got[field])}`);
    }
  }
  for (const section of SECTIONS) {
    const wanted = prepared(want[section] ?? [], how);
    const found = prepared(got[section] ?? [], how);
    if (section === "answer" && how.answer === "one-of") {
      if (!want.any!.some((set) => equal(prepared(set, how), found, how)))
        out.push(`answer: ${JSON.stringify(found)} is none of the recorded ones`);
    } else if (!equal(wanted, found, how)) {
      out.push(`${section}: want ${JSON.stringify(wanted)}, got ${JSON.stringify(found)}`);
    }
  }
  // Names are compressed by CoreDNS only where they must; smaller is as good.
  if (how.size === true && (got.size ?? 0) > (want.size ?? 0))
    out.push(`size: want at most ${want.size}, got ${got.size}`);
  return out;
}

function prepared(records: readonly string[], how: Comparison): string[] {
  let out = [...records];
  if (how.serial === "ignore") out = out.map((line) => line.replace(/( SOA \S+ \S+) \d+ /, "$1 * "));
  // Signed on the fly: the times and the signature vary.
  if (how.rrsig === "shape") {
    out = out.map((line) =>
      line.replace(/ RRSIG (\S+ \d+ \d+ \d+) \d+ \d+ (\d+ \S+) .*$/, " RRSIG $1 * * $2 *"),
    );
  }
  return out.map((line) => spaces(addresses(tight(line))));
}

/** A space in a label: `\032` for dnspython, `\ ` for Go's library. */
const spaces = (line: string): string => line.replaceAll("\\ ", "\\032");

/** dnspython writes an address that holds an IPv4 one in both notations. */
const addresses = (line: string): string =>
  line.replace(/( AAAA )(\S+)$/, (all, type: string, address: string) => {
    const bytes = ipv6Bytes(address);
    return bytes === undefined ? all : type + ipv6Text(bytes);
  });

const GROUPED =
  / (RRSIG|DNSKEY|CDNSKEY|DS|CDS|TLSA|SSHFP|NSEC3|OPENPGPKEY|CERT|SMIMEA|DHCID|IPSECKEY|TYPE\d+) /;

/** Base64 and hex are printed in groups by some and in one by others: then the spaces behind the type don't count. */
function tight(line: string): string {
  const type = GROUPED.exec(line);
  if (type === null) return line;
  const end = type.index + type[0].length;
  return line.slice(0, end) + line.slice(end).replaceAll(" ", "");
}

function equal(want: readonly string[], got: readonly string[], how: Comparison): boolean {
  if (want.length !== got.length) return false;
  const ordered = how.order === "list";
  if (how.ttl === "atmost") {
    const [w, g] = [want, got].map((lines) =>
      lines.map(splitTtl).sort((a, b) => (a.rest < b.rest ? -1 : 1)),
    ) as [Split[], Split[]];
    return w.every((each, i) => each.rest === g[i]!.rest && g[i]!.ttl <= each.ttl);
  }
  const strip = (lines: readonly string[]): string[] => {
    const out = how.ttl === "ignore" ? lines.map((line) => splitTtl(line).rest) : [...lines];
    return ordered ? out : out.sort();
  };
  return strip(want).join("\n") === strip(got).join("\n");
}

interface Split {
  readonly rest: string;
  readonly ttl: number;
}

function splitTtl(line: string): Split {
  const [name, ttl, ...rest] = line.split(" ");
  return { rest: `${name} ${rest.join(" ")}`, ttl: Number(ttl) };
}
