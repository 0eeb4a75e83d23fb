import { directive } from "../../src/directive/index.ts";

const places = { type: "text[]", as: "ADDRESS|INTERFACE" } as const;

export const directiveTable = directive({
  doc: "Listens on these addresses, or those of these interfaces, instead of all.",
  repeat: "each",
  args: { addresses: places },
  options: { except: { ...places, repeat: "join", doc: "Leaves these out again." } },
});
