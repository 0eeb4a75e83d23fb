import { readFileSync } from "node:fs";
import type { Message } from "../../src/dns/message.ts";
import { nameText } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import type { RR } from "../../src/dns/rr.ts";
import { TYPE } from "../../src/dns/types.ts";
import { durationText } from "../../src/directive/quantity.ts";
import { afterMessage, SetupError, type Context, type Instance } from "../../src/plugin.ts";
import { parseWeights, type Weights } from "./weight-file.ts";

const WEIGHED: ReadonlySet<number> = new Set([TYPE.A, TYPE.AAAA, TYPE.SRV]);

/** Chooses which address comes first by the weights of a file, `file`, which messages call `name`; looked at every `reload` milliseconds. */
export function createWeights(
  file: string,
  name: string,
  reload: number,
  { log, random }: Context,
): Instance {
  let weights: Weights = new Map();
  let text: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** Takes the file where it changed; why not, where it can't be opened. Throws where it is wrong. */
  const load = (): string | undefined => {
    let now: string;
    try {
      now = readFileSync(file, "utf8");
    } catch {
      return "weight file can not be opened";
    }
    if (now === text) return undefined;
    const parsed = parseWeights(now, name);
    if (parsed.error !== undefined) throw new SetupError(parsed.error);
    text = now;
    weights = parsed.weights;
    log.info(`Successfully reloaded weight file ${name}`);
    return undefined;
  };

  const order = (message: Message, query: Query): Message => {
    if (message.rcode !== 0 || !WEIGHED.has(query.type)) return message;
    const { answer, authority, additional } = message.sections;
    return message.with({
      sections: {
        answer: choose(answer, weights, random),
        authority,
        additional: choose(additional, weights, random),
      },
    });
  };

  return {
    answer: (query, next) => afterMessage(next(query), query, order),
    start() {
      const missing = load();
      if (missing !== undefined) {
        if (reload === 0) throw new SetupError(missing);
        log.warning(`Failed to open weight file:${missing}. Will try again in ${durationText(reload)}`);
      }
      if (reload === 0) return;
      timer = setInterval(() => {
        try {
          const failed = load();
          if (failed !== undefined) log.error(failed);
        } catch (error) {
          log.error((error as Error).message);
        }
      }, reload);
      timer.unref();
    },
    close: () => clearInterval(timer),
  };
}

/** Aliases, others, then addresses with the chosen one in front, then MX. */
function choose(records: readonly RR[], weights: Weights, random: () => number): readonly RR[] {
  const addresses = records.filter((rr) => rr.type === TYPE.A || rr.type === TYPE.AAAA);
  if (addresses.length === 0) return records;
  const weightOf = (rr: RR): number => weights.get(nameText(rr.name))?.get(rr.rdata) ?? 1;
  let left = random() * addresses.reduce((sum, rr) => sum + weightOf(rr), 0);
  let top = 0;
  while (top < addresses.length - 1 && (left -= weightOf(addresses[top]!)) >= 0) top++;
  [addresses[0], addresses[top]] = [addresses[top]!, addresses[0]!];
  const rest = records.filter((rr) => rr.type !== TYPE.A && rr.type !== TYPE.AAAA);
  const of = (type: number): RR[] => rest.filter((rr) => rr.type === type);
  return [
    ...of(TYPE.CNAME),
    ...rest.filter((rr) => rr.type !== TYPE.CNAME && rr.type !== TYPE.MX),
    ...addresses,
    ...of(TYPE.MX),
  ];
}
