/**
 * glibc 2.36: getaddrinfo through nss_dns, and gethostbyname2. The search list is walked by res_nsearch, each step's A and
 * AAAA go out together by res_nsend. resolv.conf(5) describes the options.
 *
 * What the pages don't say: the options `single-request` and `single-request-reopen` that a timeout with one of two answers
 * switches on stay on for the rest of the lookup; over TCP there is neither a second try nor a timeout.
 */
import { has } from "./conf.ts";
import { openContext, send, type Context, type Seen } from "./glibc-send.ts";
import { absolute, below, dotsIn, isAbsolute, isAddress, isEncodable } from "./names.ts";
import { failed, found, type Family, type Model, type Net, type Outcome, type Question } from "./types.ts";
import { RCODE } from "../dns/types.ts";

/** What netdb.h's h_errno says after a step, and the rcode behind a TRY_AGAIN. */
type Failure = "HOST_NOT_FOUND" | "NO_DATA" | "TRY_AGAIN" | "NO_RECOVERY";
type Step =
  | { readonly addresses: readonly string[] }
  | { readonly failure: Failure; readonly rcode: number; readonly refused: boolean };

async function query(context: Context, name: string, families: readonly Family[]): Promise<Step> {
  const fail = (failure: Failure, rcode = 0, refused = false): Step => ({ failure, rcode, refused });
  if (!isEncodable(name)) return fail("NO_RECOVERY");
  const { conf } = context;
  const noAaaa = has(conf, "no-aaaa");
  // Under no-aaaa an AAAA question becomes an A question whose addresses are thrown away.
  const blind = noAaaa && families.length === 1 && families[0] === "AAAA";
  const types = noAaaa ? ["A"] : families;
  const questions = types.map((type): Question => ({
    name,
    type,
    ...(has(conf, "edns0") ? { edns: { size: 1200, do: false } } : {}),
    ...(has(conf, "trust-ad") ? { ad: true } : {}),
  }));
  const seen: Seen = { rcodes: [] };
  const answers = await send(context, questions, seen);
  // Blind questions that fail don't end the walk.
  if (typeof answers === "string")
    return fail("TRY_AGAIN", blind ? RCODE.SERVFAIL : seen.rcodes[0], answers === "refused");
  const good = answers.filter((reply) => reply.rcode === RCODE.NOERROR && reply.answers > 0);
  if (good.length > 0)
    return blind ? fail("NO_DATA") : { addresses: good.flatMap((reply) => reply.addresses) };
  const rcode = seen.rcodes.find((each) => each !== RCODE.NOERROR) ?? RCODE.NOERROR;
  if (rcode === RCODE.NXDOMAIN) return fail("HOST_NOT_FOUND", rcode);
  if (rcode === RCODE.NOERROR) return fail("NO_DATA", rcode);
  return fail(rcode === RCODE.SERVFAIL ? "TRY_AGAIN" : "NO_RECOVERY", rcode);
}

/** The search list, as res_nsearch walks it. */
async function search(
  context: Context,
  name: string,
  families: readonly Family[],
): Promise<readonly string[] | Failure> {
  const { conf, ndots } = context;
  const dots = dotsIn(name);
  let asItIs: Failure | undefined;
  if (dots >= ndots || isAbsolute(name)) {
    const step = await query(context, absolute(name), families);
    if ("addresses" in step) return step.addresses;
    if (isAbsolute(name)) return step.failure;
    asItIs = step.failure;
  }
  let noData = false;
  let serverFailed = false;
  let rootOnList = false;
  for (const domain of conf.search) {
    rootOnList ||= domain === ".";
    const step = await query(context, below(name, domain), families);
    if ("addresses" in step) return step.addresses;
    if (step.refused) return "TRY_AGAIN";
    noData ||= step.failure === "NO_DATA";
    if (step.failure === "TRY_AGAIN" && step.rcode === RCODE.SERVFAIL) serverFailed = true;
    else if (step.failure === "TRY_AGAIN" || step.failure === "NO_RECOVERY") break;
  }
  let last: Failure = "HOST_NOT_FOUND";
  if (
    asItIs === undefined &&
    !rootOnList &&
    !(dots === 0 && conf.search.length > 0 && has(conf, "no-tld-query", "no_tld_query"))
  ) {
    const step = await query(context, absolute(name), families);
    if ("addresses" in step) return step.addresses;
    last = step.failure;
  }
  return asItIs ?? (noData ? "NO_DATA" : serverFailed ? "TRY_AGAIN" : last);
}

/** gai_strerror(3). */
const words: Record<Failure, string> = {
  HOST_NOT_FOUND: "Name or service not known",
  NO_DATA: "No address associated with hostname",
  TRY_AGAIN: "Temporary failure in name resolution",
  NO_RECOVERY: "Name or service not known",
};

/** Which families getaddrinfo asks for; `addrconfig` leaves out IPv6 where no interface but loopback has it. */
const unspec = (_net: Net): readonly Family[] => ["A", "AAAA"];
const inet = (_net: Net): readonly Family[] => ["A"];
const addrconfig = (net: Net): readonly Family[] => (net === "dual" ? ["A", "AAAA"] : ["A"]);
/** Java drops IPv6 only where the kernel has none. */
const java = (net: Net): readonly Family[] => (net === "noipv6" ? ["A"] : ["A", "AAAA"]);

function getaddrinfo(
  familiesOf: (net: Net) => readonly Family[],
  describe: (failure: Failure) => string = (failure) => words[failure],
): Model {
  return async (lookup): Promise<Outcome> => {
    if (isAddress(lookup.name)) return found([lookup.name]);
    const outcome = await search(openContext(lookup), lookup.name, familiesOf(lookup.net));
    return typeof outcome === "string" ? failed(describe(outcome)) : found(outcome);
  };
}

export const glibc = getaddrinfo(unspec);
export const glibcInet = getaddrinfo(inet);
export const glibcAddrconfig = getaddrinfo(addrconfig);

const nodeCode = (failure: Failure): string =>
  failure === "TRY_AGAIN" ? "EAI_AGAIN getaddrinfo" : "ENOTFOUND getaddrinfo";
/** Node's dns.lookup: libuv calls getaddrinfo. */
export const nodeLookup = getaddrinfo(unspec, nodeCode);
export const nodeLookupAddrconfig = getaddrinfo(addrconfig, nodeCode);

export const javaGetAllByName = getaddrinfo(java);

const quietly = "exit status 2, nothing printed";
/** getent ahosts: getaddrinfo with AI_ADDRCONFIG. */
export const getentAhosts = getaddrinfo(addrconfig, () => quietly);

/** getent hosts: gethostbyname2 for IPv6, then for IPv4, each with a walk of its own. */
export const getentHosts: Model = async (lookup) => {
  if (isAddress(lookup.name)) return found([lookup.name]);
  const context = openContext(lookup);
  for (const family of ["AAAA", "A"] as const) {
    const outcome = await search(context, lookup.name, [family]);
    if (typeof outcome !== "string") return found(outcome);
  }
  return failed(quietly);
};
