/** Zones written as text, and answers as text, for the tests of this room. */
import { nameOf, type Name } from "../../src/dns/name.ts";
import { recordText } from "../../src/dns/records.ts";
import type { RR } from "../../src/dns/rr.ts";
import { parseType } from "../../src/dns/types.ts";
import type { ZoneData } from "../../src/zone/data.ts";
import { lookup } from "../../src/zone/lookup.ts";
import type { Outcome } from "../../src/zone/outcome.ts";
import { readNewZone, readZone, type ZoneRead } from "../../src/zone/read.ts";

export const SOA = "$TTL 60\n@ SOA ns admin 1 2 3 4 5\n";

export function read(text: string, origin = "example.", known?: number): ZoneRead {
  const source = { text, file: "db.example", origin: nameOf(origin) };
  const work: Generator<void, ZoneRead> = known === undefined ? readNewZone(source) : readZone(source, known);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Throws where the text is no zone: the test's own text is wrong then. */
export function zone(text: string, origin = "example."): ZoneData {
  const result = read(text, origin);
  if (result.kind !== "zone") throw new Error(result.kind === "wrong" ? result.error : result.kind);
  return result.zone;
}

export const names = (...texts: string[]): Name[] => texts.map(nameOf);

/** `NAME TYPE`, with ` DO` for one that wants signatures. */
export function ask(data: ZoneData, question: string): Outcome {
  const [name = "", type = "", dnssecOk] = question.split(" ");
  return lookup(data, nameOf(name), parseType(type)!, dnssecOk === "DO");
}

/** The result, and the answer's records, or where an alias leads. */
export function told(data: ZoneData, question: string): string {
  const outcome = ask(data, question);
  const answer = outcome.answer.map(recordText).join(", ");
  const result = outcome.kind === "led" ? "led" : outcome.result;
  return answer === "" ? result : `${result}: ${answer}`;
}

export const texts = (records: readonly RR[]): string[] => records.map(recordText);

/** Owner and type of each record. */
export const short = (records: readonly RR[]): string[] =>
  texts(records).map((text) => text.replace(/^(\S+) \d+ IN (\S+).*$/, "$1 $2"));
