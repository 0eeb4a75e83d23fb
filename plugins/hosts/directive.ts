import { directive, problem } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Answers from a file such as /etc/hosts.",
  args: {
    file: { type: "path", default: "/etc/hosts" },
    zones: {
      type: "zone[]",
      default: "keys",
      doc: "The zones that it answers for; default: the server block's.",
    },
  },
  options: {
    ttl: {
      type: "seconds",
      min: 1,
      max: 65535,
      default: 3600,
      surplus: "ignored",
      doc: "TTL of the records.",
    },
    no_reverse: { type: "flag", loose: true, doc: "No PTR records are made." },
    reload: { type: "duration", min: "0s", default: "5s", doc: "How often the file is looked at; 0: never." },
    fallthrough: {
      type: "zone[]",
      ifEmpty: ["."],
      doc: "Names of these zones, or all, that are not in the file are left to the next plugin.",
    },
    fallthrough_unsupported: {
      type: "flag",
      doc: "So are the types that the file can't say, for names in it.",
    },
  },
  // Entries come before fallthrough; what can't be one is skipped where the entries are read, as in the file.
  line: ({ name, words, seen }) =>
    seen.has("fallthrough")
      ? problem(
          `unknown option "${name.text}": entries must stand before fallthrough`,
          name,
          "unknown-option",
        )
      : [name, ...words].map((word) => word.text).join(" "),
  check: ({ fallthrough, fallthrough_unsupported }, at) =>
    fallthrough_unsupported && fallthrough === undefined
      ? problem("fallthrough_unsupported requires fallthrough: add that, too", at("fallthrough_unsupported"))
      : undefined,
});
