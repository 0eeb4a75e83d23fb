/** Directive tables: what a plugin's directive looks like, and the engine that reads a Corefile's words by it. */
export { isProblem, problem, type Problem } from "./problem.ts";
export type {
  ArgsOf,
  ArgsSpec,
  Cidr,
  DirectiveTable,
  FreeLine,
  HostPort,
  Occurrence,
  Options,
  OptionsSpec,
  OptionSpec,
  Repeat,
  TypeMap,
  ValueSpec,
} from "./spec.ts";
export { directive, zonesOf, type AnyDirective, type Directive, type OptionsOf } from "./table.ts";
export { notBuiltYet, parseDirective, type Parsed, type ParseContext } from "./parse.ts";
export { readValue, readWords } from "./args.ts";
export { usage } from "./describe.ts";
export { addressText, readCidr, readHostPort } from "./values.ts";
export { readEndpoint, type Endpoint } from "./endpoint.ts";
export { durationText, parseDuration } from "./quantity.ts";
