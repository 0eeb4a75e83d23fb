import { lower, parseName, type Name } from "./name.ts";

/**
 * The search domains of a resolv.conf(5), in lower case: those of its last `search` or `domain` line. What is no domain name is
 * left out.
 */
export function parseSearchList(text: string): readonly Name[] {
  let domains: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [word, ...words] = line.trim().split(/\s+/);
    if (word === "search") domains = words;
    else if (word === "domain" && words.length > 0) domains = words.slice(0, 1);
  }
  return domains.flatMap((domain) => {
    const name = parseName(domain);
    return name === undefined ? [] : [lower(name)];
  });
}
