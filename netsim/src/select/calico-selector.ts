/**
 * Calico's selector expressions: `app == 'web' && has(tier) && env in {'prod', 'test'}`, `!`, `||`, parentheses, `!=`,
 * `not in`, `contains`, `starts with`, `ends with`, `all()`, `global()`.
 */
import type { Labels } from "../model/types.ts";

export interface CalicoSelector {
  readonly key: string;
  readonly uses: readonly string[];
  matches(labels: Labels): boolean;
}

type Test = (labels: Labels) => boolean;
type Token = { readonly kind: "op" | "word" | "text" | "end"; readonly text: string; readonly at: number };

const SYNTAX = /\s*(?:(&&|\|\||==|!=|!|[(){},])|'([^']*)'|"([^"]*)"|([A-Za-z0-9_][A-Za-z0-9_./-]*))/y;

function tokenize(text: string): Token[] | string {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== "") {
    SYNTAX.lastIndex = at;
    const match = SYNTAX.exec(text);
    if (match === null) return `cannot read ${JSON.stringify(text.slice(at).trim().slice(0, 20))}`;
    const [, op, single, double, word] = match;
    if (op !== undefined) tokens.push({ kind: "op", text: op, at });
    else if (word !== undefined) tokens.push({ kind: "word", text: word, at });
    else tokens.push({ kind: "text", text: single ?? double ?? "", at });
    at = SYNTAX.lastIndex;
  }
  tokens.push({ kind: "end", text: "", at });
  return tokens;
}

const value = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

/** Nesting that nobody writes; deeper ones are refused rather than run out of stack. */
const MAX_DEPTH = 100;

class SyntaxFault extends Error {}

/** The compiled expression, or why it is none. An empty one selects everything, as `all()` does. */
export function parseCalicoSelector(text: string): CalicoSelector | string {
  const tokens = tokenize(text);
  if (typeof tokens === "string") return tokens;
  const uses = new Set<string>();
  let next = 0;
  const peek = () => tokens[next] as Token;
  const take = () => tokens[next++] as Token;
  const accept = (op: string): boolean => peek().kind === "op" && peek().text === op && next++ >= 0;
  const fail = (wanted: string): never => {
    const got = peek().kind === "end" ? "the end" : JSON.stringify(peek().text);
    throw new SyntaxFault(`expected ${wanted} at character ${peek().at + 1}, not ${got}`);
  };
  const need = (op: string) => void (accept(op) || fail(`"${op}"`));
  const literal = (): string => (peek().kind === "text" ? take().text : fail("a quoted value"));

  function either(depth: number): Test {
    const tests = [both(depth)];
    while (accept("||")) tests.push(both(depth));
    return tests.length === 1 ? (tests[0] as Test) : (labels) => tests.some((t) => t(labels));
  }

  function both(depth: number): Test {
    const tests = [operand(depth)];
    while (accept("&&")) tests.push(operand(depth));
    return tests.length === 1 ? (tests[0] as Test) : (labels) => tests.every((t) => t(labels));
  }

  function operand(depth: number): Test {
    if (depth > MAX_DEPTH) throw new SyntaxFault("is nested too deeply");
    if (accept("!")) {
      const inner = operand(depth + 1);
      return (labels) => !inner(labels);
    }
    if (accept("(")) {
      const inner = either(depth + 1);
      need(")");
      return inner;
    }
    if (peek().kind !== "word") fail("a label or a function");
    const word = take().text;
    if (accept("(")) return call(word);
    uses.add(word);
    return comparison(word);
  }

  function call(name: string): Test {
    if (name === "all" || name === "global") {
      need(")");
      return () => true;
    }
    if (name !== "has") throw new SyntaxFault(`there is no function ${name}()`);
    const key = peek().kind === "word" ? take().text : fail("a label");
    need(")");
    uses.add(key);
    return (labels) => value(labels, key) !== undefined;
  }

  function comparison(key: string): Test {
    if (accept("==")) {
      const wanted = literal();
      return (labels) => value(labels, key) === wanted;
    }
    if (accept("!=")) {
      const unwanted = literal();
      return (labels) => value(labels, key) !== unwanted;
    }
    const word = peek().kind === "word" ? take().text : fail("an operator");
    const second = word === "not" || word === "starts" || word === "ends" ? ` ${take().text}` : "";
    const operator = word + second;
    if (operator === "in" || operator === "not in") {
      const among = set();
      const inside: Test = (labels) => among.has(value(labels, key) ?? NOTHING);
      return operator === "in" ? inside : (labels) => !inside(labels);
    }
    const wanted = literal();
    if (operator === "contains") return (labels) => value(labels, key)?.includes(wanted) === true;
    if (operator === "starts with") return (labels) => value(labels, key)?.startsWith(wanted) === true;
    if (operator === "ends with") return (labels) => value(labels, key)?.endsWith(wanted) === true;
    throw new SyntaxFault(`there is no operator ${JSON.stringify(operator)}`);
  }

  function set(): ReadonlySet<string> {
    need("{");
    const out = new Set<string>();
    while (!accept("}")) {
      out.add(literal());
      if (!accept(",") && !(peek().kind === "op" && peek().text === "}")) fail('"," or "}"');
    }
    return out;
  }

  try {
    const matches = peek().kind === "end" ? () => true : either(0);
    if (peek().kind !== "end") fail("the end");
    return {
      key: tokens.map((t) => (t.kind === "text" ? `'${t.text}'` : t.text)).join(" "),
      uses: [...uses],
      matches,
    };
  } catch (fault) {
    if (fault instanceof SyntaxFault) return fault.message;
    throw fault;
  }
}

/** No label has this value. */
const NOTHING = "\u0000";
