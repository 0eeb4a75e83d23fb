import {
  directive,
  isProblem,
  problem,
  readValue,
  type FreeLine,
  type Problem,
} from "../../src/directive/index.ts";
import type { Token } from "../../src/corefile/index.ts";
import { parseNetwork, type Network } from "../../src/dns/network.ts";

export type Action = "allow" | "block" | "filter" | "drop";

/** One line: what is done with queries of these types from these networks. */
export interface Policy {
  readonly action: Action;
  /** Undefined: any. */
  readonly types: ReadonlySet<number> | undefined;
  readonly networks: readonly Network[] | undefined;
}

const ACTIONS: readonly Action[] = ["allow", "block", "filter", "drop"];
const isSection = (word: Token): boolean => /^(type|net)$/i.test(word.text);

function readPolicy({ name, words }: FreeLine): Policy | Problem {
  const action = ACTIONS.find((each) => each === name.text.toLowerCase());
  if (action === undefined)
    return problem(
      `unknown option "${name.text}": write allow, block, filter or drop`,
      name,
      "unknown-option",
    );
  let types: Set<number> | "any" | undefined;
  let networks: Network[] | "any" | undefined;
  for (let i = 0; i < words.length;) {
    const section = words[i++]!;
    if (!isSection(section))
      return problem(`"${section.text}" is not known: write type TYPE... or net NETWORK...`, section);
    const first = i;
    while (i < words.length && !isSection(words[i]!)) i++;
    const own = words.slice(first, i);
    if (own.length === 0)
      return problem(`something is missing behind ${section.text}`, section, "argument-count");
    if (section.text.toLowerCase() === "type") {
      const read = readTypes(own);
      if (isProblem(read)) return read;
      types = read === "any" || types === "any" ? "any" : new Set([...(types ?? []), ...read]);
    } else {
      const read = readNetworks(own);
      if (isProblem(read)) return read;
      networks = read === "any" || networks === "any" ? "any" : [...(networks ?? []), ...read];
    }
  }
  return {
    action,
    types: types === "any" ? undefined : types,
    networks: networks === "any" ? undefined : networks,
  };
}

/** What stands behind a `*` is not looked at. */
function readTypes(words: readonly Token[]): readonly number[] | "any" | Problem {
  const types: number[] = [];
  for (const word of words) {
    if (word.text === "*") return "any";
    const type = readValue({ type: "qtype" }, word);
    if (isProblem(type)) return type;
    types.push(type);
  }
  return types;
}

/** An address without a length is a network of its own. */
function readNetworks(words: readonly Token[]): readonly Network[] | "any" | Problem {
  const networks: Network[] = [];
  for (const word of words) {
    const { text } = word;
    if (text === "*") return "any";
    const network = parseNetwork(text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`);
    if (network === undefined)
      return problem(`"${text}" is not an address or a network such as 10.0.0.0/8`, word);
    networks.push(network);
  }
  return networks;
}

export const directiveTable = directive({
  usage: "acl [ZONES...] { allow|block|filter|drop [type TYPE...] [net NETWORK...] }",
  doc: "Lets queries in or keeps them out, by client, type and name.",
  repeat: "each",
  args: {
    zones: { type: "zone[]", default: "keys", doc: "The zones that it guards; default: the server block's." },
  },
  line: readPolicy,
});
