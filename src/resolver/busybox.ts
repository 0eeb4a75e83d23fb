/**
 * nslookup of busybox 1.35. A name without a dot is asked for below every search domain at once and never as it is; one with
 * a dot only as it is, whatever ndots says. All questions go out over one port; `timeout` and `attempts` are not heeded, but
 * Debian's static build makes its packets with glibc, which heeds `trust-ad`.
 */
import { has, serversOf } from "./conf.ts";
import { absolute, below, isEncodable } from "./names.ts";
import { isReply } from "./session.ts";
import { failed, found, type Model } from "./types.ts";
import { RCODE, rcodeText } from "../dns/types.ts";

const TIMEOUT = 5000;
const RETRIES = 2;

export const busyboxNslookup: Model = async ({ name, conf, session }) => {
  const searched = !name.includes(".") && conf.search.length > 0 && conf.search.join(" ") !== ".";
  const names = (searched ? conf.search.map((domain) => below(name, domain)) : [absolute(name)]).filter(
    isEncodable,
  );
  const trust = has(conf, "trust-ad") ? { ad: true } : {};
  const questions = ["A", "AAAA"].flatMap((type) => names.map((full) => ({ name: full, type, ...trust })));
  const addresses: string[] = [];
  let error: string | undefined;

  for (const server of serversOf(conf, Infinity)) {
    const open = new Set(questions);
    const poll = session.poll();
    const socket = poll.udp(server);
    const end = session.clock.now() + TIMEOUT;
    let sendAt = session.clock.now();
    let servfailRetries = 0;
    while (open.size > 0 && session.clock.now() < end) {
      if (session.clock.now() >= sendAt) {
        for (const question of open) socket.ask(question, server);
        sendAt = session.clock.now() + TIMEOUT / RETRIES;
        servfailRetries = 2 * questions.length;
      }
      const arrival = await poll.next(sendAt);
      if (arrival === undefined) continue;
      const { fate } = arrival;
      if (!isReply(fate)) break;
      const question = [...open].find(
        (each) => each.name === arrival.question.name && each.type === arrival.question.type,
      );
      if (question === undefined) continue;
      if (fate.rcode === RCODE.SERVFAIL && servfailRetries > 0) {
        servfailRetries--;
        socket.ask(question, server);
        continue;
      }
      open.delete(question);
      if (fate.rcode !== RCODE.NOERROR) {
        error ??= `** server can't find ${question.name.replace(/\.$/, "")}: ${rcodeText(fate.rcode)}`;
      }
      addresses.push(...fate.addresses);
    }
    poll.close();
    if (open.size === questions.length) continue;
    // Though it prints what it found, its exit status is 1 when any of the names did not exist.
    if (addresses.length > 0) return found(addresses);
    return failed(error ?? `*** Can't find ${name}: No answer`);
  }
  return failed(";; connection timed out; no servers could be reached");
};
