import { directive, isProblem, problem, type FreeLine, type Problem } from "../../src/directive/index.ts";
import type { Token } from "../../src/corefile/index.ts";
import { parseNetwork, type Network } from "../../src/dns/network.ts";

/** What one line says. */
export interface Translation {
  readonly prefix: Network | undefined;
  readonly translateAll: boolean;
  readonly allowIpv4: boolean;
}

/** RFC 6052 §2.2: 32 to 96 bits in steps of 8; 56 and more leave out bits 64 to 71. */
function readPrefix(word: Token): Network | Problem {
  const network = parseNetwork(word.text);
  if (network === undefined || network.bytes.length !== 16)
    return problem(`"${word.text}" is not a network of IPv6 addresses such as 64:ff9b::/96`, word);
  const { bits } = network;
  return bits % 8 === 0 && bits >= 32 && bits <= 96
    ? network
    : problem(`a prefix of ${bits} bits can't be used: it must have 32, 40, ... or 96`, word);
}

function readTranslation({ words }: FreeLine, block: readonly Token[] = []): Translation | Problem {
  if (words.length > 1)
    return problem(`"${words[1]!.text}" is too much: the line is dns64 [PREFIX]`, words[1], "argument-count");
  const given = words[0] === undefined ? undefined : readPrefix(words[0]);
  if (isProblem(given)) return given;
  // CoreDNS leaves a block unread that follows a prefix.
  if (given !== undefined) return { prefix: given, translateAll: false, allowIpv4: false };
  let prefix: Network | undefined;
  let [translateAll, allowIpv4] = [false, false];
  for (let i = 0; i < block.length; i++) {
    const word = block[i]!;
    if (word.text === "translate_all") {
      translateAll = true;
    } else if (word.text === "allow_ipv4") {
      allowIpv4 = true;
    } else if (word.text === "prefix") {
      const value = block[i + 1];
      if (value === undefined || value.line !== word.line)
        return problem(
          "something is missing behind prefix: the line is prefix PREFIX",
          word,
          "argument-count",
        );
      const read = readPrefix(value);
      if (isProblem(read)) return read;
      prefix = read;
      i++;
    } else {
      return problem(
        `unknown option "${word.text}": write one of prefix, translate_all, allow_ipv4`,
        word,
        "unknown-option",
      );
    }
  }
  return { prefix, translateAll, allowIpv4 };
}

export const directiveTable = directive({
  usage: "dns64 [PREFIX] { prefix PREFIX ; translate_all ; allow_ipv4 }",
  doc: "Makes IPv6 addresses of IPv4 addresses, for networks that have NAT64.",
  repeat: "each",
  rule: readTranslation,
});
