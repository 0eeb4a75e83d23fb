/**
 * Label selectors in text (`app in (a,b),!tier,k8s:env!=prod,n>1`) over Cilium's labels `source:key=value`. A key without a
 * source stands for every source. Grammar and messages are those of apimachinery's pkg/labels.
 */
import { contains, parseAddress, parsePrefix } from "../select/cidr.ts";
import { labelKeyFault, labelValueFault } from "./faults.ts";
import { quote } from "./go-text.ts";
import { FilterError } from "./patterns.ts";

type Test = (labels: readonly Label[]) => boolean;

interface Label {
  readonly source: string;
  readonly key: string;
  readonly value: string;
}

export function parseLabel(text: string): Label {
  let [source, rest] = ["unspec", text];
  const colon = text.indexOf(":");
  if (text.startsWith("$")) [source, rest] = ["reserved", text.slice(1)];
  else if (colon >= 0) [source, rest] = [text.slice(0, colon) || source, text.slice(colon + 1)];
  const equals = rest.indexOf("=");
  if (equals < 0) return { source, key: rest, value: "" };
  if (equals === 0 && source === "reserved") return { source, key: rest.slice(1), value: "" };
  return { source, key: rest.slice(0, equals), value: rest.slice(equals + 1) };
}

const OPERATORS = "in, notin, =, ==, !=, gt, lt";
const TOKEN = /\s*(?:(==|!=|[!=,()<>])|([^\s!=,()<>]+)|$)/y;

interface Token {
  readonly text: string;
  readonly kind: "word" | "symbol" | "end";
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const [, symbol, word] = TOKEN.exec(text) ?? [];
    if (symbol !== undefined) found.push({ text: symbol, kind: "symbol" });
    else if (word !== undefined) found.push({ text: word, kind: "word" });
    else return [...found, { text: "", kind: "end" }];
  }
}

/** Throws FilterError. */
export function parseSelector(text: string): Test {
  const list = tokens(text);
  let at = 0;
  const peek = (): Token => list[at] ?? { text: "", kind: "end" };
  const take = (): Token => list[at++] ?? { text: "", kind: "end" };
  const is = (token: Token, symbol: string): boolean => token.kind === "symbol" && token.text === symbol;
  const endsHere = (token: Token): boolean => token.kind === "end" || is(token, ",");
  const bad = (token: Token, expected: string): never => {
    throw new FilterError(`found '${token.text}', expected: ${expected}`);
  };

  const values = (): string[] => {
    if (!is(take(), "(")) throw new FilterError(`found '${list[at - 1]?.text}' expected: '('`);
    const all = new Set<string>();
    let wasValue = false;
    for (;;) {
      const token = take();
      if (token.kind === "word" && !wasValue) all.add(token.text);
      else if (is(token, ",") || is(token, ")")) {
        if (!wasValue) all.add("");
      } else bad(token, wasValue ? "',' or ')'" : "',', or identifier");
      if (is(token, ")")) return [...all];
      wasValue = token.kind === "word";
    }
  };

  const exact = (): string[] => {
    if (endsHere(peek())) return [""];
    const token = take();
    return token.kind === "word" ? [token.text] : bad(token, "identifier");
  };

  const requirement = (): Test => {
    const absent = is(peek(), "!");
    if (absent) take();
    const name = take();
    if (name.kind !== "word") bad(name, "identifier");
    const find = finder(name.text);
    if (absent || endsHere(peek())) {
      if (!endsHere(peek()) && absent) bad(take(), "',' or 'end of string'");
      return (labels) => (find(labels) === undefined) === absent;
    }
    const operator = take();
    switch (operator.text) {
      case "in":
      case "=":
      case "==":
        return among(find, dotted(name.text), operator.text === "in" ? values() : exact(), true);
      case "notin":
      case "!=":
        return among(find, dotted(name.text), operator.text === "notin" ? values() : exact(), false);
      case ">":
      case "<": {
        const [limit = ""] = exact();
        if (!/^[+-]?\d+$/.test(limit))
          throw new FilterError(
            `values[0]: Invalid value: ${JSON.stringify(limit)}: for 'Gt', 'Lt' operators, the value must be an integer`,
          );
        return (labels) => {
          const value = find(labels) ?? "";
          if (!/^[+-]?\d+$/.test(value)) return false;
          return operator.text === ">" ? BigInt(value) > BigInt(limit) : BigInt(value) < BigInt(limit);
        };
      }
      default:
        return bad(operator, OPERATORS);
    }
  };

  const all: Test[] = [];
  while (peek().kind !== "end") {
    if (peek().kind !== "word" && !is(peek(), "!")) bad(peek(), "!, identifier, or 'end of string'");
    try {
      all.push(requirement());
    } catch (error) {
      throw new FilterError(`unable to parse requirement: ${(error as Error).message}`);
    }
    const after = take();
    if (after.kind === "end") break;
    if (!is(after, ",")) bad(after, "',' or 'end of string'");
    if (peek().kind !== "word" && !is(peek(), "!")) bad(peek(), "identifier after ','");
  }
  return (labels) => all.every((test) => test(labels));
}

type Find = (labels: readonly Label[]) => string | undefined;

function among(find: Find, key: string, values: readonly string[], wanted: boolean): Test {
  const faults = [...values].sort().flatMap((value, i) => {
    const fault = labelValueFault(value);
    return fault === undefined ? [] : [`values[${i}][${key}]: Invalid value: ${quote(value)}: ${fault}`];
  });
  if (faults.length > 0)
    throw new FilterError(faults.length === 1 ? faults.join() : `[${faults.join(", ")}]`);
  return (labels) => {
    const value = find(labels);
    return (value !== undefined && values.includes(value)) === wanted;
  };
}

/** A key as it is handed to apimachinery, which knows no colons. */
const dotted = (name: string): string => (name.includes(":") ? name.replace(":", ".") : `any.${name}`);

/** The value of the first label with the key. A `cidr:` key finds the labels of the networks inside it. */
function finder(name: string): Find {
  const colon = name.indexOf(":");
  const [source, key] = colon < 0 ? ["any", name] : [name.slice(0, colon) || "any", name.slice(colon + 1)];
  const given = dotted(name);
  const fault = labelKeyFault(given);
  if (fault !== undefined) throw new FilterError(`<nil>: Invalid value: ${quote(given)}: ${fault}`);
  if (source === "cidr") {
    const outer = network(key);
    return (labels) =>
      labels.find((label) => {
        const inner = label.source === "cidr" ? network(label.key) : undefined;
        const base = label.key.split("/")[0]?.replaceAll("-", ":") ?? "";
        const address = inner === undefined ? undefined : parseAddress(base);
        if (outer === undefined || inner === undefined || address === undefined) return false;
        return outer.bits <= inner.bits && contains(outer, address);
      })?.value;
  }
  return (labels) =>
    labels.find((label) => label.key === key && (source === "any" || label.source === source))?.value;
}

/** Cilium writes the colons of IPv6 as dashes in labels. */
const network = (key: string): ReturnType<typeof parsePrefix> => parsePrefix(key.replaceAll("-", ":"));
