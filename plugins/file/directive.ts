import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Answers from a zone file.",
  repeat: "each",
  args: {
    file: { type: "path" },
    zones: { type: "zone[]", default: "keys", doc: "Zones that the file is read for." },
  },
  options: {
    reload: {
      type: "duration",
      surplus: "ignored",
      doc: "How often the file is looked at; 0: never. Holds for the following lines, too. Default: 1m.",
    },
    reload_by_mtime: {
      type: "flag",
      loose: true,
      doc: "Takes the file over when its time has changed, whatever the serial.",
    },
    fallthrough: {
      type: "zone[]",
      ifEmpty: ["."],
      doc: "Names of these zones, or all, that do not exist are left to the next plugin. The last line that says it counts.",
    },
    upstream: { ignored: true },
  },
});
