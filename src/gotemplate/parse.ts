/** Go's text/template: parts -> a tree of nodes. */
import { cutTemplate, TemplateError, type Part, type Word } from "./lex.ts";

/** A value's source: a literal, dot, a variable, a function's call, or another pipeline; then fields of it. */
export interface Operand {
  readonly base:
    | { readonly kind: "literal"; readonly value: unknown }
    | { readonly kind: "dot" }
    | { readonly kind: "variable"; readonly name: string }
    | { readonly kind: "function"; readonly name: string }
    | { readonly kind: "pipeline"; readonly pipeline: Pipeline };
  readonly fields: readonly string[];
}

/** An operand with arguments: a function's, or those of a method that its last field names. */
export interface Command {
  readonly head: Operand;
  readonly args: readonly Operand[];
}

export interface Pipeline {
  readonly declares: readonly string[];
  /** `=` and not `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: "break" | "continue" };

/** Throws a TemplateError where the template is wrong. `functions` are the names that may be called. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Node[] {
  const parts = cutTemplate(source);
  const state = { parts, at: 0, functions };
  const { nodes, end } = parseBody(state);
  if (end !== undefined) throw new TemplateError(`unexpected {{${end.source}}}`);
  return nodes;
}

interface State {
  readonly parts: readonly Part[];
  at: number;
  readonly functions: ReadonlySet<string>;
}

type Action = Extract<Part, { kind: "action" }>;

/** Nodes up to `end` or `else` of the enclosing action, or to the template's end. */
function parseBody(state: State): { nodes: Node[]; end: Action | undefined } {
  const nodes: Node[] = [];
  while (state.at < state.parts.length) {
    const part = state.parts[state.at++]!;
    if (part.kind === "text") {
      nodes.push(part);
      continue;
    }
    const [first] = part.words;
    const keyword = first?.kind === "name" ? first.name : "";
    switch (keyword) {
      case "end":
      case "else":
        return { nodes, end: part };
      case "if":
      case "with":
      case "range":
        nodes.push(parseBranch(state, keyword, part.words.slice(1), part.source));
        break;
      case "break":
      case "continue":
        nodes.push({ kind: keyword });
        break;
      case "define":
      case "template":
      case "block":
        throw new TemplateError(`{{${part.source}}}: nested templates are not available here`);
      default:
        nodes.push({ kind: "action", pipeline: parsePipeline(part.words, state.functions, part.source) });
    }
  }
  return { nodes, end: undefined };
}

function parseBranch(
  state: State,
  kind: "if" | "with" | "range",
  words: readonly Word[],
  source: string,
): Node {
  const pipeline = parsePipeline(words, state.functions, source);
  const { nodes: body, end } = parseBody(state);
  if (end === undefined) throw new TemplateError(`{{${source}}} has no {{end}}`);
  const more = trimmed(end.words.slice(1));
  if (end.words[0]?.kind === "name" && end.words[0].name === "end") {
    if (more.length > 0) throw new TemplateError(`unexpected words in {{${end.source}}}`);
    return { kind, pipeline, body, otherwise: [] };
  }
  const [next] = more;
  if (next?.kind === "name" && (next.name === "if" || next.name === "with")) {
    return { kind, pipeline, body, otherwise: [parseBranch(state, next.name, more.slice(1), end.source)] };
  }
  if (more.length > 0) throw new TemplateError(`unexpected words in {{${end.source}}}`);
  const { nodes: otherwise, end: last } = parseBody(state);
  if (last?.words[0]?.kind !== "name" || last.words[0].name !== "end")
    throw new TemplateError(`{{${source}}} has no {{end}}`);
  return { kind, pipeline, body, otherwise };
}

function trimmed(words: readonly Word[]): readonly Word[] {
  return words[0]?.kind === "space" ? words.slice(1) : words;
}

function parsePipeline(all: readonly Word[], functions: ReadonlySet<string>, source: string): Pipeline {
  let words = trimmed(all);
  const declares: string[] = [];
  let assigns = false;
  const sign = words.findIndex((word) => word.kind === "mark" && (word.text === ":=" || word.text === "="));
  if (sign >= 0) {
    for (const word of words.slice(0, sign)) {
      if (word.kind === "variable") declares.push(word.name);
      else if (word.kind !== "space" && !(word.kind === "mark" && word.text === ",")) {
        throw new TemplateError(`only variables can be assigned to, in {{${source}}}`);
      }
    }
    assigns = (words[sign] as { text: string }).text === "=";
    words = words.slice(sign + 1);
  }
  const reader = { words, at: 0 };
  const commands = readCommands(reader, functions, source);
  if (reader.at < words.length) throw new TemplateError(`unexpected ")" in {{${source}}}`);
  return { declares, assigns, commands };
}

interface Reader {
  readonly words: readonly Word[];
  at: number;
}

function readCommands(reader: Reader, functions: ReadonlySet<string>, source: string): Command[] {
  const commands: Command[] = [];
  let operands: Operand[] = [];
  const finish = (): void => {
    const [head, ...args] = operands;
    if (head === undefined) throw new TemplateError(`missing value in {{${source}}}`);
    if (args.length > 0 && head.base.kind === "literal")
      throw new TemplateError(`a literal takes no arguments, in {{${source}}}`);
    commands.push({ head, args });
    operands = [];
  };
  for (; reader.at < reader.words.length; reader.at++) {
    const word = reader.words[reader.at]!;
    if (word.kind === "space") continue;
    if (word.kind === "mark" && word.text === "|") finish();
    else if (word.kind === "mark" && word.text === ")") break;
    else operands.push(readOperand(reader, functions, source));
  }
  finish();
  return commands;
}

function readOperand(reader: Reader, functions: ReadonlySet<string>, source: string): Operand {
  const word = reader.words[reader.at]!;
  const base = ((): Operand["base"] => {
    switch (word.kind) {
      case "string":
      case "number":
        return { kind: "literal", value: word.value };
      case "variable":
        return { kind: "variable", name: word.name };
      case "field":
        // The field itself is read below.
        reader.at--;
        return { kind: "dot" };
      case "name":
        if (word.name === "true" || word.name === "false")
          return { kind: "literal", value: word.name === "true" };
        if (word.name === "nil") return { kind: "literal", value: null };
        if (!functions.has(word.name))
          throw new TemplateError(`function "${word.name}" not defined, in {{${source}}}`);
        return { kind: "function", name: word.name };
      case "mark":
        if (word.text === ".") return { kind: "dot" };
        if (word.text === "(") {
          reader.at++;
          const commands = readCommands(reader, functions, source);
          if (reader.at >= reader.words.length) throw new TemplateError(`unclosed "(" in {{${source}}}`);
          return { kind: "pipeline", pipeline: { declares: [], assigns: false, commands } };
        }
        break;
      case "space":
        break;
    }
    throw new TemplateError(`unexpected "${word.kind === "mark" ? word.text : " "}" in {{${source}}}`);
  })();
  const fields: string[] = [];
  for (let next = reader.words[reader.at + 1]; next?.kind === "field"; next = reader.words[reader.at + 1]) {
    fields.push(next.name);
    reader.at++;
  }
  return { base, fields };
}
