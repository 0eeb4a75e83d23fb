/** Rules as they are applied to queries. */
import type { EdnsOption } from "../../src/dns/edns.ts";
import { nameText, parseName, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import type { AnswerRewrite, Rule } from "./directive.ts";
import { applyEdns } from "./edns.ts";
import { compileChange, compileTest, expand, remap, type NameChange } from "./names.ts";
import type { ResponseRule } from "./response.ts";

/** A rule, compiled. */
export interface RequestRule {
  /** No rule behind it is looked at where it applies. */
  readonly stop: boolean;
  /** False where the rule surely leaves the query alone: nothing is allocated for it. */
  may(query: Query): boolean;
  /** Changes what is to become of the query; false where the rule does not apply. */
  apply(rewriting: Rewriting): boolean;
}

/** The size of OPT records that are made here, in bytes: CoreDNS's. */
const OPT_SIZE = 4096;

/** What becomes of a query while rule after rule is applied to it. */
export class Rewriting {
  readonly query: Query;
  /** The question's name in presentation form. */
  name: string;
  /** The same; undefined where a rule has made a text that is no name. */
  wireName: Name | undefined;
  type: number;
  class: number;
  /** Undefined: as they came. */
  options: readonly EdnsOption[] | undefined;
  /** What is to be done with the answer, in the rules' order. */
  readonly responses: ResponseRule[] = [];

  constructor(query: Query) {
    this.query = query;
    this.name = nameText(query.rawName);
    this.wireName = query.rawName;
    this.type = query.type;
    this.class = query.class;
  }

  get lowerName(): string {
    return this.name.toLowerCase();
  }

  rename(text: string): void {
    this.name = text;
    this.wireName = parseName(text);
  }

  /** The EDNS options, which from now on are the query's in any case. */
  openOptions(): readonly EdnsOption[] {
    return (this.options ??= this.query.options);
  }

  /** The query that goes on. */
  result(): Query {
    const { query, wireName: name = query.rawName, type, options } = this;
    const isAsked = name === query.rawName && type === query.type && this.class === query.class;
    if (isAsked && options === undefined) return query;
    return query.with({
      ...(name === query.rawName ? {} : { name }),
      type,
      class: this.class,
      ...(options === undefined ? {} : { options, edns: true }),
      ...(options === undefined || query.edns ? {} : { size: OPT_SIZE }),
    });
  }
}

export function compileRule(rule: Rule): RequestRule {
  const { stop } = rule;
  switch (rule.kind) {
    case "name":
      return { stop, ...nameRule(rule) };
    case "type":
      return {
        stop,
        may: ({ type }) => type === rule.from,
        apply: (rewriting) => (rewriting.type === rule.from ? ((rewriting.type = rule.to), true) : false),
      };
    case "class":
      return {
        stop,
        may: (query) => query.class === rule.from,
        apply: (rewriting) => (rewriting.class === rule.from ? ((rewriting.class = rule.to), true) : false),
      };
    case "ttl":
    case "rcode": {
      const test = compileTest(rule.name);
      const response: ResponseRule =
        rule.kind === "ttl"
          ? { kind: "ttl", min: rule.min, max: rule.max }
          : { kind: "rcode", from: rule.from, to: rule.to };
      return {
        stop,
        may: ({ name }) => test.may(name),
        apply: ({ lowerName, responses }) => test.matches(lowerName) && responses.push(response) > 0,
      };
    }
    case "cname": {
      const change = compileChange(rule.from, rule.to);
      const isEmpty = rule.from.text === "" || rule.to === "";
      return {
        stop,
        may: () => !isEmpty,
        apply: ({ responses }) => !isEmpty && responses.push({ kind: "cname", change }) > 0,
      };
    }
    case "edns0":
      return { stop, may: () => true, apply: (rewriting) => applyEdns(rule, rewriting) };
  }
}

function nameRule(rule: Extract<Rule, { kind: "name" }>): Omit<RequestRule, "stop"> {
  const { from, to, answers } = rule;
  const test = compileTest(from);
  const change = compileChange(from, to);
  const fixed = answers.map(answerRule);
  // A suffix goes back as a suffix; of other matches only this one name, and what is below it.
  if (rule.auto && from.match === "suffix") {
    const back: NameChange = (name) =>
      name.endsWith(to) ? name.slice(0, name.length - to.length) + from.text : undefined;
    fixed.unshift({ kind: "owner", change: back }, { kind: "value", change: back });
  }
  const isAuto = from.match === "exact" || (rule.auto && from.match !== "suffix");
  return {
    may: ({ name }) => test.may(name),
    apply(rewriting) {
      const asked = rewriting.lowerName;
      const name = change(asked);
      if (name === undefined) return false;
      rewriting.rename(name);
      if (isAuto) {
        const back = remap(name, asked);
        rewriting.responses.push({ kind: "owner", change: back }, { kind: "value", change: back });
      }
      rewriting.responses.push(...fixed);
      return true;
    },
  };
}

const answerRule = ({ what, from, to }: AnswerRewrite): ResponseRule => ({
  kind: what === "name" ? "owner" : "value",
  change: (text) => expand(from, to, text),
});
