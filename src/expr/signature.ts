import { ANY, isAssignable, isUnknown, type Type } from "./types.ts";

/** A builtin that takes values: what it takes, what it gives, what it does. */
export interface Builtin {
  /**
   * The type of the result for arguments of these types; text: why it can't take them. Argument counts are checked here, so `run`
   * gets as many as fit.
   */
  readonly type: (args: readonly Type[]) => Type | string;
  /** `spend` is told how many elements or characters are made beyond what the arguments held. */
  readonly run: (args: readonly unknown[], spend: (elements: number) => void) => unknown;
}

/** How a function may be called: any of several ways. */
export interface Signature {
  readonly params: readonly Type[];
  readonly result: Type;
}

/** Why these arguments can't be given; undefined where they can. */
export function misfit({ params }: Signature, args: readonly Type[]): string | undefined {
  if (args.length !== params.length) {
    const few = args.length < params.length;
    return `it takes ${params.length} argument${params.length === 1 ? "" : "s"}: ${few ? "add" : "leave out"} ${Math.abs(params.length - args.length)}`;
  }
  const wrong = args.findIndex((arg, i) => !isUnknown(arg) && !fits(arg, params[i]!));
  return wrong < 0
    ? undefined
    : `argument ${wrong + 1} must be ${nameOf(params[wrong]!)}, not ${nameOf(args[wrong]!)}`;
}

const fits = (arg: Type, param: Type): boolean =>
  arg.kind === "nil" ? param === ANY : isAssignable(arg, param);

/** The result's type by the first signature that fits, or why the last does not. */
export const overloads =
  (...signatures: readonly Signature[]) =>
  (args: readonly Type[]): Type | string => {
    let why = "";
    for (const signature of signatures) {
      const problem = misfit(signature, args);
      if (problem === undefined) return signature.result;
      // What fits in number says more than what doesn't.
      if (why === "" || signature.params.length === args.length) why = problem;
    }
    return why;
  };

/** A type as an error calls it. */
export function nameOf(type: Type): string {
  switch (type.kind) {
    case "unknown":
      return "anything";
    case "array":
      return type.elem === undefined || isUnknown(type.elem) ? "an array" : `an array of ${type.elem.kind}`;
    case "int":
      return "a whole number";
    case "float":
      return "a number";
    case "nil":
      return "nil";
    case "bool":
      return "true or false";
    default:
      return `a ${type.kind}`;
  }
}
