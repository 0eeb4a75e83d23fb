/** Names to values; those that are not there are empty text. */
export type Environment = Readonly<Record<string, string | undefined>>;

// Bounds for values that refer to themselves, which CoreDNS would replace for ever.
const MAX_ROUNDS = 1000;
const MAX_LENGTH = 1 << 20;

/**
 * `text` with its `{%NAME%}` and then its `{$NAME}` references replaced. A value is not split into words, but is looked
 * through again. Undefined where values refer to each other without an end.
 */
export function substitute(text: string, env: Environment): string | undefined {
  const windows = replaceAll(text, "{%", "%}", env);
  return windows === undefined ? undefined : replaceAll(windows, "{$", "}", env);
}

function replaceAll(text: string, open: string, close: string, env: Environment): string | undefined {
  for (let round = 0; ; round++) {
    const start = text.indexOf(open);
    const end = start < 0 ? -1 : text.indexOf(close, start);
    // A reference without a name ends the replacing of the whole word, as in CoreDNS.
    if (end <= start + open.length) return text;
    if (round === MAX_ROUNDS || text.length > MAX_LENGTH) return undefined;
    const name = text.slice(start + open.length, end);
    const value = (Object.hasOwn(env, name) ? env[name] : undefined) ?? "";
    text = text.replaceAll(open + name + close, () => value);
  }
}
