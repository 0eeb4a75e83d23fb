import type { Comparison, Recorded } from "./case.ts";

const SECTIONS = ["answer", "authority", "additional"] as const;

/** What differs, a line each; empty where the response agrees with the recorded one. */
export function differences(want: Recorded, got: Recorded, how: Comparison): string[] {
  if (want.timeout === true || got.timeout === true) {
    return want.timeout === got.timeout
      ? []
      : [`silence: want ${want.timeout === true}, got ${got.timeout === true}`];
  }
  // A name of over 255 octets: neither reader takes it, each in its own words.
  if (want.rcode?.startsWith("unreadable") === true && got.rcode?.startsWith("unreadable") === true)
    return [];
  const out: string[] = [];
  const fields =
    want.transfer === true
      ? (["rcode"] as const)
      : (["rcode", "opcode", "flags", "question", "edns"] as const);
  for (const field of fields) {
    if (field === "edns" && how.edns === "ignore") continue;
    if (JSON.stringify(want[field] ?? null) !== JSON.stringify(got[field] ?? null)) {
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
  let out = records.map(tight);
  if (how.serial === "ignore") out = out.map((line) => line.replace(/( SOA \S+ \S+) \d+ /, "$1 * "));
  // Signed on the fly: the times and the signature vary.
  if (how.rrsig === "shape")
    out = out.map((line) =>
      line.replace(/ RRSIG (\S+ \d+ \d+ \d+) \d+ \d+ (\d+ \S+) .*$/, " RRSIG $1 * * $2 *"),
    );
  return out;
}

/** Base64 and hex are printed in groups by some and in one by others. */
const tight = (line: string): string =>
  / (RRSIG|DNSKEY|CDNSKEY|DS|CDS|TLSA|SSHFP|NSEC3|OPENPGPKEY|CERT|SMIMEA) /.test(line)
    ? line.replace(
        /((?:\S+ ){8})(.*)$/,
        (_all, head: string, tail: string) => head + tail.replaceAll(" ", ""),
      )
    : line;

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
