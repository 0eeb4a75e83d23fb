/** From a tree to code: each node is checked and becomes a function at once. */
import type { Node } from "./ast.ts";
import { fetch, memberType, slice } from "./access.ts";
import { binaryRun, binaryType, compilePattern, spend } from "./binary.ts";
import { builtin, call } from "./calls.ts";
import type { Code, Frame, Run } from "./code.ts";
import { fail } from "./error.ts";
import { FUNCTIONS } from "./functions.ts";
import { PREDICATED } from "./operators.ts";
import { CUT, refuse, type Binding, type Environment, type Scope, type Variable } from "./scope.ts";
import { nameOf } from "./signature.ts";
import {
  BOOL,
  FLOAT,
  INT,
  isAssignable,
  isNumber,
  isUnknown,
  LIST,
  listOf,
  MAP,
  NIL,
  TEXT,
  UNKNOWN,
  type Type,
} from "./types.ts";
import { asBool, asFloat, asText, int, isNumeric, kindText } from "./values.ts";

export const isBuiltin = (name: string): boolean => FUNCTIONS.has(name) || PREDICATED.has(name);

/** Makes code of a tree; `slots` is how many places for values it needs. Throws a SyntaxProblem. */
export function compile<C>(root: Node, environment: Environment<C>): { code: Code<C>; slots: number } {
  let slots = 0;

  const constant = (value: unknown, type: Type): Code<C> => ({ type, run: () => value, constant: { value } });
  const slotCode = ({ type, slot }: { type: Type; slot: number }): Code<C> => ({
    type,
    run: ({ slots }) => slots[slot],
  });

  const visit = (node: Node): Code<C> => {
    switch (node.kind) {
      case "constant":
        return constant(node.value, constantType(node.value));
      case "name":
        return name(node, node.name);
      case "pointer": {
        const found = scope.pointers.at(-1)!.get(node.name);
        return found === undefined ? refuse(node, `there is no #${node.name} here`) : slotCode(found);
      }
      case "unary":
        return unary(node, node.operator, visit(node.operand));
      case "binary":
        return binary(node, node.operator, visit(node.left), visit(node.right), node.right);
      case "member":
        return member(node, node);
      case "chain": {
        const { type, run } = visit(node.node);
        return {
          type,
          run: (frame) => {
            const value = run(frame);
            return value === CUT ? null : value;
          },
        };
      }
      case "slice":
        return cut(node, visit(node.object), node.from, node.to);
      case "call":
        return call(scope, node, node.callee, node.args);
      case "builtin":
        return builtin(scope, node, node.name, node.args);
      case "predicate":
        return visit(node.body);
      case "let":
        return declare(node, node.name, visit(node.value), node.body);
      case "sequence": {
        const codes = node.nodes.map(visit);
        const { type } = codes.at(-1)!;
        return { type, run: (frame) => codes.reduce<unknown>((_, { run }) => run(frame), null) };
      }
      case "if":
        return condition(node.test, node.then, node.otherwise);
      case "array":
        return array(node.items.map(visit));
      case "map": {
        const pairs = node.pairs.map(({ key, value }) => [visit(key).run, visit(value).run] as const);
        return {
          type: MAP,
          run: (frame) => {
            spend(frame, pairs.length);
            return new Map(pairs.map(([key, value]) => [asText(key(frame)), value(frame)]));
          },
        };
      }
    }
  };

  const name = (node: Node, text: string): Code<C> => {
    const variable = variables.findLast((each) => each.name === text);
    if (variable !== undefined) return slotCode(variable);
    if (text === "$env") return { type: UNKNOWN, run: wholeEnvironment };
    const binding = environment.get(text);
    if (binding === undefined) return refuse(node, unknownName(text, environment));
    return { type: binding.type, run: ({ context }) => valueOf(binding, context) };
  };

  const wholeEnvironment = ({ context }: Frame<C>): unknown =>
    new Map([...environment].map(([key, binding]) => [key, valueOf(binding, context)]));

  const unary = (node: Node, operator: string, { type, run, constant: known }: Code<C>): Code<C> => {
    if (operator === "not" || operator === "!") {
      if (type.kind !== "bool" && !isUnknown(type))
        refuse(node, `${operator} needs true or false, not ${nameOf(type)}`);
      return { type: BOOL, run: (frame) => !asBool(run(frame)) };
    }
    if (!isNumber(type) && !isUnknown(type)) refuse(node, `${operator} needs a number, not ${nameOf(type)}`);
    if (operator === "+") return { type, run };
    if (known !== undefined) return constant(negate(known.value), type);
    return { type, run: (frame) => negate(run(frame)) };
  };

  const binary = (node: Node, operator: string, left: Code<C>, right: Code<C>, pattern: Node): Code<C> => {
    if (operator === "matches" && typeof right.constant?.value === "string") {
      const compiled = compilePattern(right.constant.value);
      if (typeof compiled === "string")
        refuse(pattern, `it is no regular expression of RE2's syntax: ${compiled}`);
    }
    if (operator === "%" && left.constant !== undefined && right.constant?.value === 0n)
      refuse(node, "division by zero");
    const type = binaryType(operator, left.type, right.type);
    if (type === undefined)
      return refuse(node, `${nameOf(left.type)} ${operator} ${nameOf(right.type)} makes no sense`);
    return { type, run: binaryRun(operator, left, right) };
  };

  const member = (node: Node, of: Extract<Node, { kind: "member" }>): Code<C> => {
    const key = visit(of.key);
    const known = typeof key.constant?.value === "string" ? key.constant.value : undefined;
    if (of.object.kind === "name" && of.object.name === "$env" && known !== undefined) {
      const binding = environment.get(known);
      if (binding !== undefined) return name(node, known);
      return of.optional ? constant(null, UNKNOWN) : refuse(node, `${known} is not known`);
    }
    const object = visit(of.object);
    const type = isUnknown(object.type) ? UNKNOWN : memberType(object.type, key.type, known);
    if (typeof type === "string") return refuse(node, type);
    return {
      type,
      run: (frame) => {
        const value = object.run(frame);
        if (value === CUT || (value === null && of.optional)) return CUT;
        return fetch(value, key.run(frame));
      },
    };
  };

  const cut = (node: Node, object: Code<C>, from: Node | undefined, to: Node | undefined): Code<C> => {
    const { kind } = object.type;
    if (kind !== "unknown" && kind !== "text" && kind !== "array")
      refuse(node, `${nameOf(object.type)} can't be cut into slices`);
    const index = (at: Node | undefined): Run<C> => {
      if (at === undefined) return () => undefined;
      const { type, run } = visit(at);
      if (type.kind !== "int" && !isUnknown(type))
        refuse(at, `a slice needs whole numbers, not ${nameOf(type)}`);
      return run;
    };
    const [begin, end] = [index(from), index(to)];
    return {
      type: object.type,
      run: (frame) => slice(object.run(frame), begin(frame), end(frame)),
    };
  };

  const declare = (node: Node, text: string, value: Code<C>, body: Node): Code<C> => {
    if (environment.has(text) || isBuiltin(text) || variables.some((each) => each.name === text))
      refuse(node, `there is a ${text} already: take another name`);
    const slot = scope.newSlot();
    variables.push({ name: text, type: value.type, slot });
    const { type, run } = visit(body);
    variables.pop();
    return {
      type,
      run: (frame) => {
        frame.slots[slot] = value.run(frame);
        return run(frame);
      },
    };
  };

  const condition = (testNode: Node, thenNode: Node, otherwiseNode: Node): Code<C> => {
    const test = visit(testNode);
    if (test.type.kind !== "bool" && !isUnknown(test.type))
      refuse(testNode, `a condition is true or false, not ${nameOf(test.type)}`);
    const [then, otherwise] = [visit(thenNode), visit(otherwiseNode)];
    return {
      type: joined(then.type, otherwise.type),
      run: (frame) => (asBool(test.run(frame)) ? then.run(frame) : otherwise.run(frame)),
    };
  };

  const array = (items: readonly Code<C>[]): Code<C> => {
    const isUniform = items.every(({ type }) => type.kind === items[0]!.type.kind);
    const type = isUniform ? listOf(items.at(-1)?.type ?? UNKNOWN) : LIST;
    if (items.every((item) => item.constant !== undefined))
      return constant(
        items.map((item) => item.constant!.value),
        type,
      );
    return {
      type,
      run: (frame) => {
        spend(frame, items.length);
        return items.map(({ run }) => run(frame));
      },
    };
  };

  const variables: Variable[] = [];
  const scope: Scope<C> = { environment, variables, pointers: [], newSlot: () => slots++, visit };
  return { code: visit(root), slots };
}

const DATES: ReadonlySet<string> = new Set(["now", "date", "duration", "timezone"]);

function unknownName<C>(text: string, environment: Environment<C>): string {
  if (isBuiltin(text)) return `${text} is a function: write ${text}(...)`;
  if (DATES.has(text)) return `${text} is not built yet: there are no dates`;
  return `${text} is not known: there are ${[...environment.keys()].sort().join(", ")}`;
}

/** A function of the environment is a function of its arguments once it stands for itself. */
function valueOf<C>(binding: Binding<C>, context: C): unknown {
  return "read" in binding
    ? binding.read(context)
    : (args: readonly unknown[]) => binding.call(context, args);
}

function constantType(value: unknown): Type {
  switch (typeof value) {
    case "bigint":
      return INT;
    case "number":
      return FLOAT;
    case "string":
      return TEXT;
    default:
      return value === null ? NIL : BOOL;
  }
}

function negate(value: unknown): unknown {
  if (!isNumeric(value)) return fail(`- needs a number, not ${kindText(value)}`);
  return typeof value === "bigint" ? int(-value) : -asFloat(value);
}

/** What is known of a value that comes from one of two branches. */
function joined(then: Type, otherwise: Type): Type {
  if (then.kind === "nil") return otherwise;
  if (otherwise.kind === "nil") return then;
  if (!isAssignable(then, otherwise)) return UNKNOWN;
  if (then.kind === "array" && otherwise.kind === "array") {
    const [a, b] = [then.elem!, otherwise.elem!];
    if (!isAssignable(a, b) || !isAssignable(b, a)) return LIST;
  }
  return then;
}
