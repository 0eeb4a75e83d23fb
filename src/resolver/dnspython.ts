/**
 * dnspython 2: `resolve(name, "A", search=True)`. One question at a time over ports of their own; two seconds for each, five
 * in all for a name; a server that fails is not asked again.
 */
import { has, number, serversOf, type ResolvConf } from "./conf.ts";
import { candidates, isEncodable } from "./names.ts";
import { isReply, type Session } from "./session.ts";
import { failed, found, type Model, type Proto, type Random, type Reply } from "./types.ts";
import { RCODE } from "../dns/types.ts";
import { until } from "./clock.ts";

const LIFETIME = 5000;
const PER_QUERY = 2000;
const FIRST_BACKOFF = 100;

async function ask(
  session: Session,
  conf: ResolvConf,
  name: string,
): Promise<Reply | "no nameservers" | "timeout"> {
  const { clock } = session;
  const end = clock.now() + LIFETIME;
  let servers = [...serversOf(conf, Infinity)];
  if (has(conf, "rotate")) shuffle(servers, session.random);
  for (let backoff = FIRST_BACKOFF; ; backoff = Math.min(2000, backoff * 2)) {
    for (const server of [...servers]) {
      let proto: Proto = "udp";
      for (;;) {
        if (clock.now() >= end) return "timeout";
        const poll = session.poll();
        poll[proto](server).ask({ name, type: "A" }, server);
        const arrival = await poll.next(Math.min(end, clock.now() + PER_QUERY));
        poll.close();
        if (arrival === undefined) break;
        const { fate } = arrival;
        if (isReply(fate) && fate.truncated && proto === "udp") {
          proto = "tcp";
          continue;
        }
        if (isReply(fate) && (fate.rcode === RCODE.NOERROR || fate.rcode === RCODE.NXDOMAIN)) return fate;
        // SERVFAIL may pass; what else a server has against us does not.
        if (!isReply(fate) || fate.rcode !== RCODE.SERVFAIL)
          servers = servers.filter((each) => each !== server);
        break;
      }
    }
    if (servers.length === 0) return "no nameservers";
    await until(clock, Math.min(end, clock.now() + backoff));
    if (clock.now() >= end) return "timeout";
  }
}

/** Fisher and Yates. */
function shuffle(list: string[], random: Random): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}

export const dnspython: Model = async ({ name, conf, session }) => {
  const names = candidates(name, conf.search, number(conf, "ndots", 1, 0, Infinity)).filter(isEncodable);
  const tried: string[] = [];
  for (const full of names) {
    const answer = await ask(session, conf, full);
    tried.push(full.replace(/\.$/, ""));
    if (answer === "timeout") return failed("LifetimeTimeout");
    if (answer === "no nameservers")
      return failed(`NoNameservers All nameservers failed to answer the query ${full}`);
    if (answer.rcode === RCODE.NXDOMAIN) continue;
    return answer.addresses.length > 0 ? found(answer.addresses) : failed("NoAnswer");
  }
  return failed(
    tried.length === 1
      ? `NXDOMAIN The DNS query name does not exist: ${tried[0]!}.`
      : `NXDOMAIN None of DNS query names exist: ${tried.map((each) => `${each}.`).join(", ")}`,
  );
};
