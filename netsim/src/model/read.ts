/**
 * Readers: small functions that take one parsed field, say what is wrong with it, and give back the typed part of it that
 * netsim uses. They are combined into the shape of a kind (kinds.ts); what no reader asks for is dropped on the way.
 */
import type { Labels } from "./types.ts";

export type Path = readonly (string | number)[];

/** Where the reading stands; `error` makes the object unusable, `warn` does not. */
export interface At {
  readonly path: (string | number)[];
  error(message: string): void;
  warn(message: string): void;
}

/** Gives undefined for a value that is wrong, after reporting it. Never called with null or undefined. */
export interface Read<T> {
  (value: unknown, at: At): T | undefined;
  readonly required?: boolean;
  readonly fallback?: T;
}

type Fields<T> = { readonly [K in keyof T]-?: Read<Exclude<T[K], undefined>> };

/** Makes a field mandatory: its absence is an error. */
export const need = <T>(read: Read<T>): Read<T> =>
  Object.assign((v: unknown, at: At) => read(v, at), { required: true });

/** Gives a field the value that the API server would fill in. */
export const or = <T>(read: Read<T>, fallback: T): Read<T> =>
  Object.assign((v: unknown, at: At) => read(v, at), { fallback });

export function typeName(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "null";
  return typeof value === "object" ? "a mapping" : `a ${typeof value}`;
}

const hint = (value: unknown): string =>
  typeof value === "number" || typeof value === "boolean" ? " (put it in quotes)" : "";

export const string: Read<string> = (value, at) => {
  if (typeof value === "string") return value;
  at.error(`must be a string, not ${typeName(value)}${hint(value)}`);
  return undefined;
};

export const boolean: Read<boolean> = (value, at) => {
  if (typeof value === "boolean") return value;
  at.error(`must be true or false, not ${typeName(value)}`);
  return undefined;
};

export const number: Read<number> = (value, at) => {
  if (typeof value === "number") return value;
  at.error(`must be a number, not ${typeName(value)}`);
  return undefined;
};

export const integer = (min: number, max: number): Read<number> => {
  return (value, at) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    const got =
      typeof value === "number" || typeof value === "string" ? JSON.stringify(value) : typeName(value);
    at.error(`must be a whole number between ${min} and ${max}, not ${got}`);
    return undefined;
  };
};

export const port = integer(1, 65535);

/** A port number, or the name of a container's port. */
export const portOrName: Read<number | string> = (value, at) => {
  if (typeof value === "number") return port(value, at);
  if (typeof value === "string" && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(value) && /[a-z]/.test(value)) {
    if (value.length <= 15) return value;
    at.error(`port name ${JSON.stringify(value)} is longer than 15 characters`);
    return undefined;
  }
  const quoted =
    typeof value === "string" && /^\d+$/.test(value)
      ? " (a quoted number is a name: take the quotes away)"
      : "";
  at.error(`must be a port number or name, not ${JSON.stringify(value)}${quoted}`);
  return undefined;
};

export const intOrString: Read<number | string> = (value, at) => {
  if (typeof value === "number" || typeof value === "string") return value;
  at.error(`must be a number or a string, not ${typeName(value)}`);
  return undefined;
};

export const oneOf = <const T extends string>(...choices: T[]): Read<T> => {
  return (value, at) => {
    if (choices.includes(value as T)) return value as T;
    at.error(`must be ${choices.join(", ")}, not ${JSON.stringify(value)}`);
    return undefined;
  };
};

/** Whatever it is, as parsed. */
export const any: Read<unknown> = (value) => value;

export const list = <T>(item: Read<T>): Read<readonly T[]> => {
  return (value, at) => {
    if (!Array.isArray(value)) {
      at.error(`must be a list, not ${typeName(value)}`);
      return undefined;
    }
    const out: T[] = [];
    for (let i = 0; i < value.length; i++) {
      at.path.push(i);
      if (value[i] === null || value[i] === undefined) at.error("is an empty list entry");
      else {
        const read = item(value[i], at);
        if (read !== undefined) out.push(read);
      }
      at.path.pop();
    }
    return out;
  };
};

/** As `list`, but keeps the difference between an absent list (null) and an empty one, for kinds to which it matters. */
export const listOrNull = <T>(item: Read<T>): Read<readonly T[] | null> => list(item);

const noLabels: Labels = Object.freeze({});

/** Label values must be strings: an unquoted `1.0` or `yes` is the classic that the API server refuses. */
export const labels: Read<Labels> = (value, at) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    at.error(`must be a mapping of strings, not ${typeName(value)}`);
    return undefined;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return noLabels;
  const out: Record<string, string> = {};
  for (const [key, v] of entries) {
    at.path.push(key);
    if (v === null) out[key] = "";
    else {
      const text = string(v, at);
      if (text !== undefined) out[key] = text;
    }
    at.path.pop();
  }
  return out;
};

/**
 * A mapping with these fields. `strict` also reports fields that the kind does not have: in a policy a misspelt field
 * opens or closes more than was meant.
 */
export function record<T extends object>(fields: Fields<T>, strict?: { known?: readonly string[] }): Read<T> {
  const readers = Object.entries(fields) as [keyof T & string, Read<unknown>][];
  const names = new Set<string>([...readers.map(([name]) => name), ...(strict?.known ?? [])]);
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      at.error(`must be a mapping, not ${typeName(value)}`);
      return undefined;
    }
    const from = value as Record<string, unknown>;
    const out: Record<string, unknown> = {};
    // Without what is mandatory there is nothing for later checks to look at.
    let whole = true;
    for (const [name, read] of readers) {
      const field = from[name];
      if (field === undefined || field === null) {
        if (read.fallback !== undefined) out[name] = read.fallback;
        else if (read.required === true) {
          at.path.push(name);
          at.error("is missing");
          at.path.pop();
          whole = false;
        }
        continue;
      }
      at.path.push(name);
      const result = read(field, at);
      if (result !== undefined) out[name] = result;
      else if (read.fallback !== undefined) out[name] = read.fallback;
      else if (read.required === true) whole = false;
      at.path.pop();
    }
    if (strict !== undefined) warnUnknown(from, names, at);
    return whole ? (out as T) : undefined;
  };
}

function warnUnknown(from: Record<string, unknown>, names: ReadonlySet<string>, at: At): void {
  for (const name of Object.keys(from)) {
    if (names.has(name)) continue;
    const meant = [...names].find((n) => n.toLowerCase() === name.toLowerCase());
    at.path.push(name);
    at.warn(
      `is not a field of this kind and has no effect${meant === undefined ? "" : `: did you mean ${meant}?`}`,
    );
    at.path.pop();
  }
}

/** Runs `check` on what `read` gave; `check` reports by itself. */
export const checked = <T>(read: Read<T>, check: (value: T, at: At) => void): Read<T> => {
  return (value, at) => {
    const result = read(value, at);
    if (result !== undefined) check(result, at);
    return result;
  };
};

/** `spec.ingress[0].from[1]`; keys that hold dots or slashes are quoted. */
export function fieldName(path: Path): string {
  let out = "";
  for (const part of path) {
    if (typeof part === "number") out += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) out += out === "" ? part : `.${part}`;
    else out += `[${JSON.stringify(part)}]`;
  }
  return out;
}
