import type { Node } from "./ast.ts";
import { SyntaxProblem } from "./error.ts";
import { numberOf, tokenize, type Token } from "./lexer.ts";
import { BINARY, COMPARISONS, FROM_THE_RIGHT, NEGATABLE, PREDICATED, UNARY } from "./operators.ts";

/** What the parser must know of the names in scope: those of the environment hide builtins. */
export interface Names {
  isBuiltin(name: string): boolean;
}

/** How much an expression may hold, and how deep it may be: its tree is walked by recursion. */
const MAX_NODES = 10_000;
const MAX_DEPTH = 200;
/** Operators and members that follow one another make it deeper, too. */
const MAX_LINKS = 2000;

/** Reads an expression. Throws a SyntaxProblem. */
export function parse(source: string, names: Names): Node {
  const tokens = tokenize(source);
  let next = 0;
  let nodes = 0;
  let depth = 0;
  let links = 0;
  let predicates = 0;

  const peek = (): Token => tokens[next]!;
  const is = (text: string): boolean => peek().kind === "operator" && peek().text === text;
  const unexpected = (token: Token = peek()): never => {
    throw new SyntaxProblem(
      token.kind === "end" ? "it ends too early" : `${JSON.stringify(token.text)} is unexpected`,
      token.at,
    );
  };
  const advance = (): Token => {
    const token = peek();
    if (token.kind !== "end") next++;
    return token;
  };
  const accept = (text: string): boolean => {
    if (!is(text)) return false;
    next++;
    return true;
  };
  const expect = (text: string): void => void (accept(text) || unexpected());
  const expectName = (): Token => (peek().kind === "name" ? advance() : unexpected());
  const node = (made: Node): Node => {
    if (++nodes > MAX_NODES) throw new SyntaxProblem(`it has more than ${MAX_NODES} parts`, made.at);
    return made;
  };

  const link = (): void => {
    if (++links > MAX_LINKS) throw new SyntaxProblem(`it has more than ${MAX_LINKS} operators`, peek().at);
  };

  const sequence = (): Node => {
    const first = expression(0);
    const all = [first];
    while (accept(";") && peek().kind !== "end") all.push(expression(0));
    return all.length === 1 ? first : node({ kind: "sequence", nodes: all, at: first.at });
  };

  const expression = (least: number): Node => {
    if (++depth > MAX_DEPTH) throw new SyntaxProblem(`it is more than ${MAX_DEPTH} levels deep`, peek().at);
    try {
      if (least === 0 && is("let")) return variable();
      if (least === 0 && is("if")) return condition();
      const made = operators(primary(), least);
      return least === 0 ? ternary(made) : made;
    } finally {
      depth--;
    }
  };

  const operators = (left: Node, least: number): Node => {
    let before = "";
    for (;;) {
      const first = peek();
      if (first.kind !== "operator") return left;
      const negated = first.text === "not";
      const operator = negated ? tokens[next + 1]! : first;
      if (negated && !NEGATABLE.has(operator.text)) return unexpected(operator);
      const binds = operator.kind === "operator" ? BINARY.get(operator.text) : undefined;
      if (binds === undefined || binds < least) return left;
      link();
      next += negated ? 2 : 1;
      if (operator.text === "|") {
        left = call(expectName(), [left]);
      } else if (before === "??" && operator.text !== "??") {
        throw new SyntaxProblem(`?? and ${operator.text} need parentheses around one of them`, operator.at);
      } else if (COMPARISONS.has(operator.text)) {
        left = comparison(left, operator, binds);
      } else {
        const right = expression(FROM_THE_RIGHT.has(operator.text) ? binds : binds + 1);
        left = node({ kind: "binary", operator: operator.text, left, right, at: operator.at });
        if (negated) left = node({ kind: "unary", operator: "not", operand: left, at: first.at });
      }
      before = operator.text;
    }
  };

  /** `a < b <= c` is `a < b && b <= c`. */
  const comparison = (left: Node, operator: Token, binds: number): Node => {
    let all: Node | undefined;
    for (;;) {
      link();
      const right = expression(binds + 1);
      const one = node({ kind: "binary", operator: operator.text, left, right, at: operator.at });
      all =
        all === undefined
          ? one
          : node({ kind: "binary", operator: "&&", left: all, right: one, at: operator.at });
      if (peek().kind !== "operator" || !COMPARISONS.has(peek().text)) return all;
      operator = advance();
      left = right;
    }
  };

  const ternary = (test: Node): Node => {
    while (is("?")) {
      const { at } = advance();
      const then = is(":") ? test : expression(0);
      expect(":");
      test = node({ kind: "if", test, then, otherwise: expression(0), at });
    }
    return test;
  };

  const variable = (): Node => {
    expect("let");
    const { text: name, at } = expectName();
    expect("=");
    const value = expression(0);
    expect(";");
    return node({ kind: "let", name, value, body: sequence(), at });
  };

  const condition = (): Node => {
    const { at } = advance();
    const test = expression(0);
    const block = (): Node => {
      expect("{");
      const made = sequence();
      expect("}");
      return made;
    };
    const then = block();
    expect("else");
    return node({ kind: "if", test, then, otherwise: is("if") ? condition() : block(), at });
  };

  const primary = (): Node => {
    const token = peek();
    const binds = token.kind === "operator" ? UNARY.get(token.text) : undefined;
    if (binds !== undefined) {
      advance();
      const operand = expression(binds);
      return postfix(node({ kind: "unary", operator: token.text, operand, at: token.at }));
    }
    if (accept("(")) {
      const inner = sequence();
      expect(")");
      return postfix(inner);
    }
    if (predicates > 0 && (is("#") || is("."))) {
      // Of `.field` the dot stays: it is the field's.
      const { text: name } = accept("#") && peek().kind === "name" ? advance() : { text: "" };
      return postfix(node({ kind: "pointer", name, at: token.at }));
    }
    if (accept("::")) return postfix(call(expectName(), []));
    return literal();
  };

  const literal = (): Node => {
    const token = advance();
    const { at, text } = token;
    switch (token.kind) {
      case "name":
        if (text === "true" || text === "false")
          return node({ kind: "constant", value: text === "true", at });
        if (text === "nil") return node({ kind: "constant", value: null, at });
        return postfix(is("(") ? call(token, []) : node({ kind: "name", name: text, at }));
      case "number":
        return node({ kind: "constant", value: numberOf(token), at });
      case "text":
        return postfix(node({ kind: "constant", value: text, at }));
      default:
        if (text === "[") return postfix(node({ kind: "array", items: list("]"), at }));
        if (text === "{") return postfix(map(at));
        return unexpected(token);
    }
  };

  /** Expressions with commas between them, and perhaps one behind the last, up to `close`. */
  const list = (close: string): Node[] => {
    const items: Node[] = [];
    while (!accept(close)) {
      if (items.length > 0) {
        expect(",");
        if (accept(close)) break;
      }
      items.push(expression(0));
    }
    return items;
  };

  const map = (at: number): Node => {
    const pairs: { key: Node; value: Node }[] = [];
    while (!accept("}")) {
      if (pairs.length > 0) {
        expect(",");
        if (accept("}")) break;
      }
      const token = peek();
      const isWord = token.kind === "name" || token.kind === "text" || token.kind === "number";
      if (!isWord && !is("(")) unexpected();
      const key: Node = isWord
        ? node({ kind: "constant", value: advance().text, at: token.at })
        : expression(0);
      expect(":");
      pairs.push({ key, value: expression(0) });
    }
    return node({ kind: "map", pairs, at });
  };

  const call = ({ text: name, at }: Token, given: readonly Node[]): Node => {
    if (!names.isBuiltin(name)) {
      expect("(");
      const args = [...given, ...list(")")];
      return node({ kind: "call", callee: node({ kind: "name", name, at }), args, at });
    }
    expect("(");
    const shape = PREDICATED.get(name);
    if (shape === undefined) return node({ kind: "builtin", name, args: [...given, ...list(")")], at });
    const args = [...given];
    const comma = (): void => (args.length > given.length ? expect(",") : undefined);
    if (args.length === 0) args.push(expression(0));
    if (!(shape.optional && is(")"))) {
      comma();
      args.push(predicate());
    }
    if (shape.third && !is(")") && (comma(), !is(")"))) args.push(expression(0));
    accept(",");
    expect(")");
    return node({ kind: "builtin", name, args, at });
  };

  const predicate = (): Node => {
    const { at } = peek();
    const braces = accept("{");
    predicates++;
    const body = braces ? sequence() : expression(0);
    predicates--;
    if (braces) expect("}");
    else if (is(";"))
      throw new SyntaxProblem("a predicate of several expressions needs { and } around it", peek().at);
    return node({ kind: "predicate", body, at });
  };

  const postfix = (made: Node): Node => {
    for (;;) {
      const optional = is("?.");
      const isIndex = is("[") || (optional && tokens[next + 1]?.text === "[");
      if (optional || is(".")) advance();
      else if (!is("[")) return made;
      link();
      made = isIndex ? index(made, optional) : member(made, optional);
    }
  };

  const member = (object: Node, optional: boolean): Node => {
    const word = advance();
    if (word.kind !== "name" && !(word.kind === "operator" && /^\p{L}/u.test(word.text)))
      return unexpected(word);
    const { at } = word;
    const inChain = object.kind === "chain";
    const key = node({ kind: "constant", value: word.text, at });
    const found = node({ kind: "member", object: inChain ? object.node : object, key, optional, at });
    const made = accept("(") ? node({ kind: "call", callee: found, args: list(")"), at }) : found;
    return inChain || optional ? node({ kind: "chain", node: made, at }) : made;
  };

  const index = (object: Node, optional: boolean): Node => {
    const { at } = advance();
    const from = is(":") ? undefined : expression(0);
    if (accept(":")) {
      const to = is("]") ? undefined : expression(0);
      expect("]");
      return node({ kind: "slice", object, from, to, at });
    }
    expect("]");
    const found = node({ kind: "member", object, key: from!, optional, at });
    return optional ? node({ kind: "chain", node: found, at }) : found;
  };

  const whole = sequence();
  return peek().kind === "end" ? whole : unexpected();
}
