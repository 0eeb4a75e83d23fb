import type { Token } from "../../src/corefile/index.ts";
import { isProblem, problem, readWords, type ArgsSpec, type Problem } from "../../src/directive/index.ts";

export type Edns =
  | { readonly option: "local"; readonly code: number; readonly value: string }
  | { readonly option: "nsid" }
  | { readonly option: "subnet"; readonly v4: number; readonly v6: number };

/** A rewrite rule that changes an EDNS option of the query, and with `revert` the answer's back. */
export interface EdnsRule {
  readonly kind: "edns0";
  readonly action: "set" | "append" | "replace" | "unset";
  readonly revert: boolean;
  readonly edns: Edns;
}

const lowerWord = (word: Token | undefined): string => word?.text.toLowerCase() ?? "";

const variables: readonly string[] = [
  "{qname}",
  "{qtype}",
  "{client_ip}",
  "{client_port}",
  "{protocol}",
  "{server_ip}",
  "{server_port}",
];
const actions = { type: "word", of: ["set", "append", "replace", "unset"], fold: true } as const;
const label = /^\{[^/]+\/.+\}$/s;

const number = (max: number, as: string) =>
  ({
    type: "custom",
    takes: `a number up to ${max}`,
    as,
    parse: (word: string): number | Problem => {
      const value = /^(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9]\d*)$/.test(word)
        ? Number(word.replace(/^0(?=[0-7])/, "0o"))
        : NaN;
      return value <= max ? value : problem(`"${word}" is not a number up to ${max}`);
    },
  }) as const;

const data = {
  type: "custom",
  takes: "text, 0x and hexadecimal digits, or a variable such as {qname}",
  parse: (word: string): string | Problem => {
    if (/^\{.*\}$/s.test(word) && !variables.includes(word) && !label.test(word)) {
      return problem(
        `"${word}" is not a variable: write one of ${variables.join(", ")}, or {a/metadata/label}`,
      );
    }
    if (/^0x/.test(word) && !/^0x(?:[0-9a-fA-F]{2})*$/.test(word))
      return problem(`"${word}" is not 0x and pairs of hexadecimal digits`);
    return word;
  },
} as const;

/** `edns0 local|nsid|subnet set|append|replace|unset ... [revert]` */
export function readEdns0(type: Token, words: readonly Token[]): EdnsRule | Problem {
  const option = lowerWord(words[0]);
  const unset = lowerWord(words[1]) === "unset";
  const revert = !unset && words.length > 2 && words.at(-1)!.text === "revert";
  const rest = words.slice(0, revert ? -1 : undefined);
  const read = <const A extends ArgsSpec>(args: A) =>
    readWords(
      { option: { type: "word", of: ["local", "nsid", "subnet"], fold: true }, action: actions, ...args },
      type,
      rest,
    );
  const made = (action: "set" | "append" | "replace" | "unset", edns: Edns): EdnsRule => ({
    kind: "edns0",
    action,
    revert,
    edns,
  });

  if (option === "local") {
    const code = number(65535, "CODE");
    if (unset) {
      const local = read({ code });
      return isProblem(local) ? local : made(local.action, { option, code: local.code, value: "" });
    }
    const local = read({ code, data });
    return isProblem(local) ? local : made(local.action, { option, code: local.code, value: local.data });
  }
  if (option === "subnet" && !unset) {
    const subnet = read({ v4: number(32, "V4-BITS"), v6: number(128, "V6-BITS") });
    return isProblem(subnet) ? subnet : made(subnet.action, { option, v4: subnet.v4, v6: subnet.v6 });
  }
  const bare = read({});
  if (isProblem(bare)) return bare;
  return made(bare.action, option === "subnet" ? { option, v4: 0, v6: 0 } : { option: "nsid" });
}
