import type { ResolvConf } from "../resolver/conf.ts";

const keyOf = (option: string): string => option.split(":")[0]!;

/** The resolv.conf with these options, each in place of those of its name. */
export function withOptions(conf: ResolvConf, options: readonly string[]): ResolvConf {
  const replaced = new Set(options.map(keyOf));
  return { ...conf, options: [...conf.options.filter((one) => !replaced.has(keyOf(one))), ...options] };
}
