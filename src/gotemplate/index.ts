/** Go's text/template, for what is written in it: records of the template plugin, formats. */
export { compileTemplate, type Template, type TemplateFunction } from "./execute.ts";
export { TemplateError } from "./lex.ts";
