/**
 * resolv.conf(5). Every resolver reads the same file in its own way, so this keeps what the file says and decides nothing:
 * limits and defaults are each model's.
 */
export interface ResolvConf {
  /** Addresses of the `nameserver` lines in order, all of them, as written. */
  readonly nameservers: readonly string[];
  /** Domains of the last `search` or `domain` line. */
  readonly search: readonly string[];
  /** That line as it stands, without its end. musl cares for its length. */
  readonly searchLine: string;
  /** Words of all `options` lines, such as `ndots:5` and `rotate`. */
  readonly options: readonly string[];
}

/** Never fails: what a resolver would not understand is left out. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  let searchLine = "";
  for (const line of text.split(/\r?\n/)) {
    const [keyword, ...words] = line.split(/[ \t]+/);
    if (words.length === 0 || words[0] === "") continue;
    switch (keyword) {
      case "nameserver":
        nameservers.push(words[0]!);
        break;
      case "domain":
        search = words.slice(0, 1);
        searchLine = line;
        break;
      case "search":
        search = words.filter((word) => word !== "");
        searchLine = line;
        break;
      case "options":
        options.push(...words.filter((word) => word !== ""));
        break;
    }
  }
  return { nameservers, search, searchLine, options };
}

/** Whether one of these options is set. */
export const has = (conf: ResolvConf, ...names: readonly string[]): boolean =>
  names.some((name) => conf.options.includes(name));

/** The last value of `name:N` that is a decimal number, `otherwise` where there is none, held between `min` and `max`. */
export function number(conf: ResolvConf, name: string, otherwise: number, min: number, max: number): number {
  let value = otherwise;
  for (const option of conf.options) {
    const digits = new RegExp(`^${name}:(\\d+)`).exec(option)?.[1];
    if (digits !== undefined) value = Number(digits);
  }
  return Math.min(max, Math.max(min, value));
}

/** At most `most` servers; the local machine where there is none, as in every resolver. */
export const serversOf = (conf: ResolvConf, most = 3): readonly string[] =>
  conf.nameservers.length === 0 ? ["127.0.0.1"] : conf.nameservers.slice(0, most);
