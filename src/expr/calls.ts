/** Calls of functions, of the environment and the language's own. */
import type { Node } from "./ast.ts";
import { spend } from "./binary.ts";
import type { Code, Frame } from "./code.ts";
import { fail } from "./error.ts";
import { FUNCTIONS } from "./functions.ts";
import { PREDICATED } from "./operators.ts";
import { needsTest, predicateRun, predicateType, type Each } from "./predicates.ts";
import { CUT, refuse, type Scope } from "./scope.ts";
import { misfit, nameOf } from "./signature.ts";
import { INT, isUnknown, UNKNOWN, type Type } from "./types.ts";
import { kindText } from "./values.ts";

const NO_ARGS: readonly unknown[] = [];

export function call<C>(scope: Scope<C>, node: Node, callee: Node, given: readonly Node[]): Code<C> {
  const args = given.map(scope.visit);
  const binding = callee.kind === "name" ? scope.environment.get(callee.name) : undefined;
  const isHidden = callee.kind === "name" && scope.variables.some((each) => each.name === callee.name);
  const { type, run } = scope.visit(callee);
  if (type.kind !== "function" && !isUnknown(type)) refuse(node, `${nameOf(type)} can't be called`);
  const problem =
    type.params === undefined
      ? undefined
      : misfit(
          { params: type.params, result: UNKNOWN },
          args.map((arg) => arg.type),
        );
  if (problem !== undefined) refuse(node, `${callee.kind === "name" ? callee.name : "function"}: ${problem}`);
  const result = type.result ?? UNKNOWN;
  const values = evaluated(args);
  if (binding !== undefined && "call" in binding && !isHidden)
    return { type: result, run: (frame) => binding.call(frame.context, values(frame)) };
  return {
    type: result,
    run: (frame) => {
      const target = run(frame);
      if (target === CUT) return CUT;
      if (typeof target !== "function") return fail(`${kindText(target)} can't be called`);
      return (target as (args: readonly unknown[]) => unknown)(values(frame));
    },
  };
}

/** Runs all arguments. */
const evaluated = <C>(args: readonly Code<C>[]): ((frame: Frame<C>) => readonly unknown[]) =>
  args.length === 0 ? () => NO_ARGS : (frame) => args.map(({ run }) => run(frame));

export function builtin<C>(scope: Scope<C>, node: Node, text: string, given: readonly Node[]): Code<C> {
  if (PREDICATED.has(text)) return predicated(scope, node, text, given);
  const { type: typeOf, run } = FUNCTIONS.get(text)!;
  const args = given.map(scope.visit);
  const type = typeOf(args.map((arg) => arg.type));
  if (typeof type === "string") return refuse(node, `${text}: ${type}`);
  const values = evaluated(args);
  return { type, run: (frame) => run(values(frame), (elements) => spend(frame, elements)) };
}

function predicated<C>(
  scope: Scope<C>,
  node: Node,
  text: string,
  [first, second, third]: readonly Node[],
): Code<C> {
  const list = scope.visit(first!);
  if (list.type.kind !== "array" && !isUnknown(list.type))
    refuse(first!, `${text} needs an array, not ${nameOf(list.type)}`);
  const each = second === undefined ? undefined : predicate(scope, text, list.type, second);
  const made = each?.code.type;
  if (made !== undefined && needsTest(text) && made.kind !== "bool" && !isUnknown(made))
    refuse(second!, `${text} needs a predicate that says true or false, not ${nameOf(made)}`);
  if (made?.kind === "nil") refuse(second!, "a predicate can't be nil");
  const extra = third === undefined ? undefined : scope.visit(third);
  if (text === "sortBy" && extra !== undefined && extra.type.kind !== "text" && !isUnknown(extra.type))
    refuse(third!, `the order of sortBy is a text, not ${nameOf(extra.type)}`);
  return {
    type: predicateType(text, list.type, made),
    run: predicateRun(text, list.run, each, extra?.run),
  };
}

function predicate<C>(scope: Scope<C>, text: string, list: Type, body: Node): Each<C> {
  const [item, index, acc] = [scope.newSlot(), scope.newSlot(), scope.newSlot()];
  const names = new Map([["", { type: isUnknown(list) ? UNKNOWN : list.elem!, slot: item }]]);
  if (text === "map" || text === "reduce") names.set("index", { type: INT, slot: index });
  if (text === "reduce") names.set("acc", { type: UNKNOWN, slot: acc });
  scope.pointers.push(names);
  const code = scope.visit(body);
  scope.pointers.pop();
  return { code, item, index, acc };
}
