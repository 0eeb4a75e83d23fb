import { directive, problem } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Answers from the zone files of a folder, found by their names.",
  repeat: "merge",
  args: { zones: { type: "zone[]", default: "keys", doc: "Only names of these zones are answered." } },
  options: {
    directory: {
      args: {
        folder: { type: "path" },
        pattern: { type: "regexp", optional: true },
        template: { type: "text", optional: true },
      },
      default: ["."],
      doc: "Where the files are. The pattern is looked for in each file's name, and the template makes the zone of its groups: {1}. Default: db\\.(.*) {1}.",
    },
    reload: {
      type: "duration",
      min: "0s",
      default: "1m",
      surplus: "ignored",
      doc: "How often the folder and the files are looked at; 0: never.",
    },
    upstream: { ignored: true },
  },
  check({ directory: { pattern, template } }, at) {
    if (pattern === undefined) return undefined;
    if (template === undefined)
      return problem(
        "behind the pattern a template is wanted, such as {1}",
        at("directory"),
        "argument-count",
      );
    return pattern.groupCount() === 0
      ? problem("the pattern needs a group, such as db\\.(.*), for the template to use", at("directory"))
      : undefined;
  },
});
