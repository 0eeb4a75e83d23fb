import type { RE2JS } from "re2js";
import { extendedError } from "../../src/dns/edns.ts";
import { Message, replyFlags, serverFailure, type Answer } from "../../src/dns/message.ts";
import { isWithin, nameText, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { defaultOpt } from "../../src/dns/reply.ts";
import { rdataFields } from "../../src/dns/rdata.ts";
import { CLASS, type RR } from "../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";
import { parseRecord } from "../../src/dns/zonefile/parse.ts";
import { compileTemplate, TemplateError, type Template } from "../../src/gotemplate/index.ts";
import { definePlugin, SetupError, type Context, type MaybePromise, type Plugin } from "../../src/plugin.ts";
import type { Family, Cell } from "../../src/metrics/metrics.ts";
import { templateData, type Matched, type TemplateData } from "./data.ts";
import { directiveTable } from "./directive.ts";
import { compileConditions, type Conditions } from "./conditions.ts";

type Section = "answer" | "authority" | "additional";

/** One `template` directive, compiled. */
interface Rule {
  readonly class: number;
  readonly type: number;
  readonly zones: readonly Name[];
  readonly patterns: readonly RE2JS[];
  readonly records: Readonly<Record<Section, readonly RecordTemplate[]>>;
  readonly rcode: number;
  readonly ede: { readonly code: number; readonly reason: string } | undefined;
  readonly fallthrough: readonly Name[];
  readonly conditions: Conditions;
}

interface RecordTemplate {
  readonly source: string;
  readonly run: Template;
}

const LABELS = ["class", "server", "type", "view", "zone"];
const NOTHING = serverFailure("");

/** Makes answers out of the query by templates. */
export const template: Plugin = definePlugin({
  name: "template",
  directive: directiveTable,
  setup(lines, context) {
    const rules = lines.map((line): Rule => ({
      class: line.class,
      type: line.type,
      zones: line.zones,
      patterns: line.match,
      records: {
        answer: compile(line.answer),
        authority: compile(line.authority),
        additional: compile(line.additional),
      },
      rcode: line.rcode,
      ede:
        line.ederror === undefined
          ? undefined
          : { code: line.ederror.code, reason: line.ederror.reason ?? "" },
      fallthrough: line.fallthrough ?? [],
      conditions: compileConditions(line.var, line.expr),
    }));
    const zones = [...new Set(rules.flatMap((rule) => rule.zones))];
    const counters = createCounters(context);

    return {
      answer(query, next) {
        const { name } = query;
        if (!zones.some((zone) => isWithin(name, zone))) return next(query);
        for (const rule of rules) {
          if (rule.class !== CLASS.ANY && query.class !== CLASS.ANY && rule.class !== query.class) continue;
          if (rule.type !== TYPE.ANY && query.type !== TYPE.ANY && rule.type !== query.type) continue;
          const zone = rule.zones.filter((one) => isWithin(name, one)).sort((a, b) => b.length - a.length)[0];
          if (zone === undefined) continue;
          const matched = match(rule, query, zone);
          const data =
            matched === undefined ? undefined : templateData(query, rule.type, rule.class, matched);
          const verdict = data === undefined ? false : rule.conditions(query, data);
          if (data !== undefined && verdict === true) return respond(rule, query, data, counters);
          // A name that fits class, type and zone and nothing else goes on only by `fallthrough`.
          if (verdict === "failed" || !rule.fallthrough.some((one) => isWithin(name, one))) return NOTHING;
        }
        return next(query);
      },
    };
  },
});

function compile(sources: readonly string[]): RecordTemplate[] {
  return sources.map((source) => {
    try {
      return { source, run: compileTemplate(source, { parseInt: parseUint }) };
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new SetupError(`could not compile template: ${source}: ${error.message}`);
    }
  });
}

/** Go's strconv.ParseUint. */
function parseUint(text: unknown, base: unknown, bits: unknown): bigint {
  const radix = Number(base);
  const digits = String(text).toLowerCase();
  let value = 0n;
  for (const char of digits) {
    const digit = parseInt(char, 36);
    if (Number.isNaN(digit) || digit >= radix) throw new TemplateError(`parsing "${digits}": invalid syntax`);
    value = value * BigInt(radix) + BigInt(digit);
  }
  if (digits === "") throw new TemplateError('parsing "": invalid syntax');
  if (value >= 1n << BigInt(Number(bits) || 64))
    throw new TemplateError(`parsing "${digits}": value out of range`);
  return value;
}

function match(rule: Rule, query: Query, zone: Name): Matched | undefined {
  const text = nameText(query.name);
  for (const pattern of rule.patterns) {
    const matcher = pattern.matcher(text);
    if (!matcher.find()) continue;
    const found: string[] = [];
    for (let i = 0; i <= matcher.groupCount(); i++) found.push(matcher.group(i) ?? "");
    const groups = new Map(found.map((value, i) => [String(i), value]));
    for (const [name, i] of Object.entries(pattern.namedGroups())) groups.set(name, found[i as number] ?? "");
    return { zone, source: pattern.pattern(), match: found, groups };
  }
  if (rule.patterns.length > 0) return undefined;
  return { zone, source: ".*", match: [text], groups: new Map([["0", text]]) };
}

function respond(rule: Rule, query: Query, data: TemplateData, counters: Counters): MaybePromise<Answer> {
  counters.matches(query, data).inc();
  if (rule.rcode === RCODE.SERVFAIL) return NOTHING;
  const sections: Record<Section, RR[]> = { answer: [], authority: [], additional: [] };
  for (const section of ["answer", "additional", "authority"] as const) {
    for (const { run, source } of rule.records[section]) {
      let text: string;
      try {
        text = run(data);
      } catch (error) {
        counters.failure("template_failures_total", query, data, section, source);
        return serverFailure(String((error as Error).message));
      }
      const rr = parseRecord(text);
      if (rr === undefined || "error" in rr) {
        counters.failure("rr_failures_total", query, data, section, source);
        return serverFailure(rr === undefined ? `no record: "${text}"` : rr.error);
      }
      sections[section].push(rr);
    }
  }
  const finish = (): Message => {
    const opt =
      rule.ede === undefined ? undefined : defaultOpt([extendedError(rule.ede.code, rule.ede.reason)]);
    return new Message(query.rawName, rule.rcode, replyFlags(query) | FLAG.AA, sections, opt);
  };
  const isAddress = query.type === TYPE.A || query.type === TYPE.AAAA;
  const followed = isAddress ? sections.answer.findIndex((rr) => rr.type === TYPE.CNAME) : -1;
  if (followed < 0) return finish();
  return follow(query, sections.answer, followed).then(finish);
}

/** Puts what an alias leads to behind it; what can't be found is left out. */
async function follow(query: Query, answer: RR[], from: number): Promise<void> {
  for (let i = from; i < answer.length; i++) {
    const rr = answer[i]!;
    const target = rr.type === TYPE.CNAME ? rdataFields(TYPE.CNAME, rr.rdata)?.target : undefined;
    if (target === undefined) continue;
    const found = await query.lookup(target, query.type);
    if (found.kind !== "message") continue;
    answer.splice(i + 1, 0, ...found.answer);
    i += found.answer.length;
  }
}

interface Counters {
  matches(query: Query, data: TemplateData): Cell;
  failure(name: string, query: Query, data: TemplateData, section: string, source: string): void;
}

function createCounters({ metrics }: Context): Counters {
  const matches = metrics.counter("matches_total", "Counter of template regex matches.", LABELS);
  const failures = (name: string): Family<Cell> =>
    metrics.counter(name, "Counter of go template failures.", [
      "class",
      "section",
      "server",
      "template",
      "type",
      "view",
      "zone",
    ]);
  return {
    matches: ({ scope }, { Class, Type, Zone }) => matches.at(Class, scope.server, Type, scope.view, Zone),
    failure(name, { scope }, { Class, Type, Zone }, section, source) {
      failures(name).at(Class, section, scope.server, source, Type, scope.view, Zone).inc();
    },
  };
}
