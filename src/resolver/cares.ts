/**
 * c-ares 1.34: ares_getaddrinfo (what pycares, gRPC and curl builds use) and the plain query of Node's dns.resolve4. A and AAAA
 * of a step go out at once over one port, which is kept for the next steps as long as something is under way on it.
 */
import { openChannel, type Status } from "./cares-channel.ts";
import { has, number, serversOf } from "./conf.ts";
import { absolute, candidates, dotsIn, isAddress, isEncodable } from "./names.ts";
import { failed, found, type Family, type Model, type Outcome } from "./types.ts";

const words: Record<Status, string> = {
  ENODATA: "DNS server returned answer with no data",
  EFORMERR: "DNS server claims query was misformatted",
  ESERVFAIL: "DNS server returned general failure",
  ENOTFOUND: "Domain name not found",
  ENOTIMP: "DNS server does not implement requested operation",
  EREFUSED: "DNS server refused query",
  EBADNAME: "Misformatted domain name",
  ECONNREFUSED: "Could not contact DNS servers",
  ETIMEOUT: "Timeout while contacting DNS servers",
};

/** With the event thread of pycares 5 the bytes often stay behind: 2 of 5 recorded lookups sent them. */
const PYCARES_TCP_RETRY = 0.4;

/** ares_getaddrinfo with AF_UNSPEC on a channel that reads resolv.conf, as pycares opens it: use-vc is not heeded. */
export const caresGetaddrinfo: Model = async ({ name, conf, session }) => {
  if (isAddress(name)) return found([name]);
  const poll = session.poll();
  const channel = openChannel(session, poll, {
    servers: serversOf(conf, Infinity),
    tries: number(conf, "attempts", 3, 1, Infinity),
    timeoutMs: number(conf, "timeout", 2, 1, Infinity) * 1000,
    rotate: has(conf, "rotate"),
    tcp: false,
    edns: { size: 1232, do: false },
    takesFailures: false,
    tcpRetryWritten: PYCARES_TCP_RETRY,
  });
  const names = candidates(name, conf.search, number(conf, "ndots", 1, 0, Infinity));
  let outcome: Outcome | undefined;
  let noData = false;

  // The next step's questions go out while the port is still in use: within the callback of the step's last answer.
  const step = (at: number, before: Status): void => {
    const full = names[at];
    if (full === undefined) {
      outcome = failed(words[noData ? "ENODATA" : before]);
      return;
    }
    if (!isEncodable(full)) {
      outcome = failed(words.EBADNAME);
      return;
    }
    const addresses: Record<Family, readonly string[]> = { A: [], AAAA: [] };
    let missing = 2;
    const done = (type: Family) => (status: Status | undefined, got: readonly string[]) => {
      addresses[type] = got;
      // With an IPv4 address in hand a lost AAAA is not asked for again; the other way round it is.
      if (type === "A" && got.length > 0) aaaa.noRetries = true;
      noData ||= status === "ENODATA";
      if (--missing > 0) return;
      const all = [...addresses.A, ...addresses.AAAA];
      const last = status ?? "ENODATA";
      if (all.length > 0) outcome = found(all);
      else if (goesOn(last, full)) step(at + 1, last);
      else outcome = failed(words[last]);
    };
    channel.query(full, "A", done("A"));
    const aaaa = channel.query(full, "AAAA", done("AAAA"));
  };
  step(0, "ENOTFOUND");
  await channel.drain();
  return outcome ?? failed(words.ETIMEOUT);
};

/** systemd-resolved answers a single label with SERVFAIL or REFUSED: that alone does not end the walk. */
const goesOn = (status: Status, name: string): boolean =>
  status === "ENOTFOUND" ||
  status === "ENODATA" ||
  ((status === "ESERVFAIL" || status === "EREFUSED") && dotsIn(name) === 1);

/** Node's dns.resolve4: no search list, four tries, failures taken as answers, timeouts looked at once a second. */
export const nodeResolve4: Model = async ({ name, conf, session }) => {
  if (!isEncodable(name)) return failed("EBADNAME queryA");
  const poll = session.poll();
  const channel = openChannel(session, poll, {
    servers: serversOf(conf, Infinity),
    tries: 4,
    timeoutMs: number(conf, "timeout", 2, 1, Infinity) * 1000,
    rotate: has(conf, "rotate"),
    tcp: has(conf, "use-vc", "usevc"),
    takesFailures: true,
    tcpRetryWritten: 1,
    tickMs: 1000,
  });
  let outcome = failed("ETIMEOUT queryA");
  channel.query(absolute(name), "A", (status, addresses) => {
    outcome = status === undefined ? found(addresses) : failed(`${status} queryA`);
  });
  await channel.drain();
  return outcome;
};
