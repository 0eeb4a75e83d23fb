/** The engine for browsers: everything that needs no files. `web/build.mjs` makes one script of it. */
export { loadObjects, loadText } from "./model/reader.ts";
export type * from "./model/types.ts";
export { createEngine } from "./policy/engine.ts";
export { traceSvg, traceHtml } from "./trace/picture.ts";
export { traceText } from "./trace/text.ts";
export { trace } from "./trace/trace.ts";
export type { TraceOptions } from "./trace/trace.ts";
export { REASONS } from "./trace/types.ts";
export type { Trace } from "./trace/types.ts";
export { openSnapshot, takeSnapshot } from "./map/snapshot.ts";
export type { Snapshot } from "./map/snapshot.ts";
