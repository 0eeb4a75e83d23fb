import { dirname, isAbsolute, join } from "node:path";
import { ROOT, type Name } from "../name.ts";
import { parseRdata } from "../rdata.ts";
import { parseDuration } from "../rdata/duration.ts";
import type { Token } from "../rdata/kind.ts";
import { parseRelative } from "../rdata/names.ts";
import { CLASS, type RR } from "../rr.ts";
import { parseClass, parseType } from "../types.ts";
import { expand, parseRange, templateOf } from "./generate.ts";
import { entries, type Entry } from "./lexer.ts";

/** A zone file, or what is to be read like one. */
export interface ZoneSource {
  readonly text: string;
  /** Its path, for errors and for `$INCLUDE`, whose paths are relative to the including file. */
  readonly file: string;
  /** What relative names are completed with until the first `$ORIGIN`. */
  readonly origin: Name;
  /** Reads an included file, or says why it can't. Without it `$INCLUDE` is an error. */
  readonly include?: (path: string) => string | { readonly error: string };
}

/** What is wrong in a zone file, and where. */
export interface ZoneError {
  readonly file: string;
  /** From 1. Of what `$GENERATE` made: its own line. */
  readonly line: number;
  /** One line. */
  readonly error: string;
}

export const zoneErrorText = (error: ZoneError): string =>
  `${error.file}:${String(error.line)}: ${error.error}`;

/** All records of a zone file in its order, or the first error. See `zoneRecords`. */
export function parseZone(source: ZoneSource): { readonly records: readonly RR[] } | ZoneError {
  const records: RR[] = [];
  const all = zoneRecords(source);
  for (;;) {
    const next = all.next();
    if (next.done !== true) records.push(next.value);
    else return next.value ?? { records };
  }
}

/**
 * The one record that `text` holds, such as `www.example.org. 60 IN A 192.0.2.1`: TTL 3600 and class IN where it
 * has none, relative names below `origin`. undefined where there is none (a comment, nothing).
 */
export function parseRecord(text: string, origin: Name = ROOT): RR | { readonly error: string } | undefined {
  return (
    new Reader({ text, file: "", origin }, origin, DEFAULT_TTL, 0).read(text, 1, true).next().value ??
    undefined
  );
}
/** How deep files may include each other. */
const DEEPEST = 7;

/** The TTL of records that state none. */
interface DefaultTtl {
  readonly ttl: number;
  /** Set by `$TTL`: then no record's own TTL changes it. */
  readonly fixed: boolean;
}

/** What a record on its own has, and one that `$GENERATE` makes. */
const DEFAULT_TTL: DefaultTtl = { ttl: 3600, fixed: false };

/**
 * The records of a zone file (RFC 1035 §5, RFC 2308 §4), one by one as they are asked for, so that a large file can be
 * read in slices. An error ends it: then it is what the generator returns.
 *
 * As CoreDNS reads them: a record without TTL takes that of the last `$TTL`, else the last one stated. Before any was
 * stated a record with owner and type alone is an error, and all others have TTL 0. An included file begins with the
 * TTL of the including one, which stays as it was; records that `$GENERATE` makes have 3600 unless they state one.
 * Duplicates and records outside of the origin are kept.
 */
export function* zoneRecords(source: ZoneSource): Generator<RR, ZoneError | undefined> {
  return yield* new Reader(source, source.origin, undefined, 0).read(source.text, 1, true);
}

class Reader {
  private readonly source: ZoneSource;
  private readonly depth: number;
  private origin: Name;
  private ttl: DefaultTtl | undefined;
  private owner: Name | undefined = undefined;

  constructor(source: ZoneSource, origin: Name, ttl: DefaultTtl | undefined, depth: number) {
    this.source = source;
    this.origin = origin;
    this.ttl = ttl;
    this.depth = depth;
  }

  *read(text: string, firstLine: number, mayGenerate: boolean): Generator<RR, ZoneError | undefined> {
    const lexed = entries(text, firstLine);
    for (;;) {
      const next = lexed.next();
      if (next.done === true)
        return next.value === undefined ? undefined : this.fail(next.value.line, next.value.error);
      const entry = next.value;
      const first = entry.tokens[0]!;
      const directive =
        entry.indented || first.quoted || !first.text.startsWith("$") ? "" : first.text.toUpperCase();
      let error: ZoneError | undefined;
      if (directive === "") {
        const record = this.record(entry);
        if ("error" in record) return record;
        yield record;
      } else if (directive === "$INCLUDE") {
        error = yield* this.included(entry);
      } else if (directive === "$GENERATE" && mayGenerate) {
        error = yield* this.generated(entry);
      } else error = this.directive(directive, entry);
      if (error !== undefined) return error;
    }
  }

  private fail(line: number, error: string): ZoneError {
    return { file: this.source.file, line, error };
  }

  private directive(directive: string, { line, tokens }: Entry): ZoneError | undefined {
    const value = tokens[1]?.text ?? "";
    if (directive === "$TTL") {
      const ttl = parseDuration(value);
      if (ttl === undefined) return this.fail(line, `$TTL: not a TTL such as 3600 or 1h: "${value}"`);
      this.ttl = { ttl, fixed: true };
    } else if (directive === "$ORIGIN") {
      const origin = parseRelative(value, this.origin);
      if (origin === undefined) return this.fail(line, `$ORIGIN: not a domain name: "${value}"`);
      this.origin = origin;
    } else if (directive === "$GENERATE") {
      return this.fail(line, "$GENERATE: may not stand in what another $GENERATE makes");
    } else {
      return this.fail(
        line,
        `"${tokens[0]!.text}" is no directive: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE; a name with a dollar sign is written \\$`,
      );
    }
    return tokens.length > 2
      ? this.fail(line, `${directive}: one value is wanted, but there is also "${tokens[2]!.text}"`)
      : undefined;
  }

  private *included({ line, tokens }: Entry): Generator<RR, ZoneError | undefined> {
    const path = tokens[1]?.text;
    const origin = tokens[2] === undefined ? this.origin : parseRelative(tokens[2].text, this.origin);
    if (path === undefined) return this.fail(line, "$INCLUDE: a file is missing");
    if (origin === undefined) return this.fail(line, `$INCLUDE: not a domain name: "${tokens[2]!.text}"`);
    if (this.source.include === undefined) return this.fail(line, "$INCLUDE is not allowed here");
    if (this.depth >= DEEPEST)
      return this.fail(
        line,
        `$INCLUDE: more than ${String(DEEPEST)} files deep: does a file include itself?`,
      );
    const file = isAbsolute(path) ? path : join(dirname(this.source.file), path);
    const text = this.source.include(file);
    if (typeof text !== "string") return this.fail(line, `$INCLUDE: ${text.error}`);
    return yield* new Reader({ ...this.source, text, file }, origin, this.ttl, this.depth + 1).read(
      text,
      1,
      true,
    );
  }

  private *generated({ line, tokens }: Entry): Generator<RR, ZoneError | undefined> {
    const range = parseRange(tokens[1]?.text ?? "");
    if (range === undefined) {
      return this.fail(
        line,
        `$GENERATE: not a range such as 1-10 or 0-254/2, of 65536 steps at most: "${tokens[1]?.text ?? ""}"`,
      );
    }
    const template = templateOf(tokens.slice(2));
    const reader = new Reader(this.source, this.origin, DEFAULT_TTL, this.depth);
    for (let n = range.start; n <= range.stop; n += range.step) {
      const text = expand(template, n);
      if (typeof text !== "string") return this.fail(line, `$GENERATE: ${text.error}`);
      const error = yield* reader.read(text, line, false);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  private record({ line, indented, tokens }: Entry): RR | ZoneError {
    let at = 0;
    if (!indented) {
      const owner = tokens[at]!.quoted ? undefined : parseRelative(tokens[at]!.text, this.origin);
      if (owner === undefined) return this.fail(line, `not an owner name: "${tokens[at]!.text}"`);
      this.owner = owner;
      at++;
    }
    const name = this.owner;
    if (name === undefined)
      return this.fail(
        line,
        "a record without owner name, and none before it: begin the line with the name, or @",
      );

    let ttl: number | undefined;
    let cls: number | undefined;
    for (; at < tokens.length; at++) {
      const { text } = tokens[at]!;
      // ANY and NONE are types or classes; between owner and type they are classes.
      const asClass = cls === undefined ? parseClass(text) : undefined;
      const asTtl = ttl === undefined && asClass === undefined ? parseDuration(text) : undefined;
      if (asClass === undefined && asTtl === undefined) break;
      cls = asClass ?? cls;
      ttl = asTtl ?? ttl;
    }
    const type = at < tokens.length && !tokens[at]!.quoted ? parseType(tokens[at]!.text) : undefined;
    if (type === undefined)
      return this.fail(line, `expected a TTL, a class or a record type, not ${wordAt(tokens, at)}`);
    if (ttl !== undefined && this.ttl?.fixed !== true) this.ttl = { ttl, fixed: false };
    if (this.ttl === undefined && cls === undefined && !indented) {
      return this.fail(line, "no TTL, and none before it: begin the file with one, such as $TTL 3600");
    }
    const rdata = parseRdata(type, tokens.slice(at + 1), this.origin);
    if (typeof rdata !== "string") return this.fail(line, rdata.error);
    return { name, type, class: cls ?? CLASS.IN, ttl: ttl ?? this.ttl?.ttl ?? 0, rdata };
  }
}

const wordAt = (tokens: readonly Token[], at: number): string =>
  at < tokens.length ? `"${tokens[at]!.text}"` : "the end of the line";
