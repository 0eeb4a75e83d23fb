import {
  addressText,
  directive,
  parseDuration,
  problem,
  readHostPort,
  readValue,
  type FreeLine,
  type Problem,
} from "../../src/directive/index.ts";
import { normalizeZone } from "../../src/corefile/index.ts";
import { lower, parseName, ROOT, type Name } from "../../src/dns/name.ts";

/** Where queries go. `host` is an address, or else the name of a file like /etc/resolv.conf or of a host. */
export interface Target {
  readonly transport: "dns" | "tls" | "https";
  readonly host: string;
  readonly address: boolean;
  /** Undefined: the transport's own (53, 853, 443). */
  readonly port: number | undefined;
  /** From `tls://ADDRESS%NAME`. */
  readonly serverName: string | undefined;
  readonly text: string;
}

/** `[scheme://]ADDRESS[%NAME][:PORT]`, or the name of a file or a host. */
export function readTarget(word: string): Target | Problem {
  const [, scheme, rest] = /^(?:(dns|tls|quic|grpc|https3|https|unix):\/\/)?(.*)$/s.exec(word)!;
  const transport = scheme ?? "dns";
  if (transport !== "dns" && transport !== "tls" && transport !== "https") {
    return problem(`"${word}": forward does not speak ${transport}: write dns://, tls:// or https://`);
  }
  if (rest === undefined || rest === "")
    return problem(`"${word}" names no address: write one behind the scheme`);
  if (transport === "https" && rest.includes("/")) {
    return problem(`"${word}" has a path: leave it out, /dns-query is asked`);
  }
  const percent = rest.lastIndexOf("%");
  const zone = percent < 0 ? "" : rest.slice(percent + 1);
  const colon = zone.lastIndexOf(":");
  const serverName = (colon < 0 ? zone : zone.slice(0, colon)).replace(/\]$/, "");
  const bare =
    percent < 0
      ? rest
      : rest.slice(0, percent) + (rest.startsWith("[") ? "]" : "") + (colon < 0 ? "" : zone.slice(colon));
  const split = addressText(bare) === undefined ? readHostPort(bare) : undefined;
  const host = (split?.host ?? bare).replace(/^\[|\]$/g, "");
  const address = addressText(host);
  const port = split === undefined ? undefined : Number(split.port);
  if (port !== undefined && !(port >= 0 && port <= 65535))
    return problem(`"${word}" has no port from 0 to 65535`);
  return {
    transport,
    host: address ?? host,
    address: address !== undefined,
    port,
    serverName: serverName === "" ? undefined : serverName,
    text: word,
  };
}

export interface From {
  readonly zone: Name;
  readonly text: string;
  /** How many zones the word stands for: a CIDR may be several, of which only the first counts. */
  readonly zones: number;
}

function readFrom(word: string): From | Problem {
  const zones = normalizeZone(word) ?? [];
  const zone = zones[0] === undefined ? undefined : parseName(zones[0]);
  if (zone === undefined) return problem(`"${word}" is no zone: write one such as example.org, or . for all`);
  return { zone: lower(zone), text: word, zones: zones.length };
}

export interface HealthCheckOption {
  /** Milliseconds. */
  readonly interval: number;
  readonly recursion: boolean;
  readonly domain: Name;
}

function readHealthCheck({ name, words: [first, ...words] }: FreeLine): HealthCheckOption | Problem {
  if (first === undefined)
    return problem(
      "something is missing behind it: the line is health_check DURATION [no_rec] [domain NAME]",
      name,
    );
  const interval = parseDuration(first.text);
  if (interval === undefined || interval < 0)
    return problem(`"${first.text}" is not a duration such as 5s, at least 0s`, first);
  let recursion = true;
  let domain: Name = ROOT;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word.text === "no_rec") {
      recursion = false;
    } else if (word.text === "domain" && i + 1 < words.length) {
      const read = readValue({ type: "name" }, words[++i]!);
      if (typeof read !== "string") return read;
      domain = read;
    } else {
      return problem(`"${word.text}" is not known: write no_rec or domain NAME`, word);
    }
  }
  return { interval, recursion, domain };
}

const count = { type: "integer", unsigned: true, max: 2 ** 32 - 1 } as const;

export const forwardDirective = directive({
  doc: "Forwards queries to other name servers.",
  repeat: "each",
  args: {
    from: {
      type: "custom",
      takes: "a zone, . for all",
      parse: readFrom,
      doc: "The zone whose queries are forwarded; `.` for all.",
    },
    to: {
      type: "custom[]",
      as: "TO",
      takes: "an address, a file like /etc/resolv.conf, or a host's name",
      parse: readTarget,
      atMost: 15,
      doc: "Where to: addresses with an optional scheme and port, files like /etc/resolv.conf, or hosts.",
    },
  },
  options: {
    except: { type: "zone[]", repeat: "join", doc: "Zones below FROM that are not forwarded." },
    force_tcp: { type: "flag", doc: "TCP, also for queries that came over UDP." },
    prefer_udp: {
      type: "flag",
      doc: "UDP first, also for queries that came over TCP; TCP if the answer is truncated.",
    },
    expire: {
      loose: true,
      type: "duration",
      min: "0s",
      default: "10s",
      doc: "How long a connection that is idle is kept.",
    },
    max_age: {
      loose: true,
      type: "duration",
      min: "0s",
      default: "0s",
      doc: "How long a connection is used at all; 0: without an end.",
    },
    max_idle_conns: {
      loose: true,
      type: "integer",
      min: 0,
      default: 0,
      doc: "Idle connections kept for each upstream; 0: any number.",
    },
    read_timeout: {
      loose: true,
      type: "duration",
      min: "1ns",
      default: "2s",
      doc: "How long one upstream may take to answer.",
    },
    max_fails: {
      loose: true,
      ...count,
      default: 2,
      doc: "Failed health checks until an upstream is taken for down; 0: never.",
    },
    max_connect_attempts: {
      loose: true,
      ...count,
      doc: "Attempts for one query over all upstreams; 0: any number. Default: two for each upstream.",
    },
    doh_method: {
      loose: true,
      type: "word",
      of: ["GET", "POST"],
      default: "POST",
      doc: "How DNS over HTTPS asks.",
    },
    tls: {
      type: "path[]",
      as: "CERT KEY CA",
      atLeast: 0,
      atMost: 3,
      doc: "Files: none, CA, CERT KEY, or CERT KEY CA.",
    },
    tls_servername: {
      loose: true,
      type: "text",
      as: "NAME",
      doc: "The name that the upstreams' certificates must have.",
    },
    policy: {
      loose: true,
      type: "word",
      of: ["random", "round_robin", "sequential"],
      default: "random",
      doc: "Which upstream is asked first.",
    },
    health_check: {
      usage: "DURATION [no_rec] [domain NAME]",
      line: readHealthCheck,
      doc: "How often an upstream that failed is asked whether it is back (0.5s), and for what (`.`).",
    },
    max_concurrent: {
      loose: true,
      type: "integer",
      min: 0,
      default: 0,
      doc: "Queries in work at one time, others are REFUSED; 0: any number.",
    },
    next: {
      type: "rcode[]",
      fold: true,
      repeat: "join",
      doc: "Answers with these codes are not given: the next forward is asked.",
    },
    next_on_nodata: { type: "flag", doc: "The same for answers without data." },
    failfast_all_unhealthy_upstreams: {
      type: "flag",
      doc: "SERVFAIL at once where all upstreams are down; else one is asked in spite of it.",
    },
    failover: {
      type: "rcode[]",
      fold: true,
      repeat: "join",
      doc: "Answers with these codes are not given: the next upstream is asked.",
    },
    resolver: {
      type: "custom[]",
      as: "ADDRESS[:PORT]",
      takes: "an IP address, with or without a port",
      parse: (word) =>
        addressText(readHostPort(word)?.host ?? word) === undefined
          ? problem(`"${word}" is not an IP address, with or without a port`)
          : word,
      doc: "Name servers that know the hosts among TO.",
    },
    hedge: {
      type: "duration",
      min: "1ms",
      doc: "An upstream that has not answered after this time is not waited for alone: another one is asked, too.",
    },
    source_address: { loose: true, type: "address", doc: "The address that queries are sent from." },
  },
  check({ expire, max_age, tls_servername, to, failover }, at) {
    if (max_age > 0 && max_age < expire) {
      return problem(
        "max_age must not be less than expire, or connections are gone before they are idle",
        at("max_age"),
      );
    }
    if (failover.includes(0))
      return problem("failover: NOERROR can't be among the codes: it is what is hoped for", at("failover"));
    const named = to.find((each) => each.transport === "tls" && each.serverName !== undefined);
    if (named !== undefined && tls_servername !== undefined) {
      return problem(
        `${named.text} names a server and tls_servername does, too: leave one of them out`,
        at("tls_servername"),
      );
    }
    return undefined;
  },
});
