import {
  directive,
  problem,
  readEndpoint,
  type Endpoint,
  type FreeLine,
  type Problem,
} from "../../src/directive/index.ts";

const PORT = 53;

function readPrimaries({ name, words: [first, ...words] }: FreeLine): readonly Endpoint[] | Problem {
  if (first === undefined || (first.text === "from" && words.length === 0))
    return problem(
      "something is missing behind it: the line is transfer from ADDRESS...",
      name,
      "argument-count",
    );
  if (first.text !== "from")
    return problem(
      `unknown option "transfer ${first.text}": write transfer from ADDRESS...; zones are handed on by the transfer plugin`,
      first,
      "unknown-option",
    );
  const primaries: Endpoint[] = [];
  for (const word of words) {
    const primary = readEndpoint(word.text, PORT);
    if (primary === undefined)
      return problem(`"${word.text}" is no IP address, with or without a port: give the primary's`, word);
    primaries.push(primary);
  }
  return primaries;
}

export const directiveTable = directive({
  doc: "Answers from zones that are fetched from their primaries.",
  repeat: "each",
  args: { zones: { type: "zone[]", default: "keys", doc: "Zones to fetch." } },
  options: {
    transfer: {
      usage: "from ADDRESS...",
      line: readPrimaries,
      repeat: "each",
      doc: "Where the zones are fetched from; if one does not work, the next is tried.",
    },
    catalog: {
      type: "zone[]",
      atLeast: 0,
      repeat: "each",
      doc: "The zones are catalogs (RFC 9432): their members are fetched, too; those of these zones, or all.",
    },
    fallthrough: {
      type: "zone[]",
      ifEmpty: ["."],
      doc: "Names of these zones, or all, that do not exist are left to the next plugin. The last line that says it counts.",
    },
  },
  check: ({ transfer }) =>
    transfer.length === 0
      ? problem("it must be said where from: add transfer from ADDRESS", undefined, "argument-count")
      : undefined,
});
