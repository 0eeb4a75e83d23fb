import type { RE2JS } from "re2js";
import type { Position, Token } from "../corefile/index.ts";
import type { Name } from "../dns/name.ts";
import type { Problem } from "./problem.ts";

/** `host` is what stands before the last colon, without brackets, and may be empty; `text` is the word as written. */
export interface HostPort {
  readonly host: string;
  readonly port: string;
  readonly text: string;
}

/** An address (canonical text, host bits cleared) and the length of its prefix. */
export interface Cidr {
  readonly address: string;
  readonly bits: number;
  readonly family: 4 | 6;
}

/** What a word becomes, by the type that the table gives it. */
export interface TypeMap {
  text: string;
  /** A file's name as written: relative ones belong to `root`, else to the working directory. */
  path: string;
  /** A domain name, fully qualified and lower-cased. */
  name: Name;
  /** Like `name`, or a CIDR that stands for its reverse zones: `zone[]` takes all of them, `zone` the first. */
  zone: Name;
  /** An IP address in canonical text. */
  address: string;
  hostport: HostPort;
  cidr: Cidr;
  integer: number;
  /** A whole number of seconds, written without a unit. */
  seconds: number;
  /** A decimal number. */
  number: number;
  /** Milliseconds, written as Go does: `1h30m`, `250ms`, `1.5s`. */
  duration: number;
  /** Octets, written `4096`, `64KiB`, `2MB`. */
  bytes: number;
  /** As Go reads them: `true false t f 1 0`. */
  boolean: boolean;
  /** Go's syntax (RE2), compiled. */
  regexp: RE2JS;
  rcode: number;
  qtype: number;
  qclass: number;
}

export type TypeName = keyof TypeMap;

/** What would be written to get the default: words, or one number. `keys` (for zones): the zones of the server block. */
export type Default = string | number | readonly string[];

interface Described {
  /** One sentence for the manual page. */
  readonly doc?: string;
  /** The placeholder in the usage line; the default is made from the type or the argument's name. */
  readonly as?: string;
}

interface Sized {
  /** May be missing. Without a default its value is then undefined. */
  readonly optional?: true;
  readonly default?: Default;
  /** For lists: how many words there must be (1), and may be. */
  readonly atLeast?: number;
  readonly atMost?: number;
  /** For lists: what an option without any word stands for. */
  readonly ifEmpty?: readonly string[];
  /** Only a word that looks like this is taken; another is left for the next argument. Makes it optional. */
  readonly like?: RegExp;
}

/** One word, or with `[]` the rest of the line's words, of a type of `TypeMap`. */
export interface TypedSpec extends Described, Sized {
  readonly type: TypeName | `${TypeName}[]`;
  /** Inclusive bounds: numbers, or for durations text (`"2s"`). */
  readonly min?: number | string;
  readonly max?: number | string;
  /** For integers: no sign is allowed. */
  readonly unsigned?: true;
  /** For rcodes: in any letter case. */
  readonly fold?: true;
  /** For lists of names: what is no name is left out with a warning, as CoreDNS does; of zones that is always so. */
  readonly lenient?: true;
  /** For durations: the unit of a number that has none (else such a number is refused). */
  readonly bare?: "s";
}

/** One word of a list. `fold`: in any letter case; the value is as in `of`. */
export interface WordSpec extends Described, Sized {
  readonly type: "word" | "word[]";
  readonly of: readonly string[];
  readonly fold?: true;
}

/** A word that a function reads. `takes` says what it would accept, for the error: "a percentage such as 10%". */
export interface CustomSpec extends Described, Sized {
  readonly type: "custom" | "custom[]";
  readonly takes: string;
  readonly parse: (word: string) => unknown;
}

export type ValueSpec = TypedSpec | WordSpec | CustomSpec;

export const isList = (spec: ValueSpec): boolean => spec.type.endsWith("[]");
export const isCustom = (spec: ValueSpec): spec is CustomSpec => spec.type.startsWith("custom");
export const isWord = (spec: ValueSpec): spec is WordSpec => spec.type.startsWith("word");

/** The type of one word, where it is one of `TypeMap`. */
export const elementType = (spec: TypedSpec): TypeName => spec.type.replace("[]", "") as TypeName;

/** Whether the words may be missing. */
export const mayMiss = (spec: ValueSpec): boolean =>
  spec.optional === true ||
  spec.default !== undefined ||
  spec.like !== undefined ||
  spec.ifEmpty !== undefined ||
  spec.atLeast === 0;

/** A line for functions that read it themselves: the words after the name, up to the line's end. */
export interface FreeLine {
  readonly name: Token;
  readonly words: readonly Token[];
  /** The zones of the server block. */
  readonly zones: readonly Name[];
  /** The options of the same block that came before. */
  readonly seen: ReadonlySet<string>;
}

/** What a word of `spec` is read as. */
export type WordOf<S> = Word<S>;

/** Positional arguments, in order. At most one list; what follows it is taken from the line's end. */
export type ArgsSpec = Readonly<Record<string, ValueSpec>>;

/** How a repeated option is read: the last counts (default), lists join, each is kept (an array), or an error. */
export type OptionRepeat = "last" | "join" | "each" | "once";

interface Optioned {
  readonly doc?: string;
  readonly repeat?: OptionRepeat;
  /** Words that are too many are left unread, as CoreDNS does for some options; there is a warning. Else an error. */
  readonly surplus?: "ignored";
}

interface Loose {
  /**
   * For flags and single words: what follows on the line is read as the next option, as CoreDNS does where a plugin takes
   * no more than it needs. So `{ policy random }` is possible on one line.
   */
  readonly loose?: true;
}

/** An option without words. */
export interface FlagSpec extends Optioned, Loose {
  readonly type: "flag";
}

/** An option with positional arguments of its own; its value is an object. `default`: the words that would say the same. */
export interface TupleSpec extends Optioned {
  readonly args: ArgsSpec;
  readonly default?: readonly string[];
}

/** An option whose words a function reads. `usage` is what follows the option's name. */
export interface FreeSpec extends Optioned {
  readonly usage: string;
  readonly line: (line: FreeLine) => unknown;
}

/** CoreDNS has it and this program does not yet: refused, with a text that says so. */
export interface NotYetSpec {
  readonly notYet: true;
  readonly usage?: string;
  readonly doc?: string;
}

/** CoreDNS takes it and does nothing with it: any words are taken. */
export interface IgnoredSpec {
  readonly ignored: true;
  readonly doc?: string;
}

export type OptionSpec =
  (ValueSpec & Optioned & Loose) | FlagSpec | TupleSpec | FreeSpec | NotYetSpec | IgnoredSpec;
export type OptionsSpec = Readonly<Record<string, OptionSpec>>;

/**
 * A directive that stands several times in one server block: `once` is an error; `first` and `last` count alone;
 * `merge`: option by option, the last line that says it; `each`: the set-up gets an array, one entry a line.
 */
export type Repeat = "once" | "first" | "last" | "merge" | "each";

/** What a free-form function gives beside what it could not read. */
type Read<F> = F extends (...args: never[]) => infer T ? Exclude<T, Problem> : never;

type Word<S> = S extends { readonly type: "custom" | "custom[]"; readonly parse: infer F }
  ? Read<F>
  : S extends { readonly of: readonly (infer W)[] }
    ? W
    : S extends { readonly type: `${infer T extends TypeName}[]` }
      ? TypeMap[T]
      : S extends { readonly type: infer T extends TypeName }
        ? TypeMap[T]
        : never;

type Plain<S> = S extends { readonly type: `${string}[]` } ? readonly Word<S>[] : Word<S>;

type Maybe<S, V> = S extends { readonly default: unknown }
  ? V
  : S extends { readonly optional: true } | { readonly like: RegExp }
    ? V | undefined
    : V;

export type ArgsOf<A> = { readonly [K in keyof A]: Maybe<A[K], Plain<A[K]>> };

type OptionWords<S> = S extends { readonly args: infer A }
  ? ArgsOf<A>
  : S extends { readonly line: infer F }
    ? Read<F>
    : Plain<S>;

type OptionValue<S> = S extends { readonly type: "flag" }
  ? boolean
  : S extends { readonly repeat: "each" }
    ? readonly OptionWords<S>[]
    : S extends { readonly repeat: "join" } | { readonly default: unknown }
      ? OptionWords<S>
      : OptionWords<S> | undefined;

type Unread = { readonly notYet: true } | { readonly ignored: true };

// Where a table has no `args` or `options`, nothing is inferred and the type is the constraint, with any name as key.
type ArgsPart<A> = string extends keyof A ? unknown : ArgsOf<A>;
type OptionsPart<O> = string extends keyof O
  ? unknown
  : { readonly [K in keyof O as O[K] extends Unread ? never : K]: OptionValue<O[K]> };
type LinesPart<L> = [L] extends [never] ? unknown : { readonly lines: readonly Exclude<L, Problem>[] };
type RulePart<T> = [T] extends [never] ? unknown : { readonly rule: Exclude<T, Problem> };
type Flat<T> = { readonly [K in keyof T]: T[K] };

/** One occurrence of a directive, parsed: its arguments and options side by side, and where it stands. */
export type Occurrence<A, O, L = never, T = never> = Flat<
  ArgsPart<A> & OptionsPart<O> & LinesPart<L> & RulePart<T> & { readonly at: Position }
>;

/** The default of `repeat` where a table says nothing. */
type RepeatOr<R> = [R] extends [never] ? "once" : R;

/** What a plugin's set-up gets. */
export type Options<A, O, L, T, R> =
  RepeatOr<R> extends "each" ? readonly Occurrence<A, O, L, T>[] : Occurrence<A, O, L, T>;

/** Where an option was last written; undefined where it was not. */
export type Whereabouts = (option: string) => Position | undefined;

/**
 * A directive's syntax: the parser, `clusterdns check`, completion and the manual page read this one table.
 *
 * Arguments and options go side by side into one object, so their names must differ. An option that is not written is
 * its default; without one it is undefined, a flag false, a list with `join` or `each` empty.
 */
export interface DirectiveTable<
  A extends ArgsSpec = ArgsSpec,
  O extends OptionsSpec = OptionsSpec,
  L = unknown,
  T = unknown,
  R extends Repeat = Repeat,
> {
  /** As a manual page writes it; made from the table where missing. */
  readonly usage?: string;
  readonly doc?: string;
  /** Default `once`. */
  readonly repeat?: R;
  readonly args?: A;
  /** Words that are too many are left unread, with a warning. */
  readonly surplus?: "ignored";
  /** Instead of `args`: a function reads the directive's own words; its value is `rule`. Where there are no `options`, it gets the words of the block, too. */
  readonly rule?: (line: FreeLine, block: readonly Token[] | undefined) => T;
  /** The options of the block. Where missing, the directive has no block. */
  readonly options?: O;
  /** Without `options`: braces and what is in them are left unread. Else an error. */
  readonly block?: "ignored";
  /** Option names in any letter case. */
  readonly fold?: true;
  /** Lines of the block that name no option, such as the entries of `hosts`; the values are `lines`. */
  readonly line?: (line: FreeLine) => L;
  /** What only the whole occurrence can tell: options that need or exclude each other. */
  readonly check?: (options: Occurrence<A, O, L, T>, at: Whereabouts) => Problem | undefined;
}
