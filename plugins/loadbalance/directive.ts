import { directive, problem } from "../../src/directive/index.ts";

export const directiveTable = directive({
  usage: "loadbalance [round_robin | weighted WEIGHTFILE] { reload DURATION ; prefer CIDR... }",
  doc: "Mixes the order of A, AAAA and MX records.",
  repeat: "merge",
  args: {
    policy: { type: "word", of: ["round_robin", "weighted"], default: "round_robin" },
    file: { type: "path", optional: true },
  },
  options: {
    reload: { type: "duration", default: "30s", doc: "How often the weight file is looked at; 0s: never." },
    prefer: { type: "cidr[]", atLeast: 0, repeat: "join", doc: "Addresses in these networks come first." },
  },
  check({ policy, file, prefer }, at) {
    if (policy === "weighted" && file === undefined)
      return problem("weighted needs a weight file: weighted WEIGHTFILE");
    if (policy === "round_robin" && file !== undefined)
      return problem(`round_robin takes no argument: leave out "${file}"`);
    if (policy === "round_robin" && at("reload") !== undefined)
      return problem("reload goes with weighted only: leave it out", at("reload"));
    if (policy === "weighted" && prefer.length > 0)
      return problem("prefer goes with round_robin only: leave it out", at("prefer"));
    return undefined;
  },
});
