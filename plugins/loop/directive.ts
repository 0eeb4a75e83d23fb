import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({ doc: "Ends the process where queries come back to it." });
