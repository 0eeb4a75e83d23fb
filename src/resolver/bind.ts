/**
 * The tools of BIND 9.18: dig, dig +search, host and nslookup. They ask one question at a time, each over a port of its own.
 * A name that is absolute or has its ndots is never searched for; a search stops at the first step that is not NXDOMAIN.
 */
import { number, serversOf, type ResolvConf } from "./conf.ts";
import { absolute, below, dotsIn, isAbsolute, isEncodable } from "./names.ts";
import { isReply, type Session } from "./session.ts";
import { failed, found, type Lookup, type Model, type Question, type Reply } from "./types.ts";
import { RCODE, rcodeText } from "../dns/types.ts";

/** BIND reads no more domains than this. */
const MAX_SEARCH = 8;

interface Tool {
  readonly searches: boolean;
  /** Whether SERVFAIL is printed as it comes, or the next server asked first. */
  readonly takesServfail: boolean;
  /** Whether a server without recursion is passed over. */
  readonly wantsRecursion: boolean;
  readonly extras: Pick<Question, "edns" | "ad">;
}

const digExtras = { edns: { size: 1232, do: false }, ad: true } as const;

/** What one lookup hands on to the next one that is made from it: tries used up, and TCP once it was needed. */
interface State {
  readonly session: Session;
  readonly conf: ResolvConf;
  readonly tool: Tool;
  tries: number;
  tcp: boolean;
}

const ndotsOf = (conf: ResolvConf): number => number(conf, "ndots", 1, 0, 255);
const triesOf = (conf: ResolvConf): number => number(conf, "attempts", 3, 1, 255);

/** Server by server; undefined where none could be reached. */
async function ask(state: State, name: string, type: string): Promise<Reply | undefined> {
  const { session, conf, tool } = state;
  const servers = serversOf(conf);
  let at = 0;
  for (;;) {
    const server = servers[at]!;
    const proto = state.tcp ? "tcp" : "udp";
    const timeout = number(conf, "timeout", 0, 0, 255) * 1000 || (state.tcp ? 10_000 : 5000);
    const poll = session.poll();
    poll[proto](server).ask({ name, type, ...tool.extras }, server);
    const arrival = await poll.next(session.clock.now() + timeout);
    poll.close();
    if (arrival === undefined || !isReply(arrival.fate)) {
      if (state.tries > 1) {
        state.tries--;
        // UDP asks the same server again; TCP begins anew with the first.
        if (state.tcp) at = 0;
      } else if (++at >= servers.length) return undefined;
      continue;
    }
    const reply = arrival.fate;
    if (reply.truncated && !state.tcp) {
      state.tcp = true;
      at = 0;
      continue;
    }
    const isBroken =
      (reply.rcode === RCODE.SERVFAIL && !tool.takesServfail) ||
      (tool.wantsRecursion && !reply.recursionAvailable);
    if (isBroken && at + 1 < servers.length) at++;
    else return reply;
  }
}

/** Walks the search list; the name that the last reply is for, and the reply. */
async function walk(
  state: State,
  name: string,
): Promise<{ readonly full: string; readonly reply: Reply | undefined }> {
  const { conf, tool } = state;
  const searches = tool.searches && !isAbsolute(name) && dotsIn(name) < ndotsOf(conf);
  const suffixes = searches ? conf.search.slice(0, MAX_SEARCH) : [];
  for (const domain of suffixes) {
    const full = below(name, domain);
    if (!isEncodable(full)) continue;
    const reply = await ask(state, full, "A");
    if (reply?.rcode !== RCODE.NXDOMAIN) return { full, reply };
  }
  const full = absolute(name);
  return { full, reply: isEncodable(full) ? await ask(state, full, "A") : undefined };
}

/**
 * Asks another type of the name that answered. Its final dot is lost on the way: where that dot alone made up the ndots, NXDOMAIN
 * leads down the search list after all.
 */
async function askFurther(
  state: State,
  typed: string,
  full: string,
  type: string,
): Promise<Reply | undefined> {
  const { conf } = state;
  let reply = await ask(state, full, type);
  // The root's dot is its name, and stays.
  if (full === "." || !isAbsolute(typed) || dotsIn(typed) !== ndotsOf(conf)) return reply;
  for (const domain of conf.search.slice(0, MAX_SEARCH)) {
    if (reply?.rcode !== RCODE.NXDOMAIN) break;
    const next = below(full.slice(0, -1), domain);
    if (isEncodable(next)) reply = await ask(state, next, type);
  }
  return reply;
}

const begin = ({ session, conf }: Lookup, tool: Tool): State => ({
  session,
  conf,
  tool,
  tries: triesOf(conf),
  tcp: false,
});
const unreachable = "no servers could be reached";

function digModel(searches: boolean): Model {
  const tool: Tool = { searches, takesServfail: true, wantsRecursion: false, extras: digExtras };
  return async (lookup) => {
    const { reply } = await walk(begin(lookup, tool), lookup.name);
    if (reply === undefined) return failed(unreachable);
    return reply.addresses.length > 0 ? found(reply.addresses) : failed(`status: ${rcodeText(reply.rcode)}`);
  };
}

export const dig = digModel(false);
export const digSearch = digModel(true);

/** host and nslookup ask further types for the name that answered. A failing rcode makes them fail, a timeout then does not. */
function addressTool(
  further: readonly string[],
  wantsRecursion: boolean,
  describe: (name: string, rcode: number) => string,
): Model {
  const tool: Tool = { searches: true, takesServfail: false, wantsRecursion, extras: {} };
  return async (lookup) => {
    const state = begin(lookup, tool);
    const { full, reply } = await walk(state, lookup.name);
    if (reply === undefined) return failed(`;; ${unreachable}`);
    // The name as it was typed for NXDOMAIN, as it was asked otherwise.
    const shown = full.replace(/\.$/, "");
    if (reply.rcode !== RCODE.NOERROR)
      return failed(describe(reply.rcode === RCODE.NXDOMAIN ? lookup.name : shown, reply.rcode));
    const addresses = [...reply.addresses];
    let error: string | undefined;
    for (const type of further) {
      const answer = await askFurther({ ...state, tries: triesOf(lookup.conf) }, lookup.name, full, type);
      if (answer === undefined) continue;
      if (answer.rcode !== RCODE.NOERROR)
        error = describe(answer.rcode === RCODE.NXDOMAIN ? lookup.name : shown, answer.rcode);
      addresses.push(...answer.addresses);
    }
    if (error !== undefined) return failed(error, addresses);
    return addresses.length > 0 ? found(addresses) : failed(`*** Can't find ${shown}: No answer`);
  };
}

export const host = addressTool(
  ["AAAA", "MX"],
  false,
  (name, rcode) => `Host ${name} not found: ${String(rcode)}(${rcodeText(rcode)})`,
);
export const nslookup = addressTool(
  ["AAAA"],
  true,
  (name, rcode) => `** server can't find ${name}: ${rcodeText(rcode)}`,
);
